#include "ops/common/packed_row.h"
#include "ops/where/where_op.h"
#include "ops/where/where_rows.h"

namespace fornax::ops {
namespace {

cpu::WhereRow row_for(std::size_t size) {
  const cpu::WhereKernels& kernels = cpu::where_kernels();
  switch (size) {
    case 1: return kernels.bytes1;
    case 2: return kernels.bytes2;
    case 4: return kernels.bytes4;
    default: return kernels.bytes8;
  }
}

void run(const Where& args) {
  const cpu::WhereRow row = row_for(size_of(args.y.dtype));
  const cpu::Value scalar = cpu::element_value(args.y.dtype, args.scalar);
  const TensorView constant = cpu::view_of(args.y.dtype, scalar);
  cpu::for_each_packed_row(
      [row](const auto& data, std::int64_t count) {
        row(data[0], reinterpret_cast<const bool*>(data[1]), data[2], data[3], count);
      },
      args.y, args.condition, args.a.defined() ? args.a : constant, args.b.defined() ? args.b : constant);
}

}  // namespace

constinit const dispatch::Kernel<Where> where_cpu{
    {"packed", DeviceType::cpu, all_dtypes}, [](const Where&) { return dispatch::accepts; }, run};

}  // namespace fornax::ops
