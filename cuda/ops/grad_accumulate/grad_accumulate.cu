// Policy: a sum is binary's add and a lone gradient is copied. The search for numbers that are not finite
// takes two launches, for want of an order among blocks: each block leaves what it saw in its byte of scratch
// memory, then one block joins the bytes. Elements are read as they lie (device/loop.cuh).
#include <algorithm>

#include "device/convert.cuh"
#include "device/loop.cuh"
#include "ops/binary/binary_op.h"
#include "ops/copy/copy_op.h"
#include "ops/grad_accumulate/grad_accumulate_op.h"
#include "runtime/launch.h"

namespace fornax::ops {
namespace {

using autograd::FindNonfinite;
using autograd::GradAccumulate;

void accumulate(const GradAccumulate& args) {
  if (args.b.defined())
    binary_cuda.run(Binary{args.y, args.a, args.b, BinaryKind::add});
  else
    copy_cuda.run(Copy{args.y, args.a});
}

/// seen[block] = 1 if the block meets a number that is not finite, else 0.
template <class T>
__global__ void scan_kernel(cuda::LoopArgs<1> x, std::uint8_t* seen) {
  bool mine = false;
  const std::int64_t threads = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < x.count;
       i += threads)
    mine |= !cuda::is_finite(cuda::convert<cuda::compute_t<T>>(x.element<T>(0, x.offsets(i))));
  const int any = __syncthreads_or(mine);
  if (threadIdx.x == 0) seen[blockIdx.x] = any ? 1 : 0;
}

/// found[0] = true if a byte is set.
__global__ void join_kernel(const std::uint8_t* seen, int count, bool* found) {
  bool mine = false;
  for (int i = static_cast<int>(threadIdx.x); i < count; i += static_cast<int>(blockDim.x))
    mine |= seen[i] != 0;
  const int any = __syncthreads_or(mine);
  if (threadIdx.x == 0 && any) *found = true;
}

void find_nonfinite(const FindNonfinite& args) {
  const auto loop = cuda::loop_args(make_loop(std::array{&args.x}));
  if (loop.count == 0) return;
  const cudaStream_t stream = cuda::stream_for(args.x);
  const unsigned blocks = cuda::grid_for(loop.count);
  const cuda::Scratch seen(blocks, stream);
  visit_floating(args.x.dtype, [&]<class T>(std::type_identity<T>) {
    cuda::launch(scan_kernel<T>, blocks, cuda::elementwise_block, 0, stream, loop, seen.as<std::uint8_t>());
  });
  cuda::launch(join_kernel, 1, cuda::elementwise_block, 0, stream, seen.as<std::uint8_t>(),
               static_cast<int>(blocks), args.found.ptr<bool>());
}

}  // namespace

constinit const dispatch::Kernel<GradAccumulate> grad_accumulate_cuda{
    {"elementwise", DeviceType::cuda, floating_dtypes},
    [](const GradAccumulate&) { return dispatch::accepts; },
    accumulate};
constinit const dispatch::Kernel<FindNonfinite> find_nonfinite_cuda{
    {"scan", DeviceType::cuda, floating_dtypes},
    [](const FindNonfinite&) { return dispatch::accepts; },
    find_nonfinite};

}  // namespace fornax::ops
