// Cases of the rows that the tensor core itself uses.
#include <cmath>

#include "autograd/contracts.h"
#include "fornax/autograd/node.h"
#include "fornax/ops/create.h"
#include "ops/op_cases.h"

namespace fornax::test {
namespace {

/// y = x, twice used: its gradient is accumulated.
struct TwiceUsedGrad final : autograd::Node {
  std::string_view name() const override { return "twice_used"; }
  Grads backward(const Tensor& dy) override { return {dy, dy}; }
};

Tensor accumulate_case(std::span<const Tensor> in) {
  Tensor y = in[0].detach();
  autograd::accumulate(y, in[1].detach());
  autograd::record<TwiceUsedGrad>(y, {in[0], in[1]}, [](TwiceUsedGrad&) {});
  return y;
}

Tensor sum_of(const Tensor& a, const Tensor& b) {
  std::vector<double> x = a.to_vector<double>();
  const std::vector<double> y = b.to_vector<double>();
  for (std::size_t i = 0; i < x.size(); ++i) x[i] += y[i];
  return from_span<double>(x, a.shape());
}

Tensor nonfinite(std::span<const Tensor> in) {
  Tensor found = zeros({1}, {.dtype = boolean, .device = in[0].device()});
  dispatch::run(autograd::find_nonfinite_row, autograd::FindNonfinite{in[0], found});
  return found;
}

}  // namespace

std::vector<OpCase> core_op_cases() {
  std::vector<OpCase> cases;
  const Tensor a = hashed({2, 3, 5, 7}, 1), b = hashed({2, 3, 5, 7}, 2);
  cases.push_back(
      {.name = "clone", .inputs = {a}, .run = [](auto in) { return in[0].clone(); }, .expected = a});
  cases.push_back({.name = "clone_empty",
                   .inputs = {zeros({2, 0}, {.dtype = f64})},
                   .run = [](auto in) { return in[0].clone(); },
                   .expected = zeros({2, 0}, {.dtype = f64})});
  cases.push_back({.name = "expand", .inputs = {hashed({3, 1}, 3)}, .run = [](auto in) {
                     return in[0].expand({2, 3, 4}).clone();
                   }});
  for (const DType dtype : {i64, i32, u8, boolean}) {
    cases.push_back(
        {.name = "to_" + std::string(name_of(dtype)),
         .inputs = {tensor<double>({0, 1, 2.75, 100})},
         .run = [dtype](auto in) { return in[0].to(dtype).to(dtype); },
         .expected = dtype == boolean ? tensor<double>({0, 1, 1, 1}) : tensor<double>({0, 1, 2, 100}),
         .wants_grad = {false}});
    cases.push_back(
        {.name = "full_" + std::string(name_of(dtype)),
         .inputs = {zeros({1}, {.dtype = f64})},
         .run = [dtype](auto in) { return full({3}, 1, {.dtype = dtype, .device = in[0].device()}); },
         .expected = tensor<double>({1, 1, 1}),
         .wants_grad = {false},
         .dtypes = {f64}});
  }
  Tensor filled = full({7, 301}, 0.25, {.dtype = f64});
  filled.select(1, 4).fill_(0.5);
  filled.narrow(0, 2, 1).fill_(0.75);
  for (const DType dtype : {f64, f32, f16, bf16})
    cases.push_back({.name = "full_" + std::string(name_of(dtype)),
                     .inputs = {zeros({1}, {.dtype = f64})},
                     .run =
                         [dtype](auto in) {
                           Tensor x = full({7, 301}, 0.25, {.dtype = dtype, .device = in[0].device()});
                           x.select(1, 4).fill_(0.5);      // with gaps
                           x.narrow(0, 2, 1).fill_(0.75);  // not aligned
                           return x;
                         },
                     .expected = filled,
                     .wants_grad = {false},
                     .dtypes = {f64}});
  cases.push_back({.name = "accumulate", .inputs = {a, b}, .run = accumulate_case, .expected = sum_of(a, b)});
  cases.push_back({.name = "find_nonfinite_none",
                   .inputs = {a},
                   .run = nonfinite,
                   .expected = tensor<double>({0}),
                   .wants_grad = {false}});
  Tensor with_inf = a.clone();
  with_inf.select(3, 4).fill_(INFINITY);
  cases.push_back({.name = "find_nonfinite_inf",
                   .inputs = {with_inf},
                   .run = nonfinite,
                   .expected = tensor<double>({1}),
                   .wants_grad = {false}});
  Tensor with_nan = hashed({3, 11, 263}, 4);  // more than one turn of a simulated device
  with_nan.narrow(0, 2, 1).narrow(1, 10, 1).narrow(2, 262, 1).fill_(NAN);
  cases.push_back({.name = "find_nonfinite_last",
                   .inputs = {with_nan},
                   .run = nonfinite,
                   .expected = tensor<double>({1}),
                   .wants_grad = {false}});
  return cases;
}

}  // namespace fornax::test
