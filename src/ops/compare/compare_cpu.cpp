#include "ops/common/packed_row.h"
#include "ops/compare/compare_rows.h"

namespace fornax::ops {
namespace {

cpu::CompareRow row_of(const Compare& args) {
  return cpu::compare_kernels().rows[static_cast<int>(args.kind)][static_cast<int>(args.a.dtype)];
}

void run(const Compare& args) {
  const cpu::CompareRow row = row_of(args);
  const cpu::Value scalar = cpu::element_value(args.a.dtype, args.scalar);
  const TensorView b = args.b.defined() ? args.b : cpu::view_of(args.a.dtype, scalar);
  cpu::for_each_packed_row(
      [row](const auto& data, std::int64_t count) { row(data[0], data[1], data[2], count); }, args.y, args.a,
      b);
}

dispatch::Refusal can_run(const Compare& args) {
  return row_of(args) ? dispatch::accepts : "the logical kinds take bool only";
}

}  // namespace

constinit const dispatch::Kernel<Compare> compare_cpu{{"packed", DeviceType::cpu, all_dtypes}, can_run, run};

}  // namespace fornax::ops
