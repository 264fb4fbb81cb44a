// Update rules over two parameters of different shapes, after plain loops. The output is parameter and
// buffers in one row.
#include <cmath>
#include <functional>
#include <iterator>
#include <optional>
#include <vector>

#include "fornax/ops/create.h"
#include "fornax/ops/elementwise.h"
#include "fornax/ops/optim_step.h"
#include "ops/op_cases.h"
#include "support/tensor_lists.h"

namespace fornax::test {
namespace {

using Values = std::vector<double>;

const Shape shapes[] = {{3, 5}, {7}};

/// Parameter, gradient and `buffers` more tensors for each shape.
std::vector<Tensor> inputs_of(int buffers) {
  std::vector<Tensor> inputs;
  std::uint64_t seed = 10;
  for (const Shape& shape : shapes) {
    for (int i = 0; i < 2 + buffers; ++i) inputs.push_back(hashed(shape, ++seed, i == 3 ? 0.1 : -1, 1));
  }
  return inputs;
}

std::vector<bool> none(std::size_t count) { return std::vector<bool>(count, false); }

/// A call with found_inf and steps.
struct Counted {
  std::int64_t before;
  bool found_inf = false;

  Tensor flag(Device device) const { return full({}, found_inf ? 1 : 0, {.device = device}); }
  Tensor steps(Device device) const { return full({}, before, {.dtype = i64, .device = device}); }
  double after() const { return static_cast<double>(before + !found_inf); }
};
/// The steps of an entry as a row of the output.
Tensor row_of(const Tensor& steps, DType dtype) { return steps.to(dtype).view({1}); }

/// `counted`: then `first` is what it comes to.
OpCase sgd_case(std::string name, const SgdRates& rates, bool first, std::optional<Counted> counted = {}) {
  const int buffers = rates.momentum != 0 ? 1 : 0;
  const std::vector<Tensor> inputs = inputs_of(buffers);
  const std::size_t per = 2 + static_cast<std::size_t>(buffers);
  std::vector<Tensor> expected;
  for (std::size_t k = 0; k < inputs.size(); k += per) {
    Values p = inputs[k].to_vector<double>(), b = buffers ? inputs[k + 2].to_vector<double>() : Values();
    const Values g = inputs[k + 1].to_vector<double>();
    for (std::size_t i = 0; i < p.size() && !(counted && counted->found_inf); ++i) {
      double d = g[i] + rates.weight_decay * p[i];
      if (buffers) {
        b[i] = first ? d : rates.momentum * b[i] + (1 - rates.dampening) * d;
        d = rates.nesterov ? d + rates.momentum * b[i] : b[i];
      }
      p[i] -= rates.lr * d;
    }
    expected.push_back(from_span<double>(p, inputs[k].shape()));
    if (buffers) expected.push_back(from_span<double>(b, inputs[k].shape()));
    if (counted) expected.push_back(full({1}, counted->after(), {.dtype = f64}));
  }
  const auto run = [=](std::span<const Tensor> in) {
    const Device device = in[0].device();
    std::vector<SgdEntry> entries;
    std::vector<Tensor> out;
    for (std::size_t k = 0; k < in.size(); k += per)
      entries.push_back({copy_of(in[k]), in[k + 1], buffers ? copy_of(in[k + 2]) : Tensor(),
                         first && !counted, counted ? counted->steps(device) : Tensor()});
    sgd_step(entries, rates, {}, counted ? counted->flag(device) : Tensor());
    for (const SgdEntry& entry : entries) {
      out.push_back(entry.parameter);
      if (buffers) out.push_back(entry.momentum_buffer);
      if (counted) out.push_back(row_of(entry.steps, in[0].dtype()));
    }
    return joined(out);
  };
  return {.name = std::move(name),
          .inputs = inputs,
          .run = run,
          .expected = joined(expected),
          .wants_grad = none(inputs.size())};
}

OpCase adamw_case(std::string name, std::optional<Counted> counted = {}) {
  const std::vector<Tensor> inputs = inputs_of(2);
  const AdamWRates r{.lr = 0.01};
  std::vector<Tensor> expected;
  for (std::size_t k = 0; k < inputs.size(); k += 4) {
    Values p = inputs[k].to_vector<double>(), m = inputs[k + 2].to_vector<double>(),
           v = inputs[k + 3].to_vector<double>();
    const Values g = inputs[k + 1].to_vector<double>();
    for (std::size_t i = 0; i < p.size() && !(counted && counted->found_inf); ++i) {
      p[i] -= r.lr * r.weight_decay * p[i];
      m[i] = r.beta1 * m[i] + (1 - r.beta1) * g[i];
      v[i] = r.beta2 * v[i] + (1 - r.beta2) * g[i] * g[i];
      p[i] -=
          r.lr * (m[i] / (1 - std::pow(r.beta1, 3))) / (std::sqrt(v[i] / (1 - std::pow(r.beta2, 3))) + r.eps);
    }
    for (const Values& values : {p, m, v}) expected.push_back(from_span<double>(values, inputs[k].shape()));
    if (counted) expected.push_back(full({1}, counted->after(), {.dtype = f64}));
  }
  const auto run = [=](std::span<const Tensor> in) {
    const Device device = in[0].device();
    std::vector<AdamWEntry> entries;
    std::vector<Tensor> out;
    for (std::size_t k = 0; k < in.size(); k += 4)
      entries.push_back({copy_of(in[k]), in[k + 1], copy_of(in[k + 2]), copy_of(in[k + 3]), counted ? 1 : 3,
                         counted ? counted->steps(device) : Tensor()});
    adamw_step(entries, r, {}, counted ? counted->flag(device) : Tensor());
    for (const AdamWEntry& entry : entries) {
      out.insert(out.end(), {entry.parameter, entry.exp_avg, entry.exp_avg_sq});
      if (counted) out.push_back(row_of(entry.steps, in[0].dtype()));
    }
    return joined(out);
  };
  return {.name = std::move(name),
          .inputs = inputs,
          .run = run,
          .expected = joined(expected),
          .wants_grad = none(inputs.size())};
}

OpCase clip_case(std::string name, double max_norm) {
  const std::vector<Tensor> inputs{hashed({3, 5}, 30), hashed({70000}, 31), zeros({0}, {.dtype = f64})};
  double sum = 0;
  for (const Tensor& input : inputs)
    for (const double value : input.to_vector<double>()) sum += value * value;
  const double factor = std::min(1.0, max_norm / (std::sqrt(sum) + 1e-6));
  std::vector<Tensor> expected{full({1}, std::sqrt(sum), {.dtype = f64})};
  for (const Tensor& input : inputs) {
    Values values = input.to_vector<double>();
    for (double& value : values) value *= factor;
    expected.push_back(from_span<double>(values, input.shape()));
  }
  const auto run = [max_norm](std::span<const Tensor> in) {
    std::vector<Tensor> tensors;
    for (const Tensor& input : in) tensors.push_back(copy_of(input));
    const Tensor norm = total_norm(tensors);
    clip_by_norm_(tensors, norm, max_norm);
    tensors.insert(tensors.begin(), norm.to(in[0].dtype()).view({1}));
    return joined(tensors);
  };
  return {.name = std::move(name),
          .inputs = inputs,
          .run = run,
          .expected = joined(expected),
          .wants_grad = none(3)};
}

std::vector<Tensor> vectors_of_many(int count) {
  std::int64_t total = 0;
  for (const std::int64_t size : many_sizes()) total += size;
  std::vector<Tensor> vectors;
  for (int i = 0; i < count; ++i)
    vectors.push_back(hashed({total}, 40 + static_cast<std::uint64_t>(i), i == 3 ? 0.1 : -1, 1));
  return vectors;
}

OpCase sgd_of_many_case() {
  const auto run = [](std::span<const Tensor> in) {
    const Tensor parameter = copy_of(in[0]), buffer = copy_of(in[2]);
    const std::vector<Tensor> p = pieces_of(parameter), g = pieces_of(in[1]), b = pieces_of(buffer);
    std::vector<SgdEntry> entries;
    for (std::size_t i = 0; i < p.size(); ++i) entries.push_back({p[i], g[i], b[i], i % 3 == 0});
    sgd_step(entries, {.lr = 0.1, .momentum = 0.9, .dampening = 0.5});
    return joined({parameter, buffer});
  };
  return {.name = "sgd_step_of_many", .inputs = vectors_of_many(3), .run = run, .wants_grad = none(3)};
}

OpCase adamw_of_many_case() {
  const auto run = [](std::span<const Tensor> in) {
    const std::vector<Tensor> copies{copy_of(in[0]), copy_of(in[2]), copy_of(in[3])};
    const std::vector<Tensor> p = pieces_of(copies[0]), g = pieces_of(in[1]), m = pieces_of(copies[1]),
                              v = pieces_of(copies[2]);
    std::vector<AdamWEntry> entries;
    for (std::size_t i = 0; i < p.size(); ++i)
      entries.push_back({p[i], g[i], m[i], v[i], 1 + static_cast<std::int64_t>(i % 4)});
    adamw_step(entries, {.lr = 0.01});
    return joined(copies);
  };
  return {.name = "adamw_step_of_many", .inputs = vectors_of_many(4), .run = run, .wants_grad = none(4)};
}

/// Counted by the device: more steps than one table of their addresses holds.
OpCase counted_of_many_case() {
  const auto run = [](std::span<const Tensor> in) {
    const Device device = in[0].device();
    const std::vector<Tensor> copies{copy_of(in[0]), copy_of(in[1]), copy_of(in[2]), copy_of(in[3])};
    const std::vector<Tensor> p = pieces_of(copies[0]), g = pieces_of(in[1]), m = pieces_of(copies[1]),
                              v = pieces_of(copies[3]), b = pieces_of(copies[2]);
    const auto count = static_cast<std::int64_t>(p.size());
    const Tensor before = arange(0, 2 * count, 1, i64, device), steps = before.clone();
    std::vector<SgdEntry> sgd;
    std::vector<AdamWEntry> adamw;
    for (std::int64_t i = 0; i < count; ++i) {
      const auto k = static_cast<std::size_t>(i);
      sgd.push_back({p[k], g[k], b[k], false, steps.narrow(0, i, 1)});
      adamw.push_back({p[k], g[k], m[k], v[k], 1, steps.narrow(0, count + i, 1)});
    }
    const Tensor found_inf = zeros({}, {.device = device});
    sgd_step(sgd, {.lr = 0.1, .momentum = 0.9, .dampening = 0.5}, {}, found_inf);
    adamw_step(adamw, {.lr = 0.01}, {}, found_inf);
    return joined({copies[0], copies[1], copies[2], copies[3], (steps - before).to(in[0].dtype())});
  };
  return {.name = "counted_steps_of_many", .inputs = vectors_of_many(4), .run = run, .wants_grad = none(4)};
}

OpCase clip_of_many_case() {
  const auto run = [](std::span<const Tensor> in) {
    const Tensor whole = copy_of(in[0]);
    const std::vector<Tensor> pieces = pieces_of(whole);
    const Tensor norm = total_norm(pieces);
    clip_by_norm_(pieces, norm, 2);
    return joined({norm.to(whole.dtype()).view({1}), whole});
  };
  return {.name = "clip_by_norm_of_many",
          .inputs = vectors_of_many(1),
          .run = run,
          .wants_grad = none(1),
          .dtypes = {f64}};
}

/// A gradient whose layout is not the parameter's.
OpCase sgd_of_two_layouts_case() {
  const auto run = [](std::span<const Tensor> in) {
    const SgdEntry entry{copy_of(in[0]), in[1].transpose(0, 1), copy_of(in[2])};
    sgd_step(std::span(&entry, 1), {.lr = 0.1, .momentum = 0.9});
    return joined({entry.parameter, entry.momentum_buffer});
  };
  return {.name = "sgd_step_of_two_layouts",
          .inputs = {hashed({30, 20}, 1), hashed({20, 30}, 2), hashed({30, 20}, 3)},
          .run = run,
          .wants_grad = none(3)};
}

}  // namespace

std::vector<OpCase> optim_step_op_cases() {
  return {
      sgd_case("sgd_step", {.lr = 0.1, .weight_decay = 0.01}, false),
      sgd_case("sgd_step_first_momentum", {.lr = 0.1, .momentum = 0.9, .dampening = 0.5}, true),
      sgd_case("sgd_step_momentum", {.lr = 0.1, .momentum = 0.9, .dampening = 0.5, .weight_decay = 0.01},
               false),
      sgd_case("sgd_step_nesterov", {.lr = 0.1, .momentum = 0.9, .weight_decay = 0.01, .nesterov = true},
               false),
      sgd_case("sgd_step_counted", {.lr = 0.1, .momentum = 0.9, .dampening = 0.5}, false, Counted{2}),
      sgd_case("sgd_step_counted_first", {.lr = 0.1, .momentum = 0.9, .dampening = 0.5}, true, Counted{0}),
      sgd_case("sgd_step_skipped", {.lr = 0.1, .momentum = 0.9}, false, Counted{2, true}),
      sgd_case("sgd_step_skipped_without_momentum", {.lr = 0.1}, false, Counted{0, true}),
      adamw_case("adamw_step"),
      adamw_case("adamw_step_counted", Counted{2}),
      adamw_case("adamw_step_skipped", Counted{2, true}),
      clip_case("clip_by_norm_that_cuts", 2.5),
      clip_case("clip_by_norm_that_does_not", 1e6),
      sgd_of_many_case(),
      adamw_of_many_case(),
      counted_of_many_case(),
      clip_of_many_case(),
      sgd_of_two_layouts_case(),
  };
}

}  // namespace fornax::test
