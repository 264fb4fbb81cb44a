#include "fornax/ops/softmax.h"

#include "fornax/autograd/node.h"
#include "ops/common/autocast.h"
#include "ops/common/check.h"
#include "ops/softmax/softmax_op.h"

namespace fornax {
namespace {

struct SoftmaxGradNode final : autograd::Node {
  autograd::Saved y;
  int axis = 0;
  bool log = false;
  std::string_view name() const override { return log ? "log_softmax" : "softmax"; }
  Grads backward(const Tensor& dy) override {
    const Tensor saved = y.get(*this);
    Tensor dx = empty_like(saved);
    dispatch::run(ops::softmax_grad_row, ops::SoftmaxGrad{dx, dy, saved, axis, log});
    return {dx};
  }
};

Tensor softmax_of(const Tensor& x, int axis_, bool log, std::string_view op) {
  if (Tensor x2 = x; ops::autocast(op, {&x2})) return softmax_of(x2, axis_, log, op);
  ops::check_floating(op, {{"x", x}});
  const int axis = normalize_axis(axis_, x, op);
  Tensor y = empty_like(x);
  dispatch::run(ops::softmax_row, ops::Softmax{y, x, axis, log});
  autograd::record<SoftmaxGradNode>(y, {x}, [&](SoftmaxGradNode& node) {
    node.y.save(y);
    node.axis = axis;
    node.log = log;
  });
  return y;
}

}  // namespace

Tensor softmax(const Tensor& x, int axis) { return softmax_of(x, axis, false, "softmax"); }
Tensor log_softmax(const Tensor& x, int axis) { return softmax_of(x, axis, true, "log_softmax"); }

}  // namespace fornax
