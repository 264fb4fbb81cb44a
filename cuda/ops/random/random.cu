// Policy: a thread computes one Philox block and the numbers that it holds: four, or two of those that take
// two words. Into row-major memory it writes them in one access. Elsewhere a thread writes one number, in the
// order of the memory, and takes it from the block of the number's row-major index: more arithmetic, but
// whole lines. Numbers are computed as on the CPU, so all but the normal ones have its bits; those differ by
// the rounding of log, cos and sin.
#include <bit>
#include <cmath>
#include <numbers>

#include "device/convert.cuh"
#include "device/pack.cuh"
#include "device/unfused.cuh"
#include "ops/random/draw.cuh"
#include "ops/random/indexed_loop.h"
#include "ops/random/numbers.h"
#include "ops/random/random_op.h"
#include "runtime/launch.h"

namespace fornax::ops {
namespace {

using namespace cuda;

// Each of these turns the four words of a block into `elements` numbers.

template <class T>
struct Uniform {
  using Element = T;
  static constexpr int elements = std::is_same_v<T, double> ? 2 : 4;
  compute_t<T> low, width;
  __device__ void operator()(const std::uint32_t* words, T* y) const {
    for (int i = 0; i < elements; ++i)
      y[i] = convert<T>(unfused_multiply_add(width, fraction<T>(words + 4 / elements * i), low));
  }
};

template <class T>
struct Normal {
  using Element = T;
  static constexpr int elements = std::is_same_v<T, double> ? 2 : 4;
  using A = compute_t<T>;
  A mean, deviation;
  __device__ void operator()(const std::uint32_t* words, T* y) const {
    constexpr int each = 4 / elements;
    for (int i = 0; i < elements; i += 2) {
      const A u1 = fraction<A>(words + each * i), u2 = fraction<A>(words + each * (i + 1));
      const A radius = std::sqrt(A(-2) * std::log(A(1) - u1)), angle = 2 * std::numbers::pi_v<A> * u2;
      y[i] = convert<T>(mean + deviation * (radius * std::cos(angle)));
      y[i + 1] = convert<T>(mean + deviation * (radius * std::sin(angle)));
    }
  }
};

/// `Bits` is an unsigned type of the size of the dtype.
template <class Bits>
struct Bernoulli {
  using Element = Bits;
  static constexpr int elements = 4;
  std::uint32_t threshold;
  Bits one;
  __device__ void operator()(const std::uint32_t* words, Bits* y) const {
    for (int i = 0; i < elements; ++i) y[i] = words[i] >> 8 < threshold ? one : Bits(0);
  }
};

template <class T>
struct Integers {
  using Element = T;
  static constexpr int elements = 2;
  std::uint64_t low, range;
  __device__ void operator()(const std::uint32_t* words, T* y) const {
    for (int i = 0; i < elements; ++i) {
      const auto number = static_cast<std::int64_t>(low + scaled(range, words[2 * i], words[2 * i + 1]));
      if constexpr (std::is_integral_v<T>)
        y[i] = static_cast<T>(number);
      else
        y[i] = convert<T>(static_cast<compute_t<T>>(static_cast<double>(number)));
    }
  }
};

template <class Make>
__global__ void fill_row_major(typename Make::Element* y, std::int64_t count, bool aligned, DeviceDraw draw,
                               Make make) {
  draw.read();
  constexpr int each = Make::elements;
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; each * i < count;
       i += step) {
    const auto words = draw.words(static_cast<std::uint64_t>(i));
    Pack<typename Make::Element, each> numbers;
    make(words.data(), numbers.at);
    if (aligned && each * (i + 1) <= count) {
      store_pack(y + each * i, numbers);
      continue;
    }
    for (int k = 0; k < each; ++k)
      if (each * i + k < count) y[each * i + k] = numbers[k];
  }
}

template <class Make>
__global__ void fill_strided(LoopArgs<2> loop, DeviceDraw draw, Make make) {
  using T = typename Make::Element;
  constexpr int each = Make::elements;
  draw.read();
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < loop.count;
       i += step) {
    const Offsets<2> offsets = loop.offsets(i);
    const auto index = static_cast<std::uint64_t>(offsets.at[1]);
    const auto words = draw.words(index / each);
    T numbers[each];
    make(words.data(), numbers);
    T number = numbers[0];
    for (int k = 1; k < each; ++k)
      if (index % each == static_cast<std::uint64_t>(k)) number = numbers[k];
    loop.element<T>(0, offsets) = number;
  }
}

template <class Make>
void fill(const Random& args, const Make& make) {
  using T = typename Make::Element;
  constexpr int each = Make::elements;
  const std::int64_t count = args.y.numel();
  const DeviceDraw draw(args.draw);
  const cudaStream_t stream = stream_for(args.y);
  if (args.y.is_contiguous())
    launch(fill_row_major<Make>, grid_for((count + each - 1) / each), elementwise_block, 0, stream,
           args.y.ptr<T>(), count, is_aligned(args.y.data, each * sizeof(T)), draw, make);
  else
    launch(fill_strided<Make>, grid_for(count), elementwise_block, 0, stream, indexed_loop(args.y), draw,
           make);
}

void run_bernoulli(const Random& args) {
  const std::uint32_t threshold = threshold_of(args.a.real());
  visit_dtype(args.y.dtype, [&]<class T>(std::type_identity<T>) {
    using Bits = std::conditional_t<
        sizeof(T) == 1, std::uint8_t,
        std::conditional_t<sizeof(T) == 2, std::uint16_t,
                           std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>>>;
    fill(args, Bernoulli<Bits>{threshold, std::bit_cast<Bits>(Scalar(1).to<T>())});
  });
}

void run_integers(const Random& args) {
  const auto low = static_cast<std::uint64_t>(args.a.to<std::int64_t>());
  const std::uint64_t range = static_cast<std::uint64_t>(args.b.to<std::int64_t>()) - low;
  visit_dtype(args.y.dtype, [&]<class T>(std::type_identity<T>) {
    if constexpr (!std::is_same_v<T, bool>) fill(args, Integers<T>{low, range});
  });
}

void run_random(const Random& args) {
  if (args.y.numel() == 0) return;
  switch (args.kind) {
    case RandomKind::uniform:
      return visit_floating(args.y.dtype, [&]<class T>(std::type_identity<T>) {
        using A = compute_t<T>;
        fill(args, Uniform<T>{args.a.to<A>(), static_cast<A>(args.b.real() - args.a.real())});
      });
    case RandomKind::normal:
      return visit_floating(args.y.dtype, [&]<class T>(std::type_identity<T>) {
        using A = compute_t<T>;
        fill(args, Normal<T>{args.a.to<A>(), args.b.to<A>()});
      });
    case RandomKind::bernoulli: return run_bernoulli(args);
    case RandomKind::integers: return run_integers(args);
  }
}

dispatch::Refusal can_run(const Random& args) {
  const bool floating_only = args.kind == RandomKind::uniform || args.kind == RandomKind::normal;
  if (floating_only && !is_floating(args.y.dtype)) return "uniform and normal are for floating dtypes";
  if (args.kind == RandomKind::integers && args.y.dtype == boolean) return "integers are not for bool";
  return dispatch::accepts;
}

}  // namespace

constinit const dispatch::Kernel<Random> random_cuda{
    {"philox", DeviceType::cuda, all_dtypes}, can_run, run_random};

}  // namespace fornax::ops
