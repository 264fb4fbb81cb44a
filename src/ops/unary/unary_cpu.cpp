#include "ops/common/packed_row.h"
#include "ops/unary/unary_rows.h"

namespace fornax::ops {
namespace {

cpu::UnaryRow row_of(const Unary& args) {
  return cpu::unary_kernels().rows[static_cast<int>(args.kind)][static_cast<int>(args.y.dtype)];
}
cpu::UnaryGradRow row_of(const UnaryGrad& args) {
  return cpu::unary_grad_kernels().rows[static_cast<int>(args.kind)][static_cast<int>(args.dx.dtype)];
}

/// low and high, adjacent in the type of the computation.
struct Bounds {
  alignas(8) std::byte bytes[16];

  Bounds(DType dtype, Scalar low, Scalar high) {
    const std::size_t size = is_16bit(dtype) ? sizeof(float) : size_of(dtype);
    std::copy_n(cpu::compute_value(dtype, low).bytes, size, bytes);
    std::copy_n(cpu::compute_value(dtype, high).bytes, size, bytes + size);
  }
};

void run(const Unary& args) {
  const cpu::UnaryRow row = row_of(args);
  const Bounds bounds(args.y.dtype, args.low, args.high);
  cpu::for_each_packed_row(
      [&](const auto& data, std::int64_t count) { row(data[0], data[1], bounds.bytes, count); }, args.y,
      args.x);
}

void run_grad(const UnaryGrad& args) {
  const cpu::UnaryGradRow row = row_of(args);
  const Bounds bounds(args.dx.dtype, args.low, args.high);
  cpu::for_each_packed_row(
      [&](const auto& data, std::int64_t count) { row(data[0], data[1], data[2], bounds.bytes, count); },
      args.dx, args.dy, args.saved);
}

}  // namespace

constinit const dispatch::Kernel<Unary> unary_cpu{
    {"packed", DeviceType::cpu, number_dtypes},
    [](const Unary& args) {
      return row_of(args) ? dispatch::accepts : "this kind takes floating dtypes only";
    },
    run};
constinit const dispatch::Kernel<UnaryGrad> unary_grad_cpu{
    {"packed", DeviceType::cpu, floating_dtypes},
    [](const UnaryGrad& args) {
      return row_of(args) ? dispatch::accepts : "this kind's derivative is a constant";
    },
    run_grad};

}  // namespace fornax::ops
