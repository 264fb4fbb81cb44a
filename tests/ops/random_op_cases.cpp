// Cases of the rows random, random_permutation and dropout, against the words of Philox one by one.
#include <algorithm>
#include <cmath>
#include <numbers>

#include "fornax/base/philox.h"
#include "fornax/ops/create.h"
#include "fornax/ops/dropout.h"
#include "fornax/ops/random.h"
#include "ops/op_cases.h"

namespace fornax::test {
namespace {

using Inputs = std::span<const Tensor>;
using Values = std::vector<double>;

constexpr std::uint64_t seed = 0x1234567890abcdef, offset = 3;

/// W(w) of the draw that every case makes.
std::uint32_t word(std::int64_t w) {
  const auto index = static_cast<std::uint64_t>(w);
  return philox(seed, index / 4, offset)[index % 4];
}
double fraction_of_32(std::int64_t w) { return static_cast<double>(word(w) >> 8) * 0x1p-24; }
double fraction_of_64(std::int64_t w) { return uniform_double(word(w), word(w + 1)); }
std::uint64_t key(std::int64_t i) { return std::uint64_t{word(2 * i)} << 32 | word(2 * i + 1); }

/// Calls `draw` where the default generator's next draw is (seed, offset).
template <class F>
auto with_generator(F&& draw) {
  Generator generator(seed);
  for (std::uint64_t i = 0; i < offset; ++i) generator.draw();
  const GeneratorGuard guard(generator);
  return draw();
}

/// Zeros of another dtype that lie in memory as `x` does, `first` elements behind the start of their storage.
Tensor zeros_that_lie_as(const Tensor& x, DType dtype, std::int64_t first) {
  std::int64_t extent = first + 1;
  for (int axis = 0; axis < x.rank(); ++axis) extent += (x.size(axis) - 1) * x.strides()[axis];
  return zeros({extent}, {.dtype = dtype}).to(x.device()).alias(x.shape(), x.strides(), first);
}

/// How far a normal number may be off, in units of the walker's tolerance of f64: log, cos and sin are not
/// rounded correctly everywhere, and then a 16-bit number may round to its neighbour.
double slack_of_normal(DType dtype) {
  switch (dtype) {
    case f64: return 1;
    case f32: return 2e5;
    case f16: return 1e8;
    default: return 1e9;
  }
}

struct Draw {
  std::string name;
  DType dtype;
  /// Numbers of the dtype in the layout and on the device of the tensor.
  std::function<Tensor(const Tensor&)> draw;
  std::function<double(std::int64_t)> expected;
  double slack = 1;
};

/// In a shape of several blocks and with a rest.
void add(std::vector<OpCase>& cases, const Draw& draw, const Shape& shape = {3, 5, 9, 11}) {
  Values values;
  for (std::int64_t i = 0; i < shape.product(); ++i) values.push_back(draw.expected(i));
  cases.push_back({.name = draw.name + "_" + std::string(name_of(draw.dtype)),
                   .inputs = {hashed(shape, 1)},
                   .run = [=](Inputs in) { return with_generator([&] { return draw.draw(in[0]); }); },
                   .expected = from_span<double>(values, shape).to(draw.dtype).to(f64),
                   .wants_grad = {false},
                   .dtypes = {f64},
                   .slack = draw.slack});
}

/// The same for a function that fills a tensor, in one dtype also where vectors of elements are not aligned.
void add_fill(std::vector<OpCase>& cases, const std::string& name, DType dtype,
              const std::function<void(Tensor&)>& fill, const std::function<double(std::int64_t)>& expected,
              double slack = 1) {
  const auto draw = [=](std::int64_t first) {
    return [=](const Tensor& like) {
      Tensor y = zeros_that_lie_as(like, dtype, first);
      fill(y);
      return y;
    };
  };
  add(cases, {name, dtype, draw(0), expected, slack});
  if (dtype == f32) add(cases, {name + "_unaligned", dtype, draw(1), expected, slack}, {301});
}

void add_floating(std::vector<OpCase>& cases, DType dtype) {
  const auto uniform = [=](std::int64_t i) -> double {
    if (dtype == f64) return -1.5 + 2.75 * fraction_of_64(2 * i);
    const int bits = dtype == f32 ? 24 : dtype == f16 ? 11 : 8;
    const float u = static_cast<float>(word(i) >> (32 - bits)) * std::ldexp(1.f, -bits);
    const float scaled = 2.75f * u;  // rounded on its own
    return -1.5f + scaled;
  };
  add_fill(
      cases, "uniform", dtype, [](Tensor& y) { uniform_(y, -1.5, 1.25); }, uniform);
  const auto normal = [=](std::int64_t i) {
    const std::int64_t pair = i / 2;
    const double u1 = dtype == f64 ? fraction_of_64(4 * pair) : fraction_of_32(2 * pair);
    const double u2 = dtype == f64 ? fraction_of_64(4 * pair + 2) : fraction_of_32(2 * pair + 1);
    const double radius = std::sqrt(-2 * std::log(1 - u1)), angle = 2 * std::numbers::pi * u2;
    return 0.5 + 2 * radius * (i % 2 == 0 ? std::cos(angle) : std::sin(angle));
  };
  add_fill(
      cases, "normal", dtype, [](Tensor& y) { normal_(y, 0.5, 2); }, normal, slack_of_normal(dtype));
}

void add_permutation(std::vector<OpCase>& cases, std::int64_t count) {
  Values order;
  for (std::int64_t i = 0; i < count; ++i) order.push_back(static_cast<double>(i));
  std::stable_sort(order.begin(), order.end(), [](double a, double b) {
    return key(static_cast<std::int64_t>(a)) < key(static_cast<std::int64_t>(b));
  });
  cases.push_back(
      {.name = "randperm_" + std::to_string(count),
       .inputs = {hashed({1}, 1)},  // its device is the result's
       .run = [=](Inputs in) { return with_generator([&] { return randperm(count, in[0].device()); }); },
       .expected = from_span<double>(order, {count}),
       .wants_grad = {false},
       .dtypes = {f64}});
}

void add_dropout(std::vector<OpCase>& cases, const std::string& name, const Shape& shape,
                 std::int64_t first) {
  constexpr double p = 0.4;
  const Tensor x = hashed(shape, 1);
  Values y;
  for (const double value : x.to_vector<double>()) {
    const std::int64_t i = static_cast<std::int64_t>(y.size()) - first;
    y.push_back(i >= 0 && fraction_of_32(i) >= p ? value / (1 - p) : 0);
  }
  cases.push_back({.name = name,
                   .inputs = {x},
                   .run =
                       [=](Inputs in) {
                         const Tensor part = first ? in[0].narrow(0, first, in[0].size(0) - first) : in[0];
                         return with_generator([&] { return dropout(part, p, true); });
                       },
                   .expected = from_span<double>(y, shape).narrow(0, first, shape[0] - first).clone()});
}

}  // namespace

std::vector<OpCase> random_op_cases() {
  std::vector<OpCase> cases;
  for (const DType dtype : {f64, f32, f16, bf16}) add_floating(cases, dtype);
  for (const DType dtype : {f64, f32, f16, bf16, i64, i32, u8, boolean}) {
    add_fill(
        cases, "bernoulli", dtype, [](Tensor& y) { bernoulli_(y, 0.3); },
        [](std::int64_t i) { return fraction_of_32(i) < 0.3 ? 1.0 : 0.0; });
  }
  for (const DType dtype : {f64, f32, f16, bf16, i64, i32, u8}) {
    const auto draw = [dtype](const Tensor& like) {
      return randint(3, 203, like.shape(),
                     {.dtype = dtype, .device = like.device(), .format = like.suggested_format()});
    };
    const auto integer = [](std::int64_t i) {
      const std::uint64_t upper = 200 * (key(i) >> 32), lower = 200 * (key(i) & 0xffffffff);
      return 3 + static_cast<double>((upper + (lower >> 32)) >> 32);
    };
    add(cases, {"randint", dtype, draw, integer});
  }
  for (const std::int64_t count : {0, 1, 2, 7, 1024, 1500, 5003}) add_permutation(cases, count);
  add_dropout(cases, "dropout", {2, 3, 5, 71}, 0);
  add_dropout(cases, "dropout_unaligned", {302}, 1);
  return cases;
}

}  // namespace fornax::test
