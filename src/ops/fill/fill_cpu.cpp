#include "ops/common/loop.h"
#include "ops/fill/fill_op.h"

namespace fornax::ops {
namespace {

void run(const Fill& args) {
  visit_dtype(args.y.dtype, [&]<class T>(std::type_identity<T>) {
    const T value = args.value.to<T>();
    cpu::for_each_row(
        [value](const auto& data, const auto& steps, std::int64_t count) {
          if (steps[0] == sizeof(T))
            std::fill_n(reinterpret_cast<T*>(data[0]), count, value);
          else
            for (std::int64_t i = 0; i < count; ++i) *reinterpret_cast<T*>(data[0] + i * steps[0]) = value;
        },
        args.y);
  });
}

}  // namespace

constinit const dispatch::Kernel<Fill> fill_cpu{
    {"strided", DeviceType::cpu, all_dtypes}, [](const Fill&) { return dispatch::accepts; }, run};

}  // namespace fornax::ops
