// Cases of the rows binary, compare, unary, unary_grad and where. PyTorch's numbers for them are in
// tests/goldens; here each form of each op meets finite differences, every layout, dtype and instruction set.
#include <cmath>
#include <limits>

#include "fornax/ops/create.h"
#include "fornax/ops/elementwise.h"
#include "fornax/ops/rearrange.h"
#include "ops/op_cases.h"

namespace fornax::test {
namespace {

using Inputs = std::span<const Tensor>;
using Run = std::function<Tensor(Inputs)>;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

/// Values in [0.25, 2) and none near another, so that nothing is singular or tied.
Tensor positive(const Shape& shape, std::uint64_t seed) { return hashed(shape, seed, 0.25, 2); }

struct Forms {
  std::string name;
  Run tensors, scalar_right, scalar_left;  // the last two may be empty
};

void add_binary_cases(std::vector<OpCase>& cases) {
  const std::vector<Forms> all = {
      {"add", [](Inputs in) { return in[0] + in[1]; }, [](Inputs in) { return in[0] + 0.3; },
       [](Inputs in) { return 0.3 + in[0]; }},
      {"sub", [](Inputs in) { return in[0] - in[1]; }, [](Inputs in) { return in[0] - 0.3; },
       [](Inputs in) { return 0.3 - in[0]; }},
      {"mul", [](Inputs in) { return in[0] * in[1]; }, [](Inputs in) { return in[0] * 0.3; },
       [](Inputs in) { return 0.3 * in[0]; }},
      {"div", [](Inputs in) { return in[0] / in[1]; }, [](Inputs in) { return in[0] / 0.3; },
       [](Inputs in) { return 0.3 / in[0]; }},
      {"maximum",
       [](Inputs in) { return maximum(in[0], in[1]); },
       [](Inputs in) { return maximum(in[0], 0.7); },
       {}},
      {"minimum",
       [](Inputs in) { return minimum(in[0], in[1]); },
       [](Inputs in) { return minimum(in[0], 0.7); },
       {}},
      {"pow", [](Inputs in) { return pow(in[0], in[1]); }, [](Inputs in) { return pow(in[0], 2.5); },
       [](Inputs in) { return pow(2.5, in[0]); }},
      {"add_scaled", [](Inputs in) { return in[0].clone().add_(in[1], -1.5); }, {}, {}},
  };
  for (const Forms& op : all) {
    const auto with = [&](const std::string& name, std::vector<Tensor> inputs) {
      cases.push_back(
          {.name = op.name + "_" + name, .inputs = std::move(inputs), .run = op.tensors, .slack = 4});
    };
    with("same_shape", {positive({2, 3, 5, 7}, 1), positive({2, 3, 5, 7}, 2)});
    with("channels", {positive({2, 19, 2, 3}, 3), positive({19, 1, 1}, 4)});
    with("column", {positive({4, 21}, 5), positive({4, 1}, 6)});
    with("rank_0", {positive({}, 9), positive({}, 10)});
    with("empty", {positive({2, 0}, 11), positive({2, 1}, 12)});
    if (op.name == "add_scaled") continue;
    with("left_broadcasts", {positive({3, 1}, 7), positive({2, 3, 37}, 8)});
    with("both_broadcast", {positive({3, 1, 5}, 13), positive({2, 1, 7, 1}, 14)});
    for (const auto& [form, run] :
         {std::pair{"scalar_right", op.scalar_right}, {"scalar_left", op.scalar_left}})
      if (run)
        cases.push_back(
            {.name = op.name + "_" + form, .inputs = {positive({3, 2, 4, 5}, 15)}, .run = run, .slack = 4});
  }
}

void add_integer_cases(std::vector<OpCase>& cases) {
  for (const DType dtype : {i64, i32, u8}) {
    const Tensor a = tensor<double>({1, 2, 3, 100, 5, 6}, {2, 3}).to(dtype);
    const Tensor b = tensor<double>({7, 2, 0}).to(dtype);
    const auto with = [&](const std::string& name, std::vector<Tensor> inputs, Run run,
                          std::initializer_list<double> want) {
      cases.push_back({.name = name + "_" + std::string(name_of(dtype)),
                       .inputs = std::move(inputs),
                       .run = std::move(run),
                       .expected = from_span<double>({want.begin(), want.size()}, {2, 3}),
                       .dtypes = {f64}});
    };
    with("add", {a, b}, [](Inputs in) { return in[0] + in[1]; }, {8, 4, 3, 107, 7, 6});
    with("sub", {a, b}, [](Inputs in) { return in[0] + 10 - in[1]; }, {4, 10, 13, 103, 13, 16});
    with("mul", {a, b}, [](Inputs in) { return in[0] * in[1]; }, {7, 4, 0, dtype == u8 ? 188. : 700., 10, 0});
    with("maximum", {a, b}, [](Inputs in) { return maximum(in[0], in[1]); }, {7, 2, 3, 100, 5, 6});
    with("minimum", {a, b}, [](Inputs in) { return minimum(in[0], in[1]); }, {1, 2, 0, 7, 2, 0});
    with("scalar_left", {a}, [](Inputs in) { return 100 - in[0]; }, {99, 98, 97, 0, 95, 94});
    with("add_scaled", {a, b}, [](Inputs in) { return in[0].clone().add_(in[1], 3); },
         {22, 8, 3, 121, 11, 6});
    with("square", {a.clone().sub_(1)}, [](Inputs in) { return square(minimum(in[0], 5)); },
         {0, 1, 4, 25, 16, 25});
    with("sign", {a.clone().sub_(1)}, [](Inputs in) { return sign(in[0]); }, {0, 1, 1, 1, 1, 1});
    with("clamp", {a}, [](Inputs in) { return clamp(in[0], 2, 6); }, {2, 2, 3, 6, 5, 6});
    with("clamp_low", {a}, [](Inputs in) { return clamp(in[0], 3); }, {3, 3, 3, 100, 5, 6});
    with(
        "abs_neg", {a}, [](Inputs in) { return abs(neg(in[0])); },
        dtype == u8 ? std::initializer_list<double>{255, 254, 253, 156, 251, 250}
                    : std::initializer_list<double>{1, 2, 3, 100, 5, 6});
  }
}

/// What elementwise kernels of devices branch on: rows of packs of up to 16 elements (in which an operand may
/// be adjacent or repeat one element), a row's tail, memory that is not aligned, and more than one block.
void add_path_cases(std::vector<OpCase>& cases) {
  const auto with = [&](const std::string& name, std::vector<Tensor> inputs, Run run) {
    cases.push_back(
        {.name = "paths_" + name, .inputs = std::move(inputs), .run = std::move(run), .slack = 4});
  };
  const Run product = [](Inputs in) { return in[0] * in[1]; };
  const Run fused = [](Inputs in) { return where(gt(in[0], in[1]), in[0] - in[1], silu(in[0]) * 2); };
  const Tensor image = hashed({2, 32, 4, 4}, 1), long_row = hashed({3, 11, 103}, 2);
  for (const auto& [name, run] :
       {std::pair{std::string("product"), product}, {std::string("fused"), fused}}) {
    with(name + "_channels", {image, hashed({32, 1, 1}, 3)}, run);
    with(name + "_column", {hashed({12, 48}, 4), hashed({12, 1}, 5)}, run);
    with(name + "_row", {hashed({12, 48}, 6), hashed({48}, 7)}, run);
    with(name + "_number_in_memory", {hashed({5, 7, 3}, 8), hashed({}, 9)}, run);
    with(name + "_blocks", {long_row, hashed({3, 11, 103}, 10)}, run);
  }
  // More packs than the simulated device has threads at a time.
  const Tensor left = hashed({3, 5573}, 17), right = hashed({3, 5573}, 18);
  std::vector<double> products = left.to_vector<double>();
  const std::vector<double> factors = right.to_vector<double>();
  for (std::size_t i = 0; i < products.size(); ++i) products[i] *= factors[i];
  cases.push_back({.name = "paths_turns",
                   .inputs = {left, right},
                   .run = product,
                   .expected = from_span<double>(products, {3, 5573}),
                   .wants_grad = {false, false},
                   .dtypes = {f64},
                   .finite_differences = false});
  with("narrow_aligned", {hashed({6, 64}, 11), hashed({6, 64}, 12)},
       [](Inputs in) { return in[0].narrow(1, 16, 32) * in[1].narrow(1, 32, 32); });
  with("narrow_unaligned", {hashed({70}, 13), hashed({70}, 14)},
       [](Inputs in) { return in[0].narrow(0, 1, 50) * in[1].narrow(0, 3, 50); });
  with("flipped", {hashed({5, 48}, 15), hashed({5, 48}, 16)},
       [](Inputs in) { return in[0] * in[1] + flip(in[0], {1}); });
  // Integers and bytes, 16 of which are a pack.
  std::vector<double> a(53), b(53), sums(53), smaller(53);
  for (std::size_t i = 0; i < a.size(); ++i) {
    a[i] = static_cast<double>(i * 7 % 19);
    b[i] = static_cast<double>(i * 5 % 17);
    sums[i] = a[i] * 3 + b[i];
    smaller[i] = a[i] < b[i];
  }
  for (const DType dtype : {i64, i32, u8}) {
    const std::vector<Tensor> inputs = {from_span<double>(a, {53}).to(dtype),
                                        from_span<double>(b, {53}).to(dtype)};
    const std::string suffix(name_of(dtype));
    cases.push_back({.name = "paths_integers_" + suffix,
                     .inputs = inputs,
                     .run = [](Inputs in) { return in[0] * 3 + in[1]; },
                     .expected = from_span<double>(sums, {53}),
                     .dtypes = {f64}});
    cases.push_back({.name = "paths_less_" + suffix,
                     .inputs = inputs,
                     .run =
                         [](Inputs in) {
                           const Tensor less = lt(in[0], in[1]);
                           return where(logical_or(less, lt(in[0], 0)), less, logical_and(less, less));
                         },
                     .expected = from_span<double>(smaller, {53}),
                     .dtypes = {f64}});
  }
}

void add_compare_cases(std::vector<OpCase>& cases) {
  const Tensor a = tensor<double>({1, 2, 3, 4, 0, 2}, {2, 3}), b = tensor<double>({1, 3, 2});
  const std::vector<std::tuple<std::string, Run, std::vector<double>>> all = {
      {"eq", [](Inputs in) { return eq(in[0], in[1]); }, {1, 0, 0, 0, 0, 1}},
      {"ne", [](Inputs in) { return ne(in[0], in[1]); }, {0, 1, 1, 1, 1, 0}},
      {"lt", [](Inputs in) { return lt(in[0], in[1]); }, {0, 1, 0, 0, 1, 0}},
      {"le", [](Inputs in) { return le(in[0], in[1]); }, {1, 1, 0, 0, 1, 1}},
      {"gt", [](Inputs in) { return gt(in[0], in[1]); }, {0, 0, 1, 1, 0, 0}},
      {"ge", [](Inputs in) { return ge(in[0], in[1]); }, {1, 0, 1, 1, 0, 1}},
      {"eq_scalar", [](Inputs in) { return eq(in[0], 2); }, {0, 1, 0, 0, 0, 1}},
      {"ne_scalar", [](Inputs in) { return ne(in[0], 2); }, {1, 0, 1, 1, 1, 0}},
      {"lt_scalar", [](Inputs in) { return lt(in[0], 2); }, {1, 0, 0, 0, 1, 0}},
      {"le_scalar", [](Inputs in) { return le(in[0], 2); }, {1, 1, 0, 0, 1, 1}},
      {"gt_scalar", [](Inputs in) { return gt(in[0], 2); }, {0, 0, 1, 1, 0, 0}},
      {"ge_scalar", [](Inputs in) { return ge(in[0], 2); }, {0, 1, 1, 1, 0, 1}},
  };
  for (const auto& [name, run, want] : all) {
    const auto with = [&, &run = run, &want = want](const std::string& suffix, const Tensor& x,
                                                    const Tensor& y, DTypeSet dtypes) {
      cases.push_back({.name = suffix,
                       .inputs = {x, y},
                       .run = run,
                       .expected = from_span<double>(want, {2, 3}),
                       .wants_grad = {false, false},
                       .dtypes = dtypes});
    };
    with(name, a, b, floating_dtypes);
    for (const DType dtype : {i64, i32, u8})
      with(name + "_" + std::string(name_of(dtype)), a.to(dtype), b.to(dtype), {f64});
  }
  // More than one register, with a tail.
  cases.push_back({.name = "lt_long",
                   .inputs = {hashed({3, 37}, 1), hashed({3, 37}, 2)},
                   .run = [](Inputs in) { return logical_not(ge(in[0], in[1])); },
                   .wants_grad = {false, false},
                   .dtypes = floating_dtypes,
                   .finite_differences = true});
  const Tensor p = gt(tensor<double>({1, 1, 0, 0}), 0), q = gt(tensor<double>({1, 0, 1, 0}), 0);
  const std::vector<std::tuple<std::string, Run, std::vector<double>>> logic = {
      {"logical_and", [](Inputs in) { return logical_and(in[0], in[1]); }, {1, 0, 0, 0}},
      {"logical_or", [](Inputs in) { return logical_or(in[0], in[1]); }, {1, 1, 1, 0}},
      {"logical_xor", [](Inputs in) { return logical_xor(in[0], in[1]); }, {0, 1, 1, 0}},
      {"logical_not", [](Inputs in) { return logical_not(in[0]); }, {0, 0, 1, 1}},
      {"eq_bool", [](Inputs in) { return eq(in[0], in[1]); }, {1, 0, 0, 1}},
  };
  for (const auto& [name, run, want] : logic)
    cases.push_back({.name = name,
                     .inputs = {p, q},
                     .run = run,
                     .expected = from_span<double>(want, {4}),
                     .dtypes = {f64}});
}

void add_where_cases(std::vector<OpCase>& cases) {
  const auto with = [&](const std::string& name, std::vector<Tensor> inputs, Run run) {
    cases.push_back({.name = "where_" + name, .inputs = std::move(inputs), .run = std::move(run)});
  };
  const Tensor mask = gt(hashed({2, 3, 5, 7}, 1), 0);
  const Run run = [](Inputs in) { return where(in[0], in[1], in[2]); };
  with("same_shape", {mask, hashed({2, 3, 5, 7}, 2), hashed({2, 3, 5, 7}, 3)}, run);
  with("broadcast", {gt(hashed({5, 1}, 4), 0), hashed({2, 1, 7}, 5), hashed({7}, 6)}, run);
  with("scalar_right", {mask, hashed({2, 3, 5, 7}, 7)}, [](Inputs in) { return where(in[0], in[1], 0.5); });
  with("scalar_left", {mask, hashed({3, 1, 7}, 8)}, [](Inputs in) { return where(in[0], 0.5, in[1]); });
  for (const DType dtype : {i64, i32, u8, boolean})
    cases.push_back({.name = "where_" + std::string(name_of(dtype)),
                     .inputs = {gt(tensor<double>({1, 0, 0}), 0), full({3}, 1, {.dtype = dtype})},
                     .run = [](Inputs in) { return where(in[0], in[1], 0); },
                     .expected = tensor<double>({1, 0, 0}),
                     .dtypes = {f64}});
}

void add_unary_cases(std::vector<OpCase>& cases) {
  const std::vector<std::pair<std::string, Run>> all = {
      {"neg", [](Inputs in) { return -in[0]; }},
      {"abs", [](Inputs in) { return abs(in[0]); }},
      {"sign", [](Inputs in) { return sign(in[0]); }},
      {"square", [](Inputs in) { return square(in[0]); }},
      {"clamp", [](Inputs in) { return clamp(in[0], -0.4, 0.6); }},
      {"clamp_high", [](Inputs in) { return clamp(in[0], {}, 0.6); }},
      {"floor", [](Inputs in) { return floor(in[0] * 3 + 0.5); }},
      {"reciprocal", [](Inputs in) { return reciprocal(in[0] + 2.5); }},
      {"exp", [](Inputs in) { return exp(in[0]); }},
      {"log", [](Inputs in) { return log(in[0] + 2.5); }},
      {"sqrt", [](Inputs in) { return sqrt(in[0] + 2.5); }},
      {"tanh", [](Inputs in) { return tanh(in[0]); }},
      {"sigmoid", [](Inputs in) { return sigmoid(in[0]); }},
      {"relu", [](Inputs in) { return relu(in[0]); }},
      {"silu", [](Inputs in) { return silu(in[0]); }},
      {"gelu", [](Inputs in) { return gelu(in[0]); }},
      {"gelu_tanh", [](Inputs in) { return gelu(in[0], Gelu::tanh); }},
  };
  for (const auto& [name, run] : all) {
    cases.push_back({.name = name, .inputs = {hashed({2, 3, 5, 7}, 1, -2, 2)}, .run = run, .slack = 4});
    cases.push_back({.name = name + "_empty", .inputs = {zeros({0, 3}, {.dtype = f64})}, .run = run});
  }
  cases.push_back(
      {.name = "tanh_wide", .inputs = {hashed({103}, 2, -12, 12)}, .run = all[11].second, .slack = 2});
  cases.push_back(
      {.name = "gelu_wide", .inputs = {hashed({103}, 3, -8, 8)}, .run = all[15].second, .slack = 2});
  // Wherever a 16-bit type has no infinity of its own, infinities and NaN pass through every kernel's ends.
  const Tensor ends = tensor<double>({-infinity, infinity, nan, -1000, 1000, 0, 1});
  const auto at_ends = [&](const std::string& name, Run run, std::initializer_list<double> want) {
    cases.push_back({.name = name + "_at_the_ends",
                     .inputs = {ends},
                     .run = std::move(run),
                     .expected = from_span<double>({want.begin(), want.size()}, {7}),
                     .wants_grad = {false},
                     .dtypes = {f64, f32, bf16}});
  };
  const double e = std::exp(1.0);
  at_ends("exp", [](Inputs in) { return exp(in[0]); }, {0, infinity, nan, 0, infinity, 1, e});
  at_ends("log", [](Inputs in) { return log(in[0]); },
          {nan, infinity, nan, nan, std::log(1000.), -infinity, 0});
  at_ends("sqrt", [](Inputs in) { return sqrt(in[0]); }, {nan, infinity, nan, nan, std::sqrt(1000.), 0, 1});
  at_ends("tanh", [](Inputs in) { return tanh(in[0]); }, {-1, 1, nan, -1, 1, 0, std::tanh(1.)});
  at_ends("sigmoid", [](Inputs in) { return sigmoid(in[0]); }, {0, 1, nan, 0, 1, 0.5, e / (1 + e)});
  at_ends("relu", [](Inputs in) { return relu(in[0]); }, {0, infinity, nan, 0, 1000, 0, 1});
  at_ends("clamp", [](Inputs in) { return clamp(in[0], -2, 2); }, {-2, 2, nan, -2, 2, 0, 1});
  at_ends("maximum", [](Inputs in) { return maximum(in[0], 0); }, {0, infinity, nan, 0, 1000, 0, 1});
  at_ends("gelu", [](Inputs in) { return gelu(in[0]); },
          {nan, infinity, nan, 0, 1000, 0, 0.5 * (1 + std::erf(std::sqrt(0.5)))});
}

}  // namespace

std::vector<OpCase> elementwise_op_cases() {
  std::vector<OpCase> cases;
  add_binary_cases(cases);
  add_integer_cases(cases);
  add_path_cases(cases);
  add_compare_cases(cases);
  add_where_cases(cases);
  add_unary_cases(cases);
  return cases;
}

}  // namespace fornax::test
