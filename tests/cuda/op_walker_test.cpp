// Walks every op case over every CUDA kernel, dtype and layout.
#include "support/op_walker.h"

#include <gtest/gtest.h>

#include "fornax/device/device.h"

namespace fornax::test {
namespace {

class CudaOp : public testing::TestWithParam<std::size_t> {};

TEST_P(CudaOp, AgreesWithTheCpuOverEveryKernelForcedByName) {
  const OpCase& op_case = all_op_cases()[GetParam()];
  Ran ran;
  for (const DType dtype : float_types)
    if (op_case.dtypes.contains(dtype))
      for (const Layout layout : layouts) force_every_kernel(op_case, dtype, layout, Device::cuda(), ran);
}

INSTANTIATE_TEST_SUITE_P(Cases, CudaOp, testing::Range(std::size_t{0}, all_op_cases().size()),
                         [](const auto& param) { return all_op_cases()[param.param].name; });

TEST(CudaKernelTable, EveryKernelRunsInEachDtypeItClaims) { expect_every_kernel_runs(Device::cuda()); }

}  // namespace
}  // namespace fornax::test
