// Loss scaling: gradients divided by the scale, the flag, and the scale that follows.
#include <cmath>
#include <limits>
#include <vector>

#include "fornax/ops/amp.h"
#include "fornax/ops/create.h"
#include "ops/op_cases.h"
#include "support/tensor_lists.h"

namespace fornax::test {
namespace {

constexpr float scale = 4;

/// The flag as a row of the output.
Tensor row_of(const Tensor& found_inf, DType dtype) { return found_inf.to(dtype).view({1}); }

OpCase unscale_case() {
  const std::vector<Tensor> inputs{hashed({3, 5}, 30), hashed({70000}, 31), zeros({0}, {.dtype = f64})};
  std::vector<Tensor> expected;
  for (const Tensor& input : inputs) {
    std::vector<double> values = input.to_vector<double>();
    for (double& value : values) value /= scale;
    expected.push_back(from_span<double>(values, input.shape()));
  }
  expected.push_back(zeros({1}, {.dtype = f64}));
  const auto run = [](std::span<const Tensor> in) {
    const TensorOptions options{.device = in[0].device()};
    std::vector<Tensor> tensors;
    for (const Tensor& input : in) tensors.push_back(copy_of(input));
    const Tensor found_inf = zeros({}, options);
    amp_unscale_(tensors, full({}, scale, options), found_inf);
    tensors.push_back(row_of(found_inf, in[0].dtype()));
    return joined(tensors);
  };
  return {.name = "amp_unscale",
          .inputs = inputs,
          .run = run,
          .expected = joined(expected),
          .wants_grad = {false, false, false}};
}

/// One number of many pieces is not finite, wherever it is: the flags alone.
OpCase find_case() {
  const auto run = [](std::span<const Tensor> in) {
    const TensorOptions options{.device = in[0].device()};
    constexpr double inf = std::numeric_limits<double>::infinity();
    std::vector<Tensor> flags;
    for (const double value : {inf, -inf, double(NAN), 1.})
      for (const std::int64_t at : {std::int64_t{0}, std::int64_t{4999}, in[0].numel() - 1}) {
        const Tensor whole = copy_of(in[0]);
        whole.narrow(0, at, 1).fill_(value);
        const Tensor found_inf = zeros({}, options);
        amp_unscale_(pieces_of(whole), full({}, scale, options), found_inf);
        flags.push_back(row_of(found_inf, in[0].dtype()));
      }
    return joined(flags);
  };
  std::int64_t total = 0;
  for (const std::int64_t size : many_sizes()) total += size;
  return {.name = "amp_unscale_finds_inf_and_nan",
          .inputs = {hashed({total}, 41)},
          .run = run,
          .expected = from_span<double>(std::vector<double>{1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0}, {12}),
          .wants_grad = {false}};
}

/// The scales after steps of which some found inf.
OpCase update_scale_case() {
  const auto run = [](std::span<const Tensor> in) {
    const TensorOptions options{.device = in[0].device()};
    const Tensor now = in[0].to(f32).clone(), tracker = zeros({}, {.dtype = i64, .device = options.device});
    std::vector<Tensor> scales;
    for (const int found : {0, 0, 1, 0, 0, 0, 0, 0, 1, 1}) {
      amp_update_scale_(now, tracker, full({}, found, options),
                        {.growth_factor = 4, .backoff_factor = 0.5, .growth_interval = 2});
      for (const Tensor& value : {now.view({1}), tracker.view({1})})
        scales.push_back(value.to(in[0].dtype()).clone());
    }
    return joined(scales);
  };
  const std::vector<double> expected{1, 1, 4, 0, 2, 0, 2, 1, 8, 0, 8, 1, 32, 0, 32, 1, 16, 0, 8, 0};
  return {.name = "amp_update_scale",
          .inputs = {ones({1}, {.dtype = f64})},
          .run = run,
          .expected = from_span<double>(expected, {20}),
          .wants_grad = {false}};
}

}  // namespace

std::vector<OpCase> amp_op_cases() { return {unscale_case(), find_case(), update_scale_case()}; }

}  // namespace fornax::test
