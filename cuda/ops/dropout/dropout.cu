// Policy: the mask is made again wherever it is needed. Where x and y are row-major, a thread treats 16
// bytes, or the four elements of a Philox block if these are more; elsewhere it treats one element, in the
// order of y's memory, and takes its word from the block of its row-major index. 16-bit elements are scaled
// in f32.
#include "device/convert.cuh"
#include "device/pack.cuh"
#include "ops/dropout/dropout_op.h"
#include "ops/random/draw.cuh"
#include "ops/random/indexed_loop.h"
#include "ops/random/numbers.h"
#include "runtime/launch.h"

namespace fornax::ops {
namespace {

using namespace cuda;

template <class T>
struct Mask {
  DeviceDraw draw;
  std::uint32_t threshold;
  compute_t<T> scale;

  __device__ auto words(std::int64_t block) const { return draw.words(static_cast<std::uint64_t>(block)); }
  /// A dropped infinity or NaN is 0 too.
  __device__ T apply(T x, std::uint32_t word) const {
    return word >> 8 < threshold ? T() : convert<T>(convert<compute_t<T>>(x) * scale);
  }
};

template <class T>
__global__ void dropout_row_major(T* y, const T* x, std::int64_t count, bool aligned, Mask<T> mask) {
  constexpr int pack = pack_size<T>, each = pack > 4 ? pack : 4;
  mask.draw.read();
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; each * i < count;
       i += step) {
    const std::int64_t first = each * i;
    const bool whole = aligned && first + each <= count;
    Pack<T, pack> values[each / pack] = {};
    if (whole)
      for (int p = 0; p < each / pack; ++p) values[p] = load_pack<pack>(x + first + p * pack);
    else
      for (int k = 0; k < each; ++k)
        if (first + k < count) values[k / pack][k % pack] = x[first + k];
#pragma unroll
    for (int k = 0; k < each; k += 4) {
      const auto words = mask.words((first + k) / 4);
      for (int w = 0; w < 4; ++w) {
        T& value = values[(k + w) / pack][(k + w) % pack];
        value = mask.apply(value, words[static_cast<std::size_t>(w)]);
      }
    }
    if (whole)
      for (int p = 0; p < each / pack; ++p) store_pack(y + first + p * pack, values[p]);
    else
      for (int k = 0; k < each; ++k)
        if (first + k < count) y[first + k] = values[k / pack][k % pack];
  }
}

template <class T>
__global__ void dropout_strided(LoopArgs<3> loop, Mask<T> mask) {
  mask.draw.read();
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < loop.count;
       i += step) {
    const Offsets<3> offsets = loop.offsets(i);
    const std::int64_t index = offsets.at[2];
    const auto words = mask.words(index / 4);
    std::uint32_t word = words[0];
    for (int w = 1; w < 4; ++w)
      if (index % 4 == w) word = words[static_cast<std::size_t>(w)];
    loop.element<T>(0, offsets) = mask.apply(loop.element<const T>(1, offsets), word);
  }
}

void run_dropout(const Dropout& args) {
  const std::int64_t count = args.y.numel();
  if (count == 0) return;
  const cudaStream_t stream = stream_for(args.y);
  const double scale = args.p < 1 ? 1 / (1 - args.p) : 0;
  visit_floating(args.y.dtype, [&]<class T>(std::type_identity<T>) {
    const Mask<T> mask{DeviceDraw(args.draw), threshold_of(args.p), static_cast<compute_t<T>>(scale)};
    constexpr int each = pack_size < T >> 4 ? pack_size<T> : 4;
    if (args.y.is_contiguous() && args.x.is_contiguous())
      launch(dropout_row_major<T>, grid_for((count + each - 1) / each), elementwise_block, 0, stream,
             args.y.ptr<T>(), args.x.ptr<T>(), count,
             is_aligned(args.y.data, 16) && is_aligned(args.x.data, 16), mask);
    else
      launch(dropout_strided<T>, grid_for(count), elementwise_block, 0, stream, indexed_loop(args.y, args.x),
             mask);
  });
}

}  // namespace

constinit const dispatch::Kernel<Dropout> dropout_cuda{{"philox", DeviceType::cuda, floating_dtypes},
                                                       [](const Dropout&) { return dispatch::accepts; },
                                                       run_dropout};

}  // namespace fornax::ops
