// Walks every op case over every CUDA kernel, dtype and layout.
#include "support/op_walker.h"

#include "cuda/device_test.h"

namespace fornax::test {
namespace {

class CudaOp : public DeviceTest, public testing::WithParamInterface<std::size_t> {};

TEST_P(CudaOp, AgreesWithTheCpuOverEveryKernelForcedByName) {
  const OpCase& op_case = all_op_cases()[GetParam()];
  Ran ran;
  for (const DType dtype : float_types)
    if (op_case.dtypes.contains(dtype))
      for (const Layout layout : layouts) force_every_kernel(op_case, dtype, layout, device_, ran);
}

INSTANTIATE_TEST_SUITE_P(Cases, CudaOp, testing::Range(std::size_t{0}, all_op_cases().size()),
                         [](const auto& param) { return all_op_cases()[param.param].name; });

using CudaKernelTable = DeviceTest;
TEST_F(CudaKernelTable, EveryKernelRunsInEachDtypeItClaims) { expect_every_kernel_runs(device_); }

}  // namespace
}  // namespace fornax::test
