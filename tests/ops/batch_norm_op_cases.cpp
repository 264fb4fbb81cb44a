// Batch normalisation against plain loops in double.
#include <cmath>

#include "fornax/ops/batch_norm.h"
#include "fornax/ops/elementwise.h"
#include "ops/op_cases.h"

namespace fornax::test {
namespace {

struct Setting {
  std::string name;
  Shape shape;
  bool training = true, affine = true, relu = false, residual = false;
  bool finite_differences = true;
  /// The case's result is y + 2 y: the gradient comes in two parts, which are handed over as they are.
  bool two_uses = false;
};

constexpr double eps = 1e-3;

/// What y and the gradients must be, for dy = 1, 2, 3, ... over 8.
class Expected {
 public:
  Expected(const Setting& setting, const std::vector<Tensor>& inputs) : s_(setting) {
    const auto values = [](const Tensor& tensor) {
      return tensor.defined() ? tensor.to_vector<double>() : std::vector<double>();
    };
    x_ = values(inputs[0]);
    weight_ = values(inputs[1]);
    bias_ = values(inputs[2]);
    mean_ = values(inputs[3]);
    var_ = values(inputs[4]);
    residual_ = values(inputs[5]);
    channels_ = static_cast<std::size_t>(s_.shape[1]);
    inner_ = x_.size() / channels_ / static_cast<std::size_t>(s_.shape[0]);
    const std::size_t per_channel = x_.size() / channels_;
    n_ = static_cast<double>(per_channel);
    if (s_.training) use_batch_statistics();
    forward();
    backward();
  }

  std::vector<double> result, dy, dx, dweight, dbias, dresidual;

 private:
  double factor() const { return s_.two_uses ? 3 : 1; }
  std::size_t channel(std::size_t i) const { return i / inner_ % channels_; }
  double weight(std::size_t c) const { return weight_.empty() ? 1 : weight_[c]; }
  double deviation(std::size_t c) const { return std::sqrt(var_[c] + eps); }
  double xhat(std::size_t i) const { return (x_[i] - mean_[channel(i)]) / deviation(channel(i)); }

  void use_batch_statistics() {
    mean_.assign(channels_, 0);
    var_.assign(channels_, 0);
    for (std::size_t i = 0; i < x_.size(); ++i) mean_[channel(i)] += x_[i] / n_;
    for (std::size_t i = 0; i < x_.size(); ++i)
      var_[channel(i)] += std::pow(x_[i] - mean_[channel(i)], 2) / n_;
  }

  void forward() {
    for (std::size_t i = 0; i < x_.size(); ++i) {
      double value = xhat(i) * weight(channel(i)) + (bias_.empty() ? 0 : bias_[channel(i)]);
      if (!residual_.empty()) value += residual_[i];
      y_.push_back(s_.relu ? std::max(value, 0.0) : value);
      dy.push_back(static_cast<double>(i % 31) / 8 - 1);
      result.push_back(factor() * y_[i]);
    }
  }

  void backward() {
    dweight.assign(channels_, 0);
    dbias.assign(channels_, 0);
    for (std::size_t i = 0; i < x_.size(); ++i) {
      dresidual.push_back(s_.relu && y_[i] <= 0 ? 0 : factor() * dy[i]);
      dweight[channel(i)] += dresidual[i] * xhat(i);
      dbias[channel(i)] += dresidual[i];
    }
    for (std::size_t i = 0; i < x_.size(); ++i) {
      const std::size_t c = channel(i);
      const double through = s_.training ? (dbias[c] + xhat(i) * dweight[c]) / n_ : 0;
      dx.push_back(weight(c) / deviation(c) * (dresidual[i] - through));
    }
  }

  const Setting& s_;
  std::vector<double> x_, weight_, bias_, mean_, var_, residual_, y_;
  std::size_t channels_, inner_;
  double n_;
};

OpCase batch_norm_case(const Setting& setting) {
  const Shape channels{setting.shape[1]};
  OpCase op{.name = "batch_norm_" + setting.name};
  op.inputs = {hashed(setting.shape, 1, -2, 3),
               setting.affine ? hashed(channels, 2, -2, 2) : Tensor(),
               setting.affine ? hashed(channels, 3) : Tensor(),
               setting.training ? Tensor() : hashed(channels, 4),
               setting.training ? Tensor() : hashed(channels, 5, 0.5, 2),
               setting.residual ? hashed(setting.shape, 6) : Tensor()};
  op.wants_grad = {true, true, true, false, false, true};
  op.wide = {false, true, true, true, true, false};
  op.run = [setting](std::span<const Tensor> in) {
    const Tensor y = batch_norm_act(in[0], in[1], in[2], in[3], in[4],
                                    {.training = setting.training,
                                     .eps = eps,
                                     .activation = setting.relu ? Activation::relu : Activation::none,
                                     .residual = in[5]});
    return setting.two_uses ? y + y * 2 : y;
  };
  const Expected want(setting, op.inputs);
  op.expected = from_span<double>(want.result, setting.shape);
  op.dy = from_span<double>(want.dy, setting.shape);
  const auto grad = [&](std::size_t input, const std::vector<double>& values) {
    return op.inputs[input].defined() ? from_span<double>(values, op.inputs[input].shape()) : Tensor();
  };
  op.expected_grads = {grad(0, want.dx),       grad(1, want.dweight), grad(2, want.dbias), {}, {},
                       grad(5, want.dresidual)};
  op.slack = 10;  // differences of sums over all images
  op.finite_differences = setting.finite_differences;
  return op;
}

}  // namespace

std::vector<OpCase> batch_norm_op_cases() {
  std::vector<OpCase> cases;
  const auto add = [&](const Setting& setting) { cases.push_back(batch_norm_case(setting)); };
  const Shape odd{3, 5, 4, 7}, many_channels{2, 75, 9, 9};
  add({"train", odd});
  add({"train_relu", odd, true, true, true});
  add({"train_residual", odd, true, true, false, true});
  add({"train_relu_residual", odd, true, true, true, true});
  add({"train_plain", odd, true, false});
  add({"train_plain_relu", odd, true, false, true});
  add({"eval", odd, false});
  add({"eval_relu", odd, false, true, true});
  add({"eval_relu_residual", odd, false, true, true, true});
  add({"eval_plain", odd, false, false});
  add({"train_many_channels", many_channels, true, true, true, true});
  add({"train_many_channels_relu", many_channels, true, true, true});
  add({"eval_many_channels", many_channels, false, true, true, true});
  add({"train_one_pixel", {4, 19, 1, 1}, true, true, true, true});
  add({"train_one_channel", {4, 1, 3, 3}, true, true, true, true});
  add({"train_rank_2", {7, 21}, true, true, true, true});
  add({"train_rank_3", {4, 3, 21}, true, true, true, true});
  add({"train_long_lines", {2, 2, 33, 37}, true, true, true, true});
  // Packs of 16 bytes: along the channels, along planes that are whole bytes of bits or not, from plane to
  // plane.
  const Shape vectors{3, 16, 5, 6}, planes{2, 3, 4, 8}, short_planes{2, 3, 2, 6}, tiny_planes{2, 8, 3, 3};
  add({"train_vectors", vectors, true, true, true, true});
  add({"train_vectors_relu", vectors, true, true, true});
  add({"eval_vectors", vectors, false, true, true, true});
  add({"train_planes", planes, true, true, true, true});
  add({"train_planes_relu", planes, true, true, true});
  add({"train_short_planes", short_planes, true, true, true, true});
  add({"train_tiny_planes_relu", tiny_planes, true, true, true});
  add({"eval_tiny_planes", tiny_planes, false});
  // More channels than a block has threads, more rows than a block sums, more of a plane than a block sums.
  add({"train_wide", {2, 2080, 1, 1}, true, true, true, true, false});
  add({"train_many_rows", {1, 64, 17, 17}, true, true, true, false, false});
  add({"train_large_planes", {1, 2, 65, 65}, true, true, true, true, false});
  const auto add_two_uses = [&](const Setting& setting) {
    Setting twice = setting;
    twice.name += "_two_uses";
    twice.two_uses = true;
    add(twice);
  };
  add_two_uses({"train", odd});
  add_two_uses({"train_relu", odd, true, true, true});
  add_two_uses({"train_residual", odd, true, true, false, true});
  add_two_uses({"train_relu_residual", odd, true, true, true, true});
  add_two_uses({"eval_relu", odd, false, true, true});
  add_two_uses({"eval_residual", odd, false, true, false, true});
  add_two_uses({"eval_relu_residual", odd, false, true, true, true});
  add_two_uses({"eval_plain", odd, false, false});
  add_two_uses({"train_vectors", vectors, true, true, true, true});
  add_two_uses({"train_planes", planes, true, true, true, true});
  add_two_uses({"train_many_channels", many_channels, true, true, true, true});
  return cases;
}

}  // namespace fornax::test
