// Walks every op case over every kernel, dtype, layout and instruction set.
#include <fmt/core.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <tuple>

#include "cpu/isa.h"
#include "fornax/autograd/gradcheck.h"
#include "fornax/autograd/node.h"
#include "fornax/base/error.h"
#include "fornax/dispatch/op.h"
#include "support/op_case.h"

namespace fornax::test {
namespace {

constexpr DType float_types[] = {f64, f32, f16, bf16};
constexpr Layout layouts[] = {Layout::contiguous, Layout::channels_last, Layout::strided};

using Ran = std::set<std::tuple<std::string, std::string, DType>>;  // op, kernel, dtype

/// Collects what ran on this thread while alive.
class Recorder {
 public:
  Recorder() { dispatch::set_decision_log(note, this); }
  ~Recorder() { dispatch::set_decision_log(nullptr, nullptr); }
  const Ran& ran() const { return ran_; }

 private:
  static void note(void* self, const dispatch::Decision& decision) {
    if (!decision.refusal)
      static_cast<Recorder*>(self)->ran_.emplace(decision.op, decision.kernel, decision.dtype);
  }
  Ran ran_;
};

const dispatch::RowInfo* row_of(std::string_view op) {
  for (const dispatch::RowInfo* row : dispatch::all_rows())
    if (row->op == op) return row;
  return nullptr;
}

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

/// Runs the case by every kernel of every row it reaches, and notes what ran.
void force_every_kernel(const OpCase& op_case, DType dtype, Layout layout, Ran& ran) {
  const OpResult want = reference(op_case, dtype);
  std::set<std::string> ops;
  {
    const Recorder recorder;
    evaluate(op_case, dtype, layout);
    for (const auto& [op, kernel, type] : recorder.ran()) ops.insert(op);
    ran.insert(recorder.ran().begin(), recorder.ran().end());
  }
  for (const std::string& op : ops) {
    const dispatch::RowInfo* row = row_of(op);
    if (!row || row->kernel_count == 1) continue;
    for (std::size_t k = 0; k < row->kernel_count; ++k) {
      const dispatch::KernelGuard guard(op, row->kernel(*row, k).name);
      const Recorder recorder;
      const std::string what =
          fmt::format("{} {} by {} of {}", op_case.name, name_of(dtype), row->kernel(*row, k).name, op);
      try {
        expect_close(evaluate(op_case, dtype, layout), want, dtype, op_case.slack, what);
        ran.insert(recorder.ran().begin(), recorder.ran().end());
      } catch (const NotImplemented&) {
        // This kernel refuses this case; EveryKernelRunsInEachDtypeItClaims sees to it that it takes another
        // one.
      }
    }
  }
}

TEST_P(Op, AgreesOverEveryKernelForcedByName) {
  Ran ran;
  for (const DType dtype : float_types)
    if (op_case().dtypes.contains(dtype))
      for (const Layout layout : layouts) force_every_kernel(op_case(), dtype, layout, ran);
}

INSTANTIATE_TEST_SUITE_P(Cases, Op, testing::Range(std::size_t{0}, all_op_cases().size()),
                         [](const auto& param) { return all_op_cases()[param.param].name; });

TEST(KernelTable, EveryKernelRunsInEachDtypeItClaims) {
  Ran ran;
  for (const OpCase& op_case : all_op_cases())
    for (const DType dtype : float_types)
      if (op_case.dtypes.contains(dtype)) {
        force_every_kernel(op_case, dtype, Layout::contiguous, ran);
        if (!op_case.inputs.empty()) force_every_kernel(op_case, dtype, Layout::channels_last, ran);
      }
  for (const dispatch::RowInfo* row : dispatch::all_rows())
    for (std::size_t k = 0; k < row->kernel_count; ++k) {
      const dispatch::KernelInfo& kernel = row->kernel(*row, k);
      for (int d = 0; d < dtype_count; ++d) {
        const auto dtype = static_cast<DType>(d);
        if (!kernel.dtypes.contains(dtype)) continue;
        EXPECT_TRUE(ran.contains({std::string(row->op), std::string(kernel.name), dtype}))
            << row->op << " by " << kernel.name << " has no case in " << name_of(dtype);
      }
    }
}

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
