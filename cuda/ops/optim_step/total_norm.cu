// Policy. Norm: squares are made and added in f64, so that no finite gradient overflows and the result is the
// CPU's but for the order of summation. Two stages: each block sums a part of a tensor, its threads in turn,
// then the warps; one block adds the parts. The cut depends on dtypes, strides and shapes only. Clip: one
// thread of each block turns the norm into the factor; no host waits for it. Where nothing is cut the blocks
// return without touching the tensors. Both treat many tensors in a launch (multi_tensor.cuh).
#include <cmath>

#include "device/reduce.cuh"
#include "ops/optim_step/multi_tensor.cuh"
#include "ops/optim_step/optim_step_op.h"

namespace fornax::ops {
namespace {

using namespace cuda;

/// sums[b] = the sum of squares of part b of the table.
template <class T>
__global__ void sum_squares(TensorTable<1, Nothing> table, double* sums) {
  constexpr int pack = pack_size<T>;
  const auto part = table.part(blockIdx.x);
  const T* x = static_cast<const T*>(table.data[part.entry][0]) + part.first;
  const bool aligned = reinterpret_cast<std::uintptr_t>(x) % 16 == 0;
  const int packed = aligned ? part.size / pack * pack : 0, step = static_cast<int>(blockDim.x);
  double sum = 0;
  for (int i = static_cast<int>(threadIdx.x) * pack; i < packed; i += step * pack) {
    const Pack<T, pack> values = load_pack<pack>(x + i);
#pragma unroll
    for (int p = 0; p < pack; ++p) {
      const double value = convert<double>(values[p]);
      sum += value * value;
    }
  }
  for (int i = packed + static_cast<int>(threadIdx.x); i < part.size; i += step) {
    const double value = convert<double>(x[i]);
    sum += value * value;
  }
  sum = block_reduce(sum, 0.0, Sum());
  if (threadIdx.x == 0) sums[blockIdx.x] = sum;
}

template <class T>
__global__ void sum_squares_strided(LoopArgs<1> loop, double* sums) {
  const std::int64_t first = static_cast<std::int64_t>(blockIdx.x) * part_size;
  double sum = 0;
  for (int i = static_cast<int>(threadIdx.x); i < part_size && first + i < loop.count;
       i += static_cast<int>(blockDim.x)) {
    const double value = convert<double>(loop.element<const T>(0, loop.offsets(first + i)));
    sum += value * value;
  }
  sum = block_reduce(sum, 0.0, Sum());
  if (threadIdx.x == 0) sums[blockIdx.x] = sum;
}

/// norm = the root of the sum of `sums`; one block.
__global__ void finish_norm(const double* sums, std::int64_t count, double* norm) {
  double sum = 0;
  for (std::int64_t i = threadIdx.x; i < count; i += blockDim.x) sum += sums[i];
  sum = block_reduce(sum, 0.0, Sum());
  if (threadIdx.x == 0) *norm = std::sqrt(sum);
}

void total_norm(const TotalNorm& args) {
  const cudaStream_t stream = stream_for(args.norm);
  std::int64_t parts = 0;
  for (const TensorView& x : args.x) parts += parts_of(x.numel());
  const Scratch memory(static_cast<std::size_t>(parts + 1) * sizeof(double), stream);
  double* sums = memory.as<double>();
  for_each_floating([&]<class T>(std::type_identity<T>) {
    TensorTable<1, Nothing> table;
    const auto flush = [&] {
      if (table.count == 0) return;
      launch(sum_squares<T>, table.parts(), reduce_block, 0, stream, table, sums);
      sums += table.parts();
      table.count = 0;
    };
    for (const TensorView& x : args.x) {
      if (x.dtype != dtype_of<T> || x.numel() == 0) continue;
      const std::array<const TensorView*, 1> views{&x};
      if (is_one_row(views)) {
        table.add(views, {});
        if (table.full()) flush();
        continue;
      }
      launch(sum_squares_strided<T>, static_cast<unsigned>(parts_of(x.numel())), reduce_block, 0, stream,
             loop_args(make_loop(views)), sums);
      sums += parts_of(x.numel());
    }
    flush();
  });
  launch(finish_norm, 1, reduce_block, 0, stream, memory.as<double>(), parts, args.norm.ptr<double>());
}

template <class T>
struct Clip : ListRule<T> {
  using A = compute_t<T>;
  const double* norm;
  double max_norm;
  A factor;  // begin() sets it

  __device__ bool begin(const Nothing&) {
    FORNAX_SHARED(double, shared, [1]);
    if (threadIdx.x == 0) shared[0] = max_norm / (*norm + 1e-6);
    __syncthreads();
    factor = static_cast<A>(shared[0]);
    return !(shared[0] >= 1);  // a NaN goes on, and is seen
  }
  __device__ void operator()(A* values, const Nothing&) const { values[0] *= factor; }
};

void clip(const ClipByNorm& args) {
  update_list(ClipByNorm::op_name, args.x, stream_for(args.norm), [&]<class T>(std::type_identity<T>) {
    return Clip<T>{{}, args.norm.ptr<double>(), args.max_norm, 1};
  });
}

}  // namespace

constinit const dispatch::Kernel<TotalNorm> total_norm_cuda{
    {"multi_tensor", DeviceType::cuda, floating_dtypes},
    [](const TotalNorm&) { return dispatch::accepts; },
    total_norm};
constinit const dispatch::Kernel<ClipByNorm> clip_by_norm_cuda{
    {"multi_tensor", DeviceType::cuda, floating_dtypes},
    [](const ClipByNorm&) { return dispatch::accepts; },
    clip};

}  // namespace fornax::ops
