// Policy: rows of adjacent elements run in the current level's kernels; a value that repeats along a row runs
// as a scalar, other strides pass through a buffer.
#include "ops/binary/binary_rows.h"
#include "ops/common/packed_row.h"

namespace fornax::ops {
namespace {

using cpu::BinaryForm;
using cpu::BinaryRow;

void run(const Binary& args) {
  const BinaryRow* forms =
      cpu::binary_kernels().rows[static_cast<int>(args.kind)][static_cast<int>(args.y.dtype)];
  const BinaryRow both = forms[static_cast<int>(BinaryForm::tensors)],
                  right = forms[static_cast<int>(BinaryForm::scalar_right)],
                  left = forms[static_cast<int>(BinaryForm::scalar_left)];
  const cpu::Value scalar = cpu::compute_value(args.y.dtype, args.scalar);
  if (!args.b.defined()) {
    cpu::for_each_packed_row(
        [&](const auto& data, std::int64_t count) { right(data[0], data[1], nullptr, &scalar, count); },
        args.y, args.a);
  } else if (!args.a.defined()) {
    cpu::for_each_packed_row(
        [&](const auto& data, std::int64_t count) { left(data[0], nullptr, data[1], &scalar, count); },
        args.y, args.b);
  } else {
    const auto size = static_cast<std::int64_t>(size_of(args.y.dtype));
    const auto row = [&](const auto& data, const auto& steps, std::int64_t count) {
      if (steps[0] == size && steps[1] == size && steps[2] == 0 && right) {
        const cpu::Value value = cpu::compute_value(args.y.dtype, data[2]);
        right(data[0], data[1], nullptr, &value, count);
      } else if (steps[0] == size && steps[1] == 0 && steps[2] == size && left) {
        const cpu::Value value = cpu::compute_value(args.y.dtype, data[1]);
        left(data[0], nullptr, data[2], &value, count);
      } else {
        cpu::packed_row(data, steps, {size, size, size}, count,
                        [&](const auto& packed, std::int64_t length, std::int64_t) {
                          both(packed[0], packed[1], packed[2], &scalar, length);
                        });
      }
    };
    cpu::for_each_row(row, args.y, args.a, args.b);
  }
}

dispatch::Refusal can_run(const Binary& args) {
  const bool floating_only = args.kind == BinaryKind::div || args.kind == BinaryKind::pow;
  return floating_only && !is_floating(args.y.dtype) ? "div and pow take floating dtypes only"
                                                     : dispatch::accepts;
}

}  // namespace

constinit const dispatch::Kernel<Binary> binary_cpu{{"packed", DeviceType::cpu, number_dtypes}, can_run, run};

}  // namespace fornax::ops
