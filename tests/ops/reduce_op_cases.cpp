// Cases of the reductions, against plain loops.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "fornax/ops/create.h"
#include "fornax/ops/reduce.h"
#include "ops/op_cases.h"
#include "ops/plain_reduce.h"

namespace fornax::test {
namespace {

struct Over {
  std::string name;
  Shape shape;
  Dims axes;
  bool keepdim = false;
};

/// Each exercises another path: rows and columns, gaps, ends of registers.
std::vector<Over> shapes() {
  return {{"all", {2, 3, 5, 7}, {}},
          {"all_keepdim", {2, 3}, {}, true},
          {"last", {3, 37}, {-1}},
          {"last_keepdim", {3, 37}, {1}, true},
          {"last_of_many", {700, 3}, {1}},
          {"last_wide", {3, 1100}, {1}},
          {"first", {37, 3}, {0}},
          {"first_wide", {5, 530}, {0}},
          {"first_even", {6, 64}, {0}},
          {"middle", {3, 5, 19}, {1}},
          {"channels", {3, 20, 4, 5}, {0, 2, 3}},
          {"spatial", {3, 20, 4, 5}, {-1, -2}},
          {"split", {3, 4, 5, 6}, {1, 3}},
          {"one_element", {1, 1}, {1}},
          {"scalar", {}, {}}};
}

/// Enough elements per output to be cut into chunks.
std::vector<Over> long_shapes() {
  return {{"long", {40'001}, {0}},
          {"long_rows", {2, 19'001}, {1}},
          {"many_rows", {1200, 33}, {0}},
          {"many_even_rows", {1200, 32}, {0}}};
}
/// The same at less expense, for reductions whose ending follows the last chunk.
std::vector<Over> cut_shapes() { return {{"cut_row", {9001}, {0}}, {"cut_columns", {1200, 5}, {0}}}; }

using Group = std::vector<double>;
using Reduction = Tensor (*)(const Tensor&, const Dims&, bool);

void add_cases(std::vector<OpCase>& cases, const std::string& op, Reduction run,
               double (*plain)(const Group&), const std::vector<Over>& all = shapes()) {
  for (const Over& over : all) {
    const Tensor x = hashed(over.shape, 11);
    cases.push_back({.name = op + "_" + over.name,
                     .inputs = {x},
                     .run = [=](auto in) { return run(in[0], over.axes, over.keepdim); },
                     .expected = reduce_plainly(x, over.axes, over.keepdim, plain),
                     .slack = 2});
  }
}

double count_of(const Group& group) { return static_cast<double>(group.size()); }
double plain_sum(const Group& group) { return std::accumulate(group.begin(), group.end(), 0.0); }
double plain_mean(const Group& group) { return plain_sum(group) / count_of(group); }
double plain_var(const Group& group) {
  double total = 0;
  for (const double x : group) total += (x - plain_mean(group)) * (x - plain_mean(group));
  return total / count_of(group);
}
template <int p>
double plain_norm(const Group& group) {
  double total = 0;
  for (const double x : group) total += std::pow(std::abs(x), p);
  return std::pow(total, 1.0 / p);
}
double plain_logsumexp(const Group& group) {
  double total = 0;
  for (const double x : group) total += std::exp(x);
  return std::log(total);
}
double plain_max(const Group& group) { return *std::ranges::max_element(group); }
double plain_min(const Group& group) { return *std::ranges::min_element(group); }
double plain_max_abs(const Group& group) { return std::max(plain_max(group), -plain_min(group)); }

void add_extreme_along_cases(std::vector<OpCase>& cases) {
  for (const auto& [name, shape, axis] : {std::tuple<std::string, Shape, int>{"last", {5, 37}, 1},
                                          {"first", {37, 70}, 0},
                                          {"middle", {3, 5, 19}, 1},
                                          {"channels", {2, 7, 3, 5}, -3},
                                          {"vector", {9}, 0}}) {
    const Tensor x = hashed(shape, 13);
    const int at = axis;
    cases.push_back({.name = "max_" + name,
                     .inputs = {x},
                     .run = [at](auto in) { return max(in[0], at).values; },
                     .expected = reduce_plainly(x, {at}, false, plain_max)});
    cases.push_back({.name = "min_" + name,
                     .inputs = {x},
                     .run = [at](auto in) { return min(in[0], at, true).values; },
                     .expected = reduce_plainly(x, {at}, true, plain_min)});
    cases.push_back(
        {.name = "argmax_" + name,
         .inputs = {x},
         .run = [at](auto in) { return argmax(in[0], at); },
         .expected = reduce_plainly(
             x, {at}, false,
             [](const Group& group) { return double(std::ranges::max_element(group) - group.begin()); }),
         .wants_grad = {false}});
  }
}

void add_integer_cases(std::vector<OpCase>& cases) {
  const auto add = [&](const std::string& name, const Tensor& x, const Dims& axes, Reduction run,
                       double (*plain)(const Group&)) {
    cases.push_back({.name = name,
                     .inputs = {x},
                     .run = [=](auto in) { return run(in[0], axes, false); },
                     .expected = reduce_plainly(x, axes, false, plain),
                     .dtypes = {f64}});
  };
  for (const DType dtype : {i64, i32, u8, boolean}) {
    const double high = dtype == boolean ? 1.1 : 30;
    const Tensor x = hashed({4, 5, 3}, 12, 0, high).to(dtype);
    const std::string suffix = "_" + std::string(name_of(dtype));
    const auto add_each = [&](const std::string& name, const Tensor& of, const Dims& axes) {
      add("sum_" + name + suffix, of, axes, sum, plain_sum);
      add((dtype == boolean ? "any_" : "amax_") + name + suffix, of, axes, dtype == boolean ? any : amax,
          plain_max);
      add((dtype == boolean ? "all_" : "amin_") + name + suffix, of, axes, dtype == boolean ? all : amin,
          plain_min);
    };
    add_each("ends", x, {0, 2});
    add_each("cut_row", hashed({2, 17'000}, 14, 0, high).to(dtype), {1});
    add_each("cut_columns", hashed({3000, 6}, 15, 0, high).to(dtype), {0});
    if (dtype == boolean) continue;
    cases.push_back(
        {.name = "argmin" + suffix,
         .inputs = {x},
         .run = [](auto in) { return argmin(in[0], 1); },
         .expected = reduce_plainly(
             x, {1}, false,
             [](const Group& group) { return double(std::ranges::min_element(group) - group.begin()); }),
         .dtypes = {f64}});
  }
}

}  // namespace

std::vector<OpCase> reduce_op_cases() {
  std::vector<OpCase> cases;
  add_cases(cases, "sum", sum, plain_sum);
  add_cases(cases, "sum", sum, plain_sum, long_shapes());
  add_cases(cases, "mean", mean, plain_mean);
  const Reduction biased_var = [](const Tensor& x, const Dims& axes, bool keepdim) {
    return var(x, axes, keepdim, 0);
  };
  add_cases(cases, "var", biased_var, plain_var);
  add_cases(cases, "var", biased_var, plain_var, cut_shapes());
  add_cases(
      cases, "norm1",
      [](const Tensor& x, const Dims& axes, bool keepdim) { return norm(x, 1, axes, keepdim); },
      plain_norm<1>);
  const Reduction norm2 = [](const Tensor& x, const Dims& axes, bool keepdim) {
    return norm(x, 2, axes, keepdim);
  };
  add_cases(cases, "norm2", norm2, plain_norm<2>);
  add_cases(cases, "norm2", norm2, plain_norm<2>, cut_shapes());
  add_cases(
      cases, "norm3",
      [](const Tensor& x, const Dims& axes, bool keepdim) { return norm(x, 3, axes, keepdim); },
      plain_norm<3>);
  const Reduction norm_inf = [](const Tensor& x, const Dims& axes, bool keepdim) {
    return norm(x, INFINITY, axes, keepdim);
  };
  add_cases(cases, "norm_inf", norm_inf, plain_max_abs);
  add_cases(cases, "norm_inf", norm_inf, plain_max_abs, cut_shapes());
  add_cases(cases, "logsumexp", logsumexp, plain_logsumexp);
  add_cases(cases, "logsumexp", logsumexp, plain_logsumexp, cut_shapes());
  add_cases(cases, "amax", amax, plain_max);
  add_cases(cases, "amax", amax, plain_max, long_shapes());
  add_cases(cases, "amin", amin, plain_min);
  cases.push_back({.name = "sum_over_nothing",
                   .inputs = {zeros({0, 3}, {.dtype = f64})},
                   .run = [](auto in) { return sum(in[0], {0}); },
                   .expected = zeros({3}, {.dtype = f64})});
  cases.push_back({.name = "sum_of_no_rows",
                   .inputs = {zeros({0, 3}, {.dtype = f64})},
                   .run = [](auto in) { return sum(in[0], {1}); },
                   .expected = zeros({0}, {.dtype = f64})});
  add_extreme_along_cases(cases);
  add_integer_cases(cases);
  return cases;
}

}  // namespace fornax::test
