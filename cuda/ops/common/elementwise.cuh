#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

#include "device/convert.cuh"
#include "device/loop.cuh"
#include "device/pack.cuh"
#include "fornax/base/scalar.h"
#include "fornax/dispatch/tensor_view.h"
#include "runtime/launch.h"

// Policy of elementwise kernels: a thread computes one pack of adjacent elements, of which the widest operand
// moves 16 bytes in one access, and steps on by the whole grid. The loop of ops/common/loop_plan.h decides:
//   packs    along the loop's last axis every operand is adjacent and aligned, or repeats one element; a loop
//            of one row may end in elements that fill no pack, which one thread treats alone
//   strided  everything else: packs of one element
// 16-bit types are computed in f32 and rounded once. An operand that is a number travels with the kernel's
// arguments. Runs on the output's stream.
namespace fornax::cuda {

/// An operand that is read: a tensor of T that broadcasts to the output's shape or, where `view` is
/// undefined, `value` in place of each element.
template <class T>
struct Input {
  const TensorView& view;
  compute_t<T> value{};
};

/// One number of the type that the kernel knows.
struct Number {
  alignas(8) std::byte bytes[8];

  template <class T>
  __device__ T as() const {
    T value;
    memcpy(&value, bytes, sizeof value);
    return value;
  }
};

/// Operands with the output first. In the loop, an element of the last axis is a pack.
template <int N>
struct ElementwiseArgs {
  LoopArgs<N> loop;
  int tail;           // elements after the last pack, of a loop of one row
  unsigned repeats;   // bit k: operand k repeats one element along the last axis
  Number numbers[N];  // of operands without data
};

/// A pack of operand K, or the number in its place.
template <class T, int V>
struct Loaded {
  Pack<T, V> pack{};
  compute_t<T> number;
  bool is_number;

  __device__ compute_t<T> operator[](int i) const {
    return is_number ? number : convert<compute_t<T>>(pack[i]);
  }
};

/// Only loads, so that no operand's load waits for another's to arrive.
template <class T, int V, int K, int N>
__device__ inline Loaded<T, V> load_input(const ElementwiseArgs<N>& args, const Offsets<N>& at) {
  Loaded<T, V> x;
  x.number = args.numbers[K].template as<compute_t<T>>();
  x.is_number = !args.loop.data[K];
  if (x.is_number) return x;
  const T& first = args.loop.template element<T>(K, at);
  if (args.repeats >> K & 1) {
    const T value = first;
#pragma unroll
    for (int i = 0; i < V; ++i) x.pack[i] = value;
  } else {
    x.pack = load_pack<V>(&first);
  }
  return x;
}

template <class Out, int V, bool indexed, class F, class... X>
__device__ inline Pack<Out, V> apply(const F& f, [[maybe_unused]] std::int64_t index, const X&... x) {
  Pack<Out, V> y;
#pragma unroll
  for (int i = 0; i < V; ++i) {
    if constexpr (indexed)
      y[i] = convert<Out>(f(index + i, x[i]...));
    else
      y[i] = convert<Out>(f(x[i]...));
  }
  return y;
}

/// The pack whose operands are at `at`; `index` is that of its first element.
template <int V, bool indexed, class Out, class... In, class F, int N, int... K>
__device__ inline void treat(const F& f, const ElementwiseArgs<N>& args, const Offsets<N>& at,
                             std::int64_t index, std::integer_sequence<int, K...>) {
  const Pack<Out, V> y = apply<Out, V, indexed>(f, index, load_input<In, V, K + 1>(args, at)...);
  store_pack<V>(&args.loop.template element<Out>(0, at), y);
}

template <int V, bool indexed, class F, class Out, class... In>
__global__ void elementwise_kernel(F f, ElementwiseArgs<1 + sizeof...(In)> args) {
  constexpr int N = 1 + sizeof...(In);
  constexpr std::make_integer_sequence<int, N - 1> inputs{};
  const std::int64_t packs = args.loop.count, items = packs + (args.tail > 0);
  const std::int64_t threads = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
#pragma unroll 1  // stores keep loads of later turns from being made early, so copies would only be larger
  for (std::int64_t item = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; item < items;
       item += threads) {
    Offsets<N> at = args.loop.offsets(item);
    if (V == 1 || item < packs) {
      treat<V, indexed, Out, In...>(f, args, at, item * V, inputs);
    } else {
#pragma unroll 1
      for (int i = 0; i < args.tail; ++i) {
        treat<1, indexed, Out, In...>(f, args, at, item * V + i, inputs);
        for (int k = 0; k < N; ++k) at.at[k] += args.loop.strides[k][0] / V;
      }
    }
  }
}

/// The bits of the operands that repeat along the last axis, if the loop can be walked in packs of V
/// elements; else -1. Operands without data are numbers and fit everywhere.
template <std::size_t N>
int repeats_in_packs(const ops::Loop<N>& loop, const std::array<std::size_t, N>& sizes, int V) {
  const int last = loop.shape.rank() - 1;
  if (last > 0 && loop.shape[last] % V != 0) return -1;
  int repeats = 0;
  for (std::size_t k = 0; k < N; ++k) {
    if (!loop.data[k]) continue;
    if (loop.strides[k][last] == 0 && k > 0) {
      repeats |= 1 << k;
      continue;
    }
    const auto size = static_cast<std::int64_t>(sizes[k]);
    if (loop.strides[k][last] != size || !is_aligned(loop.data[k], sizes[k] * static_cast<std::size_t>(V)))
      return -1;
    for (int axis = 0; axis < last; ++axis)
      if (loop.strides[k][axis] % (size * V) != 0) return -1;
  }
  return repeats;
}

template <int V, bool indexed, class Out, class... In, class F>
void launch_elementwise(const F& f, const ops::Loop<1 + sizeof...(In)>& loop, unsigned repeats,
                        cudaStream_t stream, const Input<In>&... inputs) {
  constexpr int N = 1 + sizeof...(In);
  ElementwiseArgs<N> args{loop_args(loop), 0, repeats, {}};
  const int last = args.loop.rank - 1;
  if (last == 0) args.tail = static_cast<int>(args.loop.count % V);
  args.loop.shape[last] /= V;
  args.loop.count /= V;
  for (int k = 0; k < N; ++k) args.loop.strides[k][last] *= V;
  [[maybe_unused]] int k = 1;
  (std::memcpy(args.numbers[k++].bytes, &inputs.value, sizeof inputs.value), ...);
  launch(elementwise_kernel<V, indexed, F, Out, In...>, grid_for(args.loop.count + (args.tail > 0)),
         elementwise_block, 0, stream, f, args);
}

/// How wide elementwise_as() goes: `strided` compiles no kernel for packs and is for what runs seldom.
enum class Width : std::uint8_t { packs, strided };

template <Width width, bool indexed, class Out, class... In, class F>
void elementwise_as(const F& f, const TensorView& y, const Input<In>&... inputs) {
  constexpr std::size_t N = 1 + sizeof...(In);
  constexpr int V =
      width == Width::packs ? pack_size<char> / static_cast<int>(std::max({sizeof(Out), sizeof(In)...})) : 1;
  const auto loop = ops::make_loop(std::array<const TensorView*, N>{&y, &inputs.view...},
                                   indexed ? ops::Order::logical : ops::Order::memory);
  if (loop.shape.product() == 0) return;
  const cudaStream_t stream = stream_for(y);
  if constexpr (V > 1) {
    const int repeats = repeats_in_packs<N>(loop, {sizeof(Out), sizeof(In)...}, V);
    if (repeats >= 0)
      return launch_elementwise<V, indexed, Out>(f, loop, static_cast<unsigned>(repeats), stream, inputs...);
  }
  launch_elementwise<1, indexed, Out>(f, loop, 0, stream, inputs...);
}

/// y[i] = f(input[i]...) on the device, where f takes and returns the types of the computation (compute_t).
/// `y` may be an input with the same strides. `f` is copied into the kernel's arguments.
template <class Out, class... In, class F>
void elementwise(const F& f, const TensorView& y, const Input<In>&... inputs) {
  elementwise_as<Width::packs, false, Out>(f, y, inputs...);
}

/// y[i] = f(i, input[i]...), where i is the row-major index. The elements of a pack follow each other from a
/// multiple of the pack's size, so that what f computes from i / 2 or i / 4 (unsigned) is computed once.
template <class Out, class... In, class F>
void elementwise_indexed(const F& f, const TensorView& y, const Input<In>&... inputs) {
  elementwise_as<Width::packs, true, Out>(f, y, inputs...);
}

/// Calls f(std::integral_constant<Kind, kind>{}) for the enumerator that `kind` is; `count` are all.
template <class Kind, int count, class F>
void visit_kind(Kind kind, F&& f) {
  [&]<int... i>(std::integer_sequence<int, i...>) {
    static_cast<void>(
        ((static_cast<int>(kind) == i && (f(std::integral_constant<Kind, Kind{i}>{}), true)) || ...));
  }
  (std::make_integer_sequence<int, count>{});
}

/// Calls f(std::type_identity<W>{}) with the unsigned type of the size of `dtype`: for what moves bits alone.
template <class F>
void visit_word(DType dtype, F&& f) {
  switch (size_of(dtype)) {
    case 1: return f(std::type_identity<std::uint8_t>{});
    case 2: return f(std::type_identity<std::uint16_t>{});
    case 4: return f(std::type_identity<std::uint32_t>{});
    default: return f(std::type_identity<std::uint64_t>{});
  }
}

/// `value` in `dtype`, as bits of that size.
template <class Word>
Word bits_of(DType dtype, Scalar value) {
  return visit_dtype(dtype, [&]<class T>(std::type_identity<T>) {
    Word word{};
    const T number = value.to<T>();
    static_cast<void>(std::memcpy(&word, &number, std::min(sizeof word, sizeof number)));
    return word;
  });
}

}  // namespace fornax::cuda
