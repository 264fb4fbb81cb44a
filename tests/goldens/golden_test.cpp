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

const GoldenOps& all_runners() {
  static const GoldenOps all = [] {
    GoldenOps merged;
    for (const GoldenOps* part :
         {&batch_norm_runners(), &conv_runners(), &elementwise_runners(), &matmul_runners(), &pool_runners()})
      merged.insert(part->begin(), part->end());
    return merged;
  }();
  return all;
}

std::vector<GoldenCase> all_cases() {
  std::vector<GoldenCase> all;
  for (const char* file : {"ops_elementwise", "ops_conv", "ops_matmul", "ops_pool"})
    std::ranges::move(GoldenFile(file).cases(), std::back_inserter(all));
  return all;
}

class Golden : public ::testing::TestWithParam<GoldenCase> {};

TEST_P(Golden, IsWhatPyTorchComputes) {
  const GoldenCase& golden = GetParam();
  const auto op = all_runners().find(golden.op);
  ASSERT_NE(op, all_runners().end()) << "nothing says how to run " << golden.op;
  for (const MemoryFormat format : {MemoryFormat::contiguous, MemoryFormat::channels_last}) {
    SCOPED_TRACE(format == MemoryFormat::contiguous ? "contiguous" : "channels_last");
    check(golden, op->second, f64, format);
    check(golden, op->second, f32, format);
  }
}

INSTANTIATE_TEST_SUITE_P(Of, Golden, ::testing::ValuesIn(all_cases()), [](const auto& param_info) {
  return param_info.param.op + "_" + param_info.param.name;
});

}  // namespace
}  // namespace fornax::test
