#include <atomic>
#include <cmath>

#include "ops/common/loop.h"
#include "ops/grad_accumulate/grad_accumulate_op.h"

namespace fornax::ops {
namespace {

using autograd::FindNonfinite;
using autograd::GradAccumulate;

template <class T>
T& at(std::byte* data, std::int64_t offset) {
  return *reinterpret_cast<T*>(data + offset);
}

void accumulate(const GradAccumulate& args) {
  visit_floating(args.y.dtype, [&]<class T>(std::type_identity<T>) {
    using A = accumulate_t<T>;
    if (!args.b.defined()) {
      cpu::for_each_row(
          [](const auto& data, const auto& step, std::int64_t count) {
            for (std::int64_t i = 0; i < count; ++i)
              at<T>(data[0], i * step[0]) = at<T>(data[1], i * step[1]);
          },
          args.y, args.a);
      return;
    }
    cpu::for_each_row(
        [](const auto& data, const auto& step, std::int64_t count) {
          if (step[0] == sizeof(T) && step[1] == sizeof(T) &&
              step[2] == sizeof(T)) {  // the compiler vectorises this one
            T* y = reinterpret_cast<T*>(data[0]);
            const T *a = reinterpret_cast<const T*>(data[1]), *b = reinterpret_cast<const T*>(data[2]);
            for (std::int64_t i = 0; i < count; ++i) y[i] = T(A(a[i]) + A(b[i]));
            return;
          }
          for (std::int64_t i = 0; i < count; ++i)
            at<T>(data[0], i * step[0]) = T(A(at<T>(data[1], i * step[1])) + A(at<T>(data[2], i * step[2])));
        },
        args.y, args.a, args.b);
  });
}

void find_nonfinite(const FindNonfinite& args) {
  std::atomic<bool> found{false};
  visit_floating(args.x.dtype, [&]<class T>(std::type_identity<T>) {
    cpu::for_each_row(
        [&](const auto& data, const auto& step, std::int64_t count) {
          for (std::int64_t i = 0; i < count; ++i)
            if (!std::isfinite(static_cast<accumulate_t<T>>(at<T>(data[0], i * step[0])))) found = true;
        },
        args.x);
  });
  if (found) *args.found.ptr<bool>() = true;
}

}  // namespace

constinit const dispatch::Kernel<GradAccumulate> grad_accumulate_cpu{
    {"strided", DeviceType::cpu, floating_dtypes},
    [](const GradAccumulate&) { return dispatch::accepts; },
    accumulate};
constinit const dispatch::Kernel<FindNonfinite> find_nonfinite_cpu{
    {"strided", DeviceType::cpu, floating_dtypes},
    [](const FindNonfinite&) { return dispatch::accepts; },
    find_nonfinite};

}  // namespace fornax::ops
