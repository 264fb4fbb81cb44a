// Policy: all gradients of one dtype in one launch, or a few (ops/optim_step/multi_tensor.cuh); one pass over
// memory. The flag is set by whoever meets a number that is not finite; all would write the same. One thread
// computes the next scale.
#include "ops/amp/amp_op.h"
#include "ops/optim_step/multi_tensor.cuh"

namespace fornax::ops {
namespace {

using namespace cuda;

template <class T>
struct Unscale : ListRule<T> {
  using A = compute_t<T>;
  const float* scale;
  float* found_inf;
  A factor;  // begin() sets it

  __device__ bool begin(const Nothing&) {
    factor = 1 / static_cast<A>(*scale);
    return true;
  }
  __device__ void operator()(A* values, const Nothing&) const {
    if (!is_finite(values[0])) atomicExch(found_inf, 1.f);
    values[0] *= factor;
  }
};

void unscale(const AmpUnscale& args) {
  update_list(AmpUnscale::op_name, args.x, stream_for(args.scale), [&]<class T>(std::type_identity<T>) {
    return Unscale<T>{{}, args.scale.ptr<const float>(), args.found_inf.ptr<float>(), 1};
  });
}

__global__ void update_scale_kernel(float* scale, std::int64_t* tracker, const float* found_inf,
                                    float growth_factor, float backoff_factor, std::int64_t growth_interval) {
  if (*found_inf != 0) {
    *scale *= backoff_factor;
    *tracker = 0;
  } else if (++*tracker >= growth_interval) {
    const float grown = *scale * growth_factor;
    if (is_finite(grown)) *scale = grown;
    *tracker = 0;
  }
}

void update_scale(const AmpUpdateScale& args) {
  launch(update_scale_kernel, 1, 1, 0, stream_for(args.scale), args.scale.ptr<float>(),
         args.growth_tracker.ptr<std::int64_t>(), args.found_inf.ptr<const float>(),
         static_cast<float>(args.rule.growth_factor), static_cast<float>(args.rule.backoff_factor),
         args.rule.growth_interval);
}

}  // namespace

constinit const dispatch::Kernel<AmpUnscale> amp_unscale_cuda{
    {"multi_tensor", DeviceType::cuda, floating_dtypes},
    [](const AmpUnscale&) { return dispatch::accepts; },
    unscale};
constinit const dispatch::Kernel<AmpUpdateScale> amp_update_scale_cuda{
    {"scalar", DeviceType::cuda, f32}, [](const AmpUpdateScale&) { return dispatch::accepts; }, update_scale};

}  // namespace fornax::ops
