// Policy: the keys are computed where they are first sorted (ops/common/stable_sort.cuh); the sort is stable,
// so equal keys stay in the order of their indices.
#include "ops/common/stable_sort.cuh"
#include "ops/random/draw.cuh"
#include "ops/random/numbers.h"
#include "ops/random/random_op.h"

namespace fornax::ops {
namespace {

struct Keys {
  DeviceDraw draw;
  __device__ std::uint64_t operator()(std::int64_t i) const {
    DeviceDraw current = draw;
    current.read();
    return permutation_key(current.seed, current.offset, static_cast<std::uint64_t>(i));
  }
};

void permute(const RandomPermutation& args) {
  cuda::stable_sort<std::uint64_t>(Keys{DeviceDraw(args.draw)}, args.y.numel(), nullptr,
                                   args.y.ptr<std::int64_t>(), args.y.stride(0), cuda::stream_for(args.y));
}

}  // namespace

constinit const dispatch::Kernel<RandomPermutation> random_permutation_cuda{
    {"sort", DeviceType::cuda, {i64}}, [](const RandomPermutation&) { return dispatch::accepts; }, permute};

}  // namespace fornax::ops
