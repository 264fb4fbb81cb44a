// A user's own op brings its own row and is dispatched as the built-in ones are.
#include "fornax/dispatch/op.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <string>
#include <vector>

#include "fornax/base/error.h"
#include "fornax/dispatch/autocast.h"
#include "fornax/tensor/tensor.h"
#include "support/error_of.h"

namespace fornax {
namespace {

struct Negate {
  static constexpr std::string_view op_name = "negate";
  TensorView y, x;
  auto operands() const { return std::array{dispatch::Operand{"y", &y}, dispatch::Operand{"x", &x}}; }
};

constinit const dispatch::Kernel<Negate> packed{
    {"packed", DeviceType::cpu, {f32}},
    [](const Negate& args) {
      return args.x.numel() % 4 == 0 ? dispatch::accepts : "needs a multiple of 4 elements";
    },
    [](const Negate& args) {
      for (std::int64_t i = 0; i < args.x.numel(); ++i) args.y.ptr<float>()[i] = -args.x.ptr<float>()[i];
    }};
constinit const dispatch::Kernel<Negate> plain{{"plain", DeviceType::cpu, {f32}},
                                               [](const Negate&) { return dispatch::accepts; },
                                               [](const Negate& args) {
                                                 for (std::int64_t i = 0; i < args.x.numel(); ++i)
                                                   args.y.ptr<float>()[i] = 0 - args.x.ptr<float>()[i];
                                               }};
constexpr const dispatch::Kernel<Negate>* kernels[] = {&packed, &plain};
constinit const dispatch::Row<Negate> row{kernels};

Negate args_of(const Tensor& y, const Tensor& x) { return {y, x}; }

TEST(Dispatch, TakesTheFirstKernelThatAgrees) {
  const Tensor four = tensor<float>({1, 2, 3, 4}), three = tensor<float>({1, 2, 3});
  EXPECT_EQ(dispatch::choose(row, args_of(four, four)).name, "packed");
  EXPECT_EQ(dispatch::choose(row, args_of(three, three)).name, "plain");
}

TEST(Dispatch, AGuardForcesAKernelByNameAndTheInnermostOneWins) {
  const Tensor x = tensor<float>({1, 2, 3, 4});
  const dispatch::KernelGuard outer("negate", "plain");
  EXPECT_EQ(dispatch::choose(row, args_of(x, x)).name, "plain");
  {
    const dispatch::KernelGuard inner("negate", "packed");
    EXPECT_EQ(dispatch::choose(row, args_of(x, x)).name, "packed");
  }
  EXPECT_EQ(dispatch::choose(row, args_of(x, x)).name, "plain");
}

TEST(Dispatch, PrintsEveryReasonIfNobodyAgrees) {
  const Tensor x = tensor<float>({1, 2, 3});
  const dispatch::KernelGuard guard("negate", "packed");
  try {
    dispatch::run(row, args_of(x, x));
    FAIL();
  } catch (const NotImplemented& e) {
    EXPECT_STREQ(e.what(),
                 "[negate] expected a kernel that agrees, got none (packed: needs a multiple of 4 elements; "
                 "plain: 'packed' is forced); y=f32[3]@cpu x=f32[3]@cpu");
  }
}

TEST(Dispatch, NamesAForcedKernelThatDoesNotExist) {
  const Tensor x = tensor<float>({1, 2, 3, 4});
  const dispatch::KernelGuard guard("negate", "packd");
  EXPECT_THAT(test::error_of<NotImplemented>([&] { dispatch::run(row, args_of(x, x)); }),
              testing::HasSubstr("(packed: 'packd' is forced; plain: 'packd' is forced)"));
}

TEST(DispatchDeathTest, ReportsAnOpOfTheEnvironmentThatTheLibraryDoesNotHave) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");  // a process of its own, which reads the environment anew
  const Tensor x = tensor<float>({1, 2, 3, 4});
  EXPECT_EXIT(
      {
        setenv("FORNAX_KERNEL", "conv2d=im2col,negtae=plain", 1);
        dispatch::run(row, args_of(x, x));
        std::exit(0);
      },
      testing::ExitedWithCode(0), "^fornax: FORNAX_KERNEL names 'negtae', which is no op of the library\n$");
}

TEST(Dispatch, RefusesADtypeThatNoKernelClaims) {
  const Tensor x = tensor<double>({1, 2, 3, 4});
  try {
    dispatch::run(row, args_of(x, x));
    FAIL();
  } catch (const NotImplemented& e) {
    EXPECT_THAT(e.what(), testing::HasSubstr("packed: does not take this dtype"));
  }
}

TEST(Dispatch, LogsChosenAndRefusedKernels) {
  std::vector<std::string> lines;
  dispatch::set_decision_log(
      [](void* context, const dispatch::Decision& d) {
        static_cast<std::vector<std::string>*>(context)->push_back(
            std::string(d.op) + " " + std::string(d.kernel) + "@" + to_string(Device{d.device}) + " " +
            (d.refusal ? d.refusal : "runs"));
      },
      &lines);
  const Tensor x = tensor<float>({1, 2, 3});
  dispatch::run(row, args_of(x, x));
  dispatch::set_decision_log(nullptr, nullptr);
  EXPECT_THAT(lines, testing::ElementsAre("negate packed@cpu needs a multiple of 4 elements",
                                          "negate plain@cpu runs"));
}

TEST(Autocast, HoldsForThisThreadWhileTheGuardLivesAndCanBeTurnedOffInside) {
  EXPECT_FALSE(amp::autocast_enabled());
  {
    const amp::Autocast outer(DeviceType::cpu);
    EXPECT_EQ(amp::autocast_dtype(DeviceType::cpu), bf16);
    EXPECT_EQ(amp::autocast_dtype(DeviceType::cuda), std::nullopt);
    {
      const amp::Autocast off(DeviceType::cpu, bf16, false);
      EXPECT_FALSE(amp::autocast_enabled());
    }
    EXPECT_TRUE(amp::autocast_enabled());
  }
  EXPECT_FALSE(amp::autocast_enabled());
  EXPECT_THROW(amp::Autocast(DeviceType::cpu, f32), DTypeError);
}

TEST(Autocast, PutsEachOpOnItsList) {
  using amp::CastPolicy;
  const auto expect = [](CastPolicy policy, std::initializer_list<std::string_view> ops) {
    for (const std::string_view op : ops) EXPECT_EQ(amp::policy_of(op), policy) << op;
  };
  expect(CastPolicy::lower, {"conv2d", "linear", "matmul"});
  expect(CastPolicy::full,
         {"exp", "log", "pow", "norm", "logsumexp", "softmax", "log_softmax", "layer_norm", "sum", "mean",
          "var", "cross_entropy", "nll_loss", "mse_loss", "l1_loss", "binary_cross_entropy_with_logits"});
  expect(CastPolicy::promote, {"add", "sub", "mul", "div", "maximum", "minimum", "where", "concat", "stack"});
  expect(CastPolicy::none, {"relu", "batch_norm", "max_pool2d", "no such op"});
}

}  // namespace
}  // namespace fornax
