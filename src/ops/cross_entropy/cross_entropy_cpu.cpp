// Policy: one row of classes at a time; forward reads it twice in cache (maximum, sum of exponentials),
// backward once. Losses and weights of rows are summed in double, in row-major order.
#include <fmt/core.h>

#include <algorithm>
#include <numeric>

#include "fornax/base/error.h"
#include "ops/common/rows.h"
#include "ops/cross_entropy/cross_entropy_op.h"
#include "ops/softmax/softmax_kernels.h"

namespace fornax::ops {
namespace {

template <class T>
class Terms {
 public:
  explicit Terms(const CrossEntropyTerms& terms)
      : terms_(terms),
        classes_(terms.x.shape[terms.axis]),
        weight_(cpu::Scratch::of<T>(terms.weight.defined() ? classes_ : 0)) {
    if (!terms.weight.defined()) return;
    const TensorView& w = terms.weight;
    cpu::copy_to_compute(w.dtype)(w.data, 0, w.strides[0], weight_.template as<T>(), classes_, 1, classes_);
    weight_sum_ = kernels.weighted_sum(weight(), nullptr, classes_);
  }

  bool ignores(std::int64_t target) const { return target == terms_.ignore_index; }
  void check(std::int64_t target, std::int64_t row) const {
    if (target >= 0 && target < classes_) return;
    throw IndexError(
        terms_.lse.defined() ? "cross_entropy" : "nll_loss",
        fmt::format("expected targets in [0, {}) or ignore_index {}, got {} at index {}; x={} target={}",
                    classes_, terms_.ignore_index, target, row, to_string(terms_.x),
                    to_string(terms_.target)));
  }
  /// One per class, or null.
  const T* weight() const { return terms_.weight.defined() ? weight_.template as<T>() : nullptr; }
  /// What the loss gives to -log p[target] and to the other -log p[c] (times their weights), and their sum.
  double target_share(std::int64_t target) const { return (1 - terms_.label_smoothing) * weight_of(target); }
  double class_share() const { return terms_.label_smoothing / static_cast<double>(classes_); }
  double share_sum(std::int64_t target) const { return target_share(target) + class_share() * weight_sum_; }
  double weight_of(std::int64_t target) const { return weight() ? static_cast<double>(weight()[target]) : 1; }

  const cpu::SoftmaxKernels<T>& kernels = cpu::softmax_kernels<T>();

 private:
  const CrossEntropyTerms& terms_;
  std::int64_t classes_;
  cpu::Scratch weight_;
  double weight_sum_ = static_cast<double>(classes_);
};

/// A dense double per row.
TensorView view_of(const cpu::Scratch& scratch, const Shape& shape) {
  TensorView view;
  view.data = scratch.as<double>();
  view.dtype = f64;
  view.shape = shape;
  view.strides = strides_of(shape);
  return view;
}

void write(const TensorView& y, std::int64_t index, double value) {
  visit_floating(y.dtype, [&]<class Y>(std::type_identity<Y>) {
    y.ptr<Y>()[index] = Y(static_cast<accumulate_t<Y>>(value));
  });
}

template <class T>
void forward(const CrossEntropy& args) {
  const CrossEntropyTerms& terms = args.terms;
  const Terms<T> of(terms);
  const std::int64_t count = terms.target.numel();
  const cpu::Scratch losses = cpu::Scratch::of<double>(count), weights = cpu::Scratch::of<double>(count);
  const TensorView row_loss = view_of(losses, terms.target.shape),
                   row_weight = view_of(weights, terms.target.shape);
  const bool logits = terms.lse.defined();
  cpu::for_rows<T, 0, 1, 4>(
      terms.axis, {}, {terms.x}, {terms.target, row_loss, row_weight, logits ? terms.lse : row_loss},
      [&](const auto& row) {
        const auto target = *reinterpret_cast<const std::int64_t*>(row.scalar[0]);
        double& loss = *reinterpret_cast<double*>(row.scalar[1]);
        double& weight = *reinterpret_cast<double*>(row.scalar[2]);
        const T* x = row.in[0];
        double lse = 0;
        if (logits)
          lse = *reinterpret_cast<T*>(row.scalar[3]) = static_cast<T>(of.kernels.logsumexp(x, row.length));
        loss = weight = 0;
        if (of.ignores(target)) return;
        of.check(target, &loss - losses.as<double>());
        weight = of.weight_of(target);
        loss = of.share_sum(target) * lse - of.target_share(target) * static_cast<double>(x[target]);
        if (terms.label_smoothing > 0)
          loss -= of.class_share() * of.kernels.weighted_sum(x, of.weight(), row.length);
      });
  const double total_weight = std::accumulate(weights.as<double>(), weights.as<double>() + count, 0.0);
  write(terms.total_weight, 0, total_weight);
  if (terms.reduction == Reduction::none) {
    for (std::int64_t i = 0; i < count; ++i) write(args.loss, i, losses.as<double>()[i]);
    return;
  }
  const double total = std::accumulate(losses.as<double>(), losses.as<double>() + count, 0.0);
  write(args.loss, 0, terms.reduction == Reduction::mean ? total / total_weight : total);
}

template <class T>
void backward(const CrossEntropyGrad& args) {
  const CrossEntropyTerms& terms = args.terms;
  const Terms<T> of(terms);
  TensorView dloss = args.dloss;
  if (dloss.rank() != terms.target.rank()) {  // one gradient for all rows
    dloss.shape = terms.target.shape;
    dloss.strides = Dims::filled(dloss.shape.rank(), 0);
  }
  const double scale =
      terms.reduction == Reduction::mean ? 1 / static_cast<double>(*terms.total_weight.ptr<const T>()) : 1;
  const bool logits = terms.lse.defined();
  cpu::for_rows<T, 1, 1, 3>(
      terms.axis, {args.dx}, {terms.x}, {terms.target, dloss, logits ? terms.lse : terms.target},
      [&](const auto& row) {
        const auto target = *reinterpret_cast<const std::int64_t*>(row.scalar[0]);
        T* dx = row.out[0];
        if (of.ignores(target)) {
          std::fill_n(dx, row.length, T(0));
          return;
        }
        const double g = scale * visit_floating(dloss.dtype, [&]<class Y>(std::type_identity<Y>) {
                           return static_cast<double>(
                               static_cast<accumulate_t<Y>>(*reinterpret_cast<const Y*>(row.scalar[1])));
                         });
        const T b = static_cast<T>(g * of.class_share());
        if (logits) {
          const T lse = *reinterpret_cast<const T*>(row.scalar[2]),
                  a = static_cast<T>(g * of.share_sum(target));
          of.kernels.scaled_exp(row.in[0], lse, a, b == 0 ? nullptr : of.weight(), b, dx, row.length);
        } else {
          std::fill_n(dx, row.length, T(0));
        }
        dx[target] -= static_cast<T>(g * of.target_share(target));
      });
}

}  // namespace

constinit const dispatch::Kernel<CrossEntropy> cross_entropy_cpu{
    {"rows", DeviceType::cpu, floating_dtypes},
    [](const CrossEntropy&) { return dispatch::accepts; },
    [](const CrossEntropy& args) {
      args.terms.x.dtype == f64 ? forward<double>(args) : forward<float>(args);
    }};
constinit const dispatch::Kernel<CrossEntropyGrad> cross_entropy_grad_cpu{
    {"rows", DeviceType::cpu, floating_dtypes},
    [](const CrossEntropyGrad&) { return dispatch::accepts; },
    [](const CrossEntropyGrad& args) {
      args.terms.x.dtype == f64 ? backward<double>(args) : backward<float>(args);
    }};

}  // namespace fornax::ops
