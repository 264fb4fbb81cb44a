// Walks every op case over every kernel, dtype, layout and instruction set.
#include <fmt/core.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

#include "cpu/isa.h"
#include "fornax/autograd/gradcheck.h"
#include "fornax/autograd/node.h"
#include "fornax/base/error.h"
#include "fornax/dispatch/op.h"
#include "support/op_walker.h"

namespace fornax::test {
namespace {

class Op : public testing::TestWithParam<std::size_t> {
 protected:
  const OpCase& op_case() const { return all_op_cases()[GetParam()]; }
};

/// The inputs as leaves of a graph of their own.
std::vector<Tensor> leaves_of(const OpCase& op) {
  std::vector<Tensor> inputs;
  for (std::size_t i = 0; i < op.inputs.size(); ++i) {
    const Tensor& input = op.inputs[i];
    inputs.push_back(input.defined() ? input.clone() : Tensor());
    if (!input.defined() || !is_floating(input.dtype()) || (!op.wants_grad.empty() && !op.wants_grad[i]))
      continue;
    inputs[i].set_requires_grad();
  }
  return inputs;
}

void expect_finite_differences(const OpCase& op) {
  const std::vector<Tensor> inputs = leaves_of(op);
  const auto is_wanted = [](const Tensor& input) { return input.defined() && input.requires_grad(); };
  if (std::ranges::none_of(inputs, is_wanted)) return;
  const autograd::GradcheckResult result = autograd::gradcheck(op.run, inputs);
  EXPECT_TRUE(result) << op.name << ": " << result.message;
}

TEST_P(Op, MatchesTheNumbersItWasGivenAndFiniteDifferences) {
  const OpCase& op = op_case();
  ASSERT_TRUE(op.expected.defined() || op.finite_differences) << op.name << " is held against nothing";
  if (op.finite_differences) expect_finite_differences(op);
  if (!op.expected.defined()) return;
  OpResult got = evaluate(op, f64, Layout::contiguous), want{op.expected, op.expected_grads};
  want.grads.resize(got.grads.size());
  for (std::size_t i = 0; i < want.grads.size(); ++i)
    if (!want.grads[i].defined()) got.grads[i] = {};  // no number was given
  expect_close(got, want, f64, op.slack, op.name);
}

TEST_P(Op, LeavesNothingOfAGraphThatIsDroppedUndifferentiated) {
  const std::int64_t before = autograd::live_nodes();
  op_case().run(leaves_of(op_case()));
  EXPECT_EQ(autograd::live_nodes(), before);
}

TEST_P(Op, AgreesAcrossDtypesAndLayouts) {
  for (const DType dtype : float_types) {
    if (!op_case().dtypes.contains(dtype)) continue;
    const OpResult want = reference(op_case(), dtype);
    for (const Layout layout : layouts) {
      const std::string what =
          fmt::format("{} {} layout {}", op_case().name, name_of(dtype), static_cast<int>(layout));
      expect_close(evaluate(op_case(), dtype, layout), want, dtype, op_case().slack, what);
    }
  }
}

TEST_P(Op, AgreesAtEveryInstructionSet) {
  for (int level = 0; level <= static_cast<int>(cpu::best_isa()); ++level) {
    const cpu::IsaGuard isa(static_cast<cpu::Isa>(level));
    for (const DType dtype : {f64, f32, bf16}) {
      if (!op_case().dtypes.contains(dtype)) continue;
      const std::string what = fmt::format("{} {} isa {}", op_case().name, name_of(dtype), level);
      expect_close(evaluate(op_case(), dtype, Layout::contiguous), reference(op_case(), dtype), dtype,
                   op_case().slack, what);
    }
  }
}

TEST_P(Op, AgreesOverEveryKernelForcedByName) {
  Ran ran;
  for (const DType dtype : float_types)
    if (op_case().dtypes.contains(dtype))
      for (const Layout layout : layouts) force_every_kernel(op_case(), dtype, layout, Device::cpu(), ran);
}

INSTANTIATE_TEST_SUITE_P(Cases, Op, testing::Range(std::size_t{0}, all_op_cases().size()),
                         [](const auto& param) { return all_op_cases()[param.param].name; });

TEST(KernelTable, EveryKernelRunsInEachDtypeItClaims) { expect_every_kernel_runs(Device::cpu()); }

TEST(KernelTable, NamesAreUnique) {
  std::set<std::string_view> ops;
  for (const dispatch::RowInfo* row : dispatch::all_rows()) {
    EXPECT_TRUE(ops.insert(row->op).second) << row->op;
    std::set<std::pair<std::string_view, DeviceType>> kernels;
    for (std::size_t k = 0; k < row->kernel_count; ++k) {
      const dispatch::KernelInfo& kernel = row->kernel(*row, k);
      EXPECT_TRUE(kernels.insert({kernel.name, kernel.device}).second) << row->op << " " << kernel.name;
    }
  }
}

}  // namespace
}  // namespace fornax::test
