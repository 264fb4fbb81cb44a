#include "fornax/ops/random.h"

#include <fmt/core.h>

#include "fornax/autograd/node.h"
#include "fornax/base/error.h"
#include "ops/common/elementwise.h"
#include "ops/random/random_op.h"

namespace fornax {
namespace {

using ops::Random;
using ops::RandomKind;

constinit thread_local Generator* guarded = nullptr;

void fill(const Tensor& y, RandomKind kind, Scalar a, Scalar b) {
  const ops::Draw draw = ops::Draw::take(y.device());
  dispatch::run(ops::random_row, Random{y, kind, draw, a, b});
}

/// The old values are gone: no gradient reaches them.
struct FillGrad final : autograd::Node {
  std::string_view name() const override { return "random fill"; }
  Grads backward(const Tensor&) override { return {Tensor()}; }
};

Tensor& overwrite(std::string_view op, Tensor& x, RandomKind kind, Scalar a, Scalar b) {
  autograd::check_in_place(x, {}, op);
  ops::check_target(op, x, {});
  if (kind != RandomKind::bernoulli) ops::check_dtype(op, x, floating_dtypes, "a floating dtype");
  fill(x, kind, a, b);
  x.bump_version();
  autograd::record<FillGrad>(x, {x}, [](FillGrad&) {});
  return x;
}

Tensor made(std::string_view op, RandomKind kind, const Shape& shape, const TensorOptions& options) {
  Tensor y = empty(shape, options);
  ops::check_dtype(op, y, floating_dtypes, "a floating dtype");
  fill(y, kind, 0, 1);
  return y;
}

}  // namespace

void Generator::manual_seed(std::uint64_t seed) {
  const std::lock_guard lock(mutex_);
  next_ = {seed, 0};
}

Generator::Draw Generator::draw() {
  const std::lock_guard lock(mutex_);
  const Draw draw = next_;
  ++next_.offset;
  return draw;
}

State Generator::state() const {
  const std::lock_guard lock(mutex_);
  State state;
  state.add_int("seed", static_cast<std::int64_t>(next_.seed));
  state.add_int("offset", static_cast<std::int64_t>(next_.offset));
  return state;
}

void Generator::load_state(const State& state) {
  const Draw next = {static_cast<std::uint64_t>(state.int_at("seed")),
                     static_cast<std::uint64_t>(state.int_at("offset"))};
  const std::lock_guard lock(mutex_);
  next_ = next;
}

Generator& default_generator() {
  static Generator generator;
  return guarded ? *guarded : generator;
}

void manual_seed(std::uint64_t seed) { default_generator().manual_seed(seed); }

GeneratorGuard::GeneratorGuard(Generator& generator) : before_(std::exchange(guarded, &generator)) {}
GeneratorGuard::~GeneratorGuard() { guarded = before_; }

Tensor rand(const Shape& shape, const TensorOptions& options) {
  return made("rand", RandomKind::uniform, shape, options);
}

Tensor randn(const Shape& shape, const TensorOptions& options) {
  return made("randn", RandomKind::normal, shape, options);
}

Tensor randint(std::int64_t low, std::int64_t high, const Shape& shape, const TensorOptions& options) {
  if (low >= high) throw ValueError("randint", fmt::format("expected low < high, got {} and {}", low, high));
  Tensor y = empty(shape, options);
  ops::check_dtype("randint", y, number_dtypes, "numbers");
  ops::check_scalar("randint", y, low);
  ops::check_scalar("randint", y, high - 1);
  fill(y, RandomKind::integers, low, high);
  return y;
}

Tensor randperm(std::int64_t n, Device device) {
  Tensor y = empty({n}, {.dtype = i64, .device = device});
  const ops::Draw draw = ops::Draw::take(device);
  dispatch::run(ops::random_permutation_row, ops::RandomPermutation{y, draw});
  return y;
}

Tensor& uniform_(Tensor& x, double low, double high) {
  if (!(low <= high))
    throw ValueError("uniform_", fmt::format("expected low <= high, got {} and {}", low, high));
  return overwrite("uniform_", x, RandomKind::uniform, low, high);
}

Tensor& normal_(Tensor& x, double mean, double standard_deviation) {
  if (!(standard_deviation >= 0)) {
    throw ValueError("normal_",
                     fmt::format("expected a standard deviation of 0 or more, got {}", standard_deviation));
  }
  return overwrite("normal_", x, RandomKind::normal, mean, standard_deviation);
}

Tensor& bernoulli_(Tensor& x, double p) {
  if (!(p >= 0 && p <= 1))
    throw ValueError("bernoulli_", fmt::format("expected a probability from 0 to 1, got {}", p));
  return overwrite("bernoulli_", x, RandomKind::bernoulli, p, 0);
}

}  // namespace fornax
