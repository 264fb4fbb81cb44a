#include "cpu/packet.h"
#include "ops/pool/pool_kernels.h"

// Channels go along registers. A strip of registers takes all taps before the next strip starts, and is wide
// enough to use up the cache lines it touches: pixels of many channels lie a power of two apart and evict
// each other.
namespace fornax::cpu::FORNAX_ISA {
namespace {

using Index = std::int64_t;

/// Values that are summed in the compute type before their sum is added to the others'.
constexpr Index run_length = 16;

/// Calls body(first channel, channels of its last register) for strips of P registers, then of one.
template <class T, int P>
inline void for_strips(Index length, auto&& body) {
  constexpr Index V = lanes<T>;
  Index j = 0;
  for (; j + P * V <= length; j += P * V) body.template operator()<P, true>(j, V);
  for (; j + V <= length; j += V) body.template operator()<1, true>(j, V);
  if (j < length) body.template operator()<1, false>(j, length - j);
}

/// Integers as numbers in a register, and back.
template <class T>
inline Packet<T> load_numbers(const auto* from, Index count) {
  T numbers[lanes<T>] = {};
  if (count == lanes<T>)
    for (int i = 0; i < lanes<T>; ++i) numbers[i] = static_cast<T>(from[i]);
  else
    for (Index i = 0; i < count; ++i) numbers[i] = static_cast<T>(from[i]);
  return load(numbers);
}
template <class T, class I>
inline void store_numbers(I* to, const Packet<T>& value, Index count) {
  T numbers[lanes<T>];
  store(numbers, value);
  if (count == lanes<T>)
    for (int i = 0; i < lanes<T>; ++i) to[i] = static_cast<I>(numbers[i]);
  else
    for (Index i = 0; i < count; ++i) to[i] = static_cast<I>(numbers[i]);
}

template <class S>
void max(const PoolTaps<S>& taps, S* y, void* index, bool wide) {
  using T = accumulate_t<S>;
  constexpr Index V = lanes<T>;
  for_strips<T, 2>(taps.length, [&]<int P, bool Whole>(Index j, Index count) {
    Packet<T> largest[P], which[P];
    for (int p = 0; p < P; ++p) {
      largest[p] = broadcast(-static_cast<T>(__builtin_inf()));
      which[p] = broadcast(taps.count > 0 ? taps.numbers[0] : T(0));
    }
    for (Index t = 0; t < taps.count; ++t) {
      const Packet<T> number = broadcast(taps.numbers[t]);
#pragma GCC unroll 2
      for (int p = 0; p < P; ++p) {
        const Packet<T> value = load_some<T, Whole>(taps.pixels[t] + j + p * V, count);
        const Packet<T> larger = greater_or_nan<T>(value, largest[p]);
        largest[p] = select<T>(larger, value, largest[p]);
        which[p] = select<T>(larger, number, which[p]);
      }
    }
    for (int p = 0; p < P; ++p) {
      const Index at = j + p * V;
      store_some<T, Whole>(y + at, largest[p], count);
      if (!index) continue;
      if (wide)
        store_numbers<T>(static_cast<std::int32_t*>(index) + at, which[p], count);
      else
        store_numbers<T>(static_cast<std::uint8_t*>(index) + at, which[p], count);
    }
  });
}

template <class S>
void max_grad(const PoolTaps<S>& taps, const void* const* index, bool wide, S* dx) {
  using T = accumulate_t<S>;
  constexpr Index V = lanes<T>;
  for_strips<T, 2>(taps.length, [&]<int P, bool Whole>(Index j, Index count) {
    Packet<T> sum[P];
    for (int p = 0; p < P; ++p) sum[p] = broadcast(T(0));
    for (Index t = 0; t < taps.count; ++t) {
      const Packet<T> number = broadcast(taps.numbers[t]);
#pragma GCC unroll 2
      for (int p = 0; p < P; ++p) {
        const Index at = j + p * V;
        const Packet<T> which =
            wide ? load_numbers<T>(static_cast<const std::int32_t*>(index[t]) + at, Whole ? V : count)
                 : load_numbers<T>(static_cast<const std::uint8_t*>(index[t]) + at, Whole ? V : count);
        const Packet<T> dy = load_some<T, Whole>(taps.pixels[t] + at, count);
        sum[p] = add(sum[p], select<T>(equal<T>(which, number), dy, broadcast(T(0))));
      }
    }
    for (int p = 0; p < P; ++p) store_some<T, Whole>(dx + j + p * V, sum[p], count);
  });
}

template <class S>
void weighted_sum(const PoolTaps<S>& taps, accumulate_t<S> divisor, S* y) {
  using T = accumulate_t<S>;
  constexpr Index V = lanes<T>;
  for_strips<T, 4>(taps.length, [&]<int P, bool Whole>(Index j, Index count) {
    Packet<T> total[P];
    for (int p = 0; p < P; ++p) total[p] = broadcast(T(0));
    for (Index first = 0; first < taps.count; first += run_length) {
      const Index last = taps.count - first < run_length ? taps.count : first + run_length;
      Packet<T> sum[P];
      for (int p = 0; p < P; ++p) sum[p] = broadcast(T(0));
      for (Index t = first; t < last; ++t) {
        const Packet<T> number = broadcast(taps.numbers[t]);
#pragma GCC unroll 4
        for (int p = 0; p < P; ++p)
          sum[p] = multiply_add(load_some<T, Whole>(taps.pixels[t] + j + p * V, count), number, sum[p]);
      }
      for (int p = 0; p < P; ++p) total[p] = add(total[p], sum[p]);
    }
    for (int p = 0; p < P; ++p)
      store_some<T, Whole>(y + j + p * V, divide(total[p], broadcast(divisor)), count);
  });
}

template <class S>
constexpr PoolKernels<S> table = {max<S>, max_grad<S>, weighted_sum<S>};

}  // namespace

extern const PoolKernels<double> pool_f64 = table<double>;
extern const PoolKernels<float> pool_f32 = table<float>;
extern const PoolKernels<Half> pool_f16 = table<Half>;
extern const PoolKernels<BFloat16> pool_bf16 = table<BFloat16>;

}  // namespace fornax::cpu::FORNAX_ISA
