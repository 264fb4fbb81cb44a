// Policy: each number from its index, in f64 or i64, rounded once (ops/common/elementwise.cuh).
#include "ops/common/elementwise.cuh"
#include "ops/range/range_op.h"

namespace fornax::ops {
namespace {

template <class A>
struct Progression {
  A origin, step;
  std::int64_t at;
  __device__ A operator()(std::int64_t index) const { return origin + static_cast<A>(index - at) * step; }
};

void run(const Range& args) {
  visit_dtype(args.y.dtype, [&]<class T>(std::type_identity<T>) {
    using A = std::conditional_t<std::is_integral_v<T>, std::int64_t, double>;
    if constexpr (!std::is_same_v<T, bool>) {
      cuda::elementwise_as<cuda::Width::strided, true, T>(
          Progression<A>{args.origin.to<A>(), args.step.to<A>(), args.at}, args.y);
    }
  });
}

}  // namespace

constinit const dispatch::Kernel<Range> range_cuda{
    {"elementwise", DeviceType::cuda, number_dtypes}, [](const Range&) { return dispatch::accepts; }, run};

}  // namespace fornax::ops
