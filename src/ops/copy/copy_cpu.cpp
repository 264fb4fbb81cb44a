// Policy: one strided loop for every pair of dtypes; rows of the same dtype that are adjacent on both sides
// are memcpy.
#include <cstring>

#include "ops/common/loop.h"
#include "ops/copy/copy_op.h"

namespace fornax::ops {
namespace {

template <class To, class From>
To cast(From value) {
  if constexpr (std::is_same_v<To, bool>)
    return value != From(0);
  else if constexpr (std::is_same_v<To, From>)
    return value;
  else if constexpr (std::is_same_v<To, Half> || std::is_same_v<To, BFloat16>)
    return To(static_cast<float>(value));
  else
    return static_cast<To>(value);
}

template <class To, class From>
void copy_row_of(std::byte* y, std::int64_t y_step, const std::byte* x, std::int64_t x_step,
                 std::int64_t count) {
  if (std::is_same_v<To, From> && y_step == sizeof(To) && x_step == sizeof(From)) {
    std::memcpy(y, x, static_cast<std::size_t>(count) * sizeof(To));
    return;
  }
  if (y_step == sizeof(To) && x_step == sizeof(From)) {  // known steps: the compiler vectorises this one
    To* to = reinterpret_cast<To*>(y);
    const From* from = reinterpret_cast<const From*>(x);
    for (std::int64_t i = 0; i < count; ++i) to[i] = cast<To>(from[i]);
    return;
  }
  for (std::int64_t i = 0; i < count; ++i)
    *reinterpret_cast<To*>(y + i * y_step) = cast<To>(*reinterpret_cast<const From*>(x + i * x_step));
}

void run(const Copy& args) {
  visit_dtype(args.y.dtype, [&]<class To>(std::type_identity<To>) {
    visit_dtype(args.x.dtype, [&]<class From>(std::type_identity<From>) {
      cpu::for_each_row(
          [](const auto& data, const auto& steps, std::int64_t count) {
            copy_row_of<To, From>(data[0], steps[0], data[1], steps[1], count);
          },
          args.y, args.x);
    });
  });
}

}  // namespace

constinit const dispatch::Kernel<Copy> copy_cpu{
    {"strided", DeviceType::cpu, all_dtypes}, [](const Copy&) { return dispatch::accepts; }, run};

}  // namespace fornax::ops
