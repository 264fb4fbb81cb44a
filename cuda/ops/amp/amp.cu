// Policy: all gradients of one dtype in one launch, or a few (ops/optim_step/multi_tensor.cuh); one pass over
// memory. The flag is set by whoever meets a number that is not finite; all would write the same. One thread
// computes the next scale.
#include "ops/amp/amp_op.h"
#include "ops/optim_step/multi_tensor.cuh"

namespace fornax::ops {
namespace {

using namespace cuda;

template <class T>
struct Unscale {
  using Element = T;
  using Extra = Nothing;
  using A = compute_t<T>;
  static constexpr int operands = 1;
  const float* scale;
  float* found_inf;
  A factor;  // begin() sets it

  __device__ bool begin(const Extra&) {
    factor = 1 / static_cast<A>(*scale);
    return true;
  }
  __device__ static bool reads(int, const Extra&) { return true; }
  __device__ static constexpr bool writes(int) { return true; }
  __device__ void operator()(A* values, const Extra&) const {
    if (!is_finite(values[0])) atomicExch(found_inf, 1.f);
    values[0] *= factor;
  }
};

void unscale(const AmpUnscale& args) {
  const cudaStream_t stream = stream_for(args.scale);
  update_in_launches(AmpUnscale::op_name, [&](int& launches) {
    for_each_floating([&]<class T>(std::type_identity<T>) {
      Updater updater(Unscale<T>{args.scale.ptr<const float>(), args.found_inf.ptr<float>(), 1}, stream,
                      launches);
      for (const TensorView& x : args.x)
        if (x.dtype == dtype_of<T>) updater.add({&x}, {});
      updater.flush();
    });
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
