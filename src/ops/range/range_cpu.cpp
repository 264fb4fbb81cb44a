#include "ops/common/loop.h"
#include "ops/range/range_op.h"

namespace fornax::ops {
namespace {

void run(const Range& args) {
  visit_dtype(args.y.dtype, [&]<class T>(std::type_identity<T>) {
    using A = std::conditional_t<std::is_integral_v<T>, std::int64_t, double>;
    const A origin = args.origin.to<A>(), step = args.step.to<A>();
    cpu::run_loop(cpu::make_loop(std::array{&args.y}, cpu::Order::logical),
                  [&](const auto& data, const auto& steps, std::int64_t count, std::int64_t first) {
                    for (std::int64_t i = 0; i < count; ++i) {
                      const A value = origin + static_cast<A>(first + i - args.at) * step;
                      *reinterpret_cast<T*>(data[0] + i * steps[0]) = Scalar(value).to<T>();
                    }
                  });
  });
}

}  // namespace

constinit const dispatch::Kernel<Range> range_cpu{
    {"strided", DeviceType::cpu, number_dtypes}, [](const Range&) { return dispatch::accepts; }, run};

}  // namespace fornax::ops
