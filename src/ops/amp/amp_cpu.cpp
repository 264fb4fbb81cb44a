// Policy: one pass over memory per gradient, all threads on each. What is not finite is looked for in the
// gradient as it came, in the same loop, by arithmetic on flags alone, so that the loop becomes vectors.
#include <atomic>
#include <cmath>
#include <cstddef>
#include <limits>

#include "ops/amp/amp_op.h"
#include "ops/common/loop.h"

namespace fornax::ops {
namespace {

/// Multiplies elements `Step` bytes apart (0: `step`) and returns whether all were finite.
template <class T, std::size_t Step>
bool unscale_row(std::byte* data, std::int64_t step, std::int64_t count, accumulate_t<T> factor) {
  using A = accumulate_t<T>;
  if constexpr (Step != 0) step = Step;
  int is_other = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    T& element = *reinterpret_cast<T*>(data + i * step);
    const A value = A(element);
    is_other |= !(std::abs(value) <= std::numeric_limits<A>::max());
    element = T(value * factor);
  }
  return is_other == 0;
}

void unscale(const AmpUnscale& args) {
  const float scale = *args.scale.ptr<float>();
  std::atomic<bool> found{false};
  for (const TensorView& x : args.x) {
    visit_floating(x.dtype, [&]<class T>(std::type_identity<T>) {
      const accumulate_t<T> factor = 1 / accumulate_t<T>(scale);
      cpu::for_each_row(
          [&](const auto& data, const auto& step, std::int64_t count) {
            const bool is_finite = step[0] == sizeof(T)
                                       ? unscale_row<T, sizeof(T)>(data[0], step[0], count, factor)
                                       : unscale_row<T, 0>(data[0], step[0], count, factor);
            if (!is_finite) found = true;
          },
          x);
    });
  }
  if (found) *args.found_inf.ptr<float>() = 1;
}

void update_scale(const AmpUpdateScale& args) {
  auto& scale = *args.scale.ptr<float>();
  auto& tracker = *args.growth_tracker.ptr<std::int64_t>();
  if (*args.found_inf.ptr<float>() != 0) {
    scale *= static_cast<float>(args.rule.backoff_factor);
    tracker = 0;
  } else if (++tracker >= args.rule.growth_interval) {
    const float grown = scale * static_cast<float>(args.rule.growth_factor);
    if (std::isfinite(grown)) scale = grown;
    tracker = 0;
  }
}

}  // namespace

constinit const dispatch::Kernel<AmpUnscale> amp_unscale_cpu{
    {"strided", DeviceType::cpu, floating_dtypes},
    [](const AmpUnscale&) { return dispatch::accepts; },
    unscale};
constinit const dispatch::Kernel<AmpUpdateScale> amp_update_scale_cpu{
    {"scalar", DeviceType::cpu, f32}, [](const AmpUpdateScale&) { return dispatch::accepts; }, update_scale};

}  // namespace fornax::ops
