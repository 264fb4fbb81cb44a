// Every recorded case of every op, forward and backward, in double and in single precision, with images in
// both formats.
#include <fmt/core.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>

#include "goldens/runners.h"
#include "support/golden.h"

namespace fornax::test {
namespace {

void check(const GoldenCase& golden, const GoldenOp& op, DType dtype, MemoryFormat format) {
  std::vector<Tensor> inputs;
  for (std::size_t i = 0; i < golden.inputs.size(); ++i) {
    const Tensor& in = golden.inputs[i];
    inputs.push_back((is_floating(in.dtype()) ? in.to(dtype) : in).clone());
    if (in.rank() == 4) inputs.back() = inputs.back().to(format);
    if (golden.grads[i].defined()) inputs.back().set_requires_grad();
  }
  const double tolerance = dtype == f64 ? 1e-12 : 1e-5 * op.slack;
  const auto expect_near = [&](const Tensor& got, const Tensor& want, std::string_view what, std::size_t i) {
    expect_near_golden(got, want, is_floating(want.dtype()) ? tolerance : 0,
                       fmt::format("{} {} in {}", what, i, name_of(dtype)));
  };

  const std::vector<Tensor> outputs = op.run(golden.attrs, inputs);
  ASSERT_EQ(outputs.size(), golden.outputs.size());
  for (std::size_t i = 0; i < outputs.size(); ++i) expect_near(outputs[i], golden.outputs[i], "output", i);
  if (::testing::Test::HasFailure()) return;
  for (std::size_t i = 0; i < outputs.size(); ++i)
    if (golden.dys[i].defined()) outputs[i].backward(golden.dys[i].to(dtype), /*retain_graph=*/true);
  for (std::size_t i = 0; i < inputs.size(); ++i)
    if (golden.grads[i].defined()) expect_near(inputs[i].grad(), golden.grads[i], "gradient", i);
}

/// A file of cases, and how its ops are called.
constexpr struct {
  const char* file;
  const GoldenOps& (*runners)();
} parts[] = {
    {"ops_conv", conv_runners},       {"ops_elementwise", elementwise_runners}, {"ops_image", image_runners},
    {"ops_loss", loss_runners},       {"ops_matmul", matmul_runners},           {"ops_norm", norm_runners},
    {"ops_pool", pool_runners},       {"ops_reduce", reduce_runners},           {"ops_shape", shape_runners},
    {"ops_softmax", softmax_runners}, {"optimizers", optimizer_runners},
};

const GoldenOp* find_runner(const std::string& op) {
  for (const auto& part : parts)
    if (const auto found = part.runners().find(op); found != part.runners().end()) return &found->second;
  return nullptr;
}

std::vector<GoldenCase> all_cases() {
  std::vector<GoldenCase> all;
  for (const auto& part : parts) std::ranges::move(GoldenFile(part.file).cases(), std::back_inserter(all));
  return all;
}

class Golden : public ::testing::TestWithParam<GoldenCase> {};

TEST_P(Golden, IsWhatPyTorchComputes) {
  const GoldenCase& golden = GetParam();
  const GoldenOp* op = find_runner(golden.op);
  ASSERT_TRUE(op) << "nothing says how to run " << golden.op;
  for (const MemoryFormat format : {MemoryFormat::contiguous, MemoryFormat::channels_last}) {
    SCOPED_TRACE(format == MemoryFormat::contiguous ? "contiguous" : "channels_last");
    check(golden, *op, f64, format);
    check(golden, *op, f32, format);
  }
}

INSTANTIATE_TEST_SUITE_P(Of, Golden, ::testing::ValuesIn(all_cases()), [](const auto& param_info) {
  return param_info.param.op + "_" + param_info.param.name;
});

}  // namespace
}  // namespace fornax::test
