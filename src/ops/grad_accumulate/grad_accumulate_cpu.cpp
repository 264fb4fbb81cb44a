#include <atomic>
#include <cmath>

#include "ops/binary/binary_op.h"
#include "ops/common/loop.h"
#include "ops/copy/copy_op.h"
#include "ops/grad_accumulate/grad_accumulate_op.h"

namespace fornax::ops {
namespace {

using autograd::FindNonfinite;
using autograd::GradAccumulate;

/// The sum and the copy of the elementwise ops.
void accumulate(const GradAccumulate& args) {
  if (args.b.defined())
    binary_cpu.run(Binary{args.y, args.a, args.b, BinaryKind::add});
  else
    copy_cpu.run(Copy{args.y, args.a});
}

void find_nonfinite(const FindNonfinite& args) {
  std::atomic<bool> found{false};
  visit_floating(args.x.dtype, [&]<class T>(std::type_identity<T>) {
    cpu::for_each_row(
        [&](const auto& data, const auto& step, std::int64_t count) {
          for (std::int64_t i = 0; i < count; ++i)
            if (!std::isfinite(
                    static_cast<accumulate_t<T>>(*reinterpret_cast<const T*>(data[0] + i * step[0]))))
              found = true;
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
