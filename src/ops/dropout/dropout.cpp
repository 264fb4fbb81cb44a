#include "fornax/ops/dropout.h"

#include <fmt/core.h>

#include "fornax/autograd/node.h"
#include "fornax/base/error.h"
#include "ops/common/elementwise.h"
#include "ops/dropout/dropout_op.h"

namespace fornax {
namespace {

Tensor masked(const Tensor& x, double p, const ops::Draw& draw);

struct DropoutGrad final : autograd::Node {
  double p = 0;
  ops::Draw draw;
  std::string_view name() const override { return "dropout"; }
  Grads backward(const Tensor& dy) override { return {masked(dy, p, draw)}; }
};

Tensor masked(const Tensor& x, double p, const ops::Draw& draw) {
  Tensor y = ops::empty_for(x.shape(), x.dtype(), x, {});
  dispatch::run(ops::dropout_row, ops::Dropout{y, x, p, draw});
  autograd::record<DropoutGrad>(y, {x}, [&](DropoutGrad& node) {
    node.p = p;
    node.draw = draw;
  });
  return y;
}

}  // namespace

Tensor dropout(const Tensor& x, double p, bool training) {
  if (!(p >= 0 && p <= 1))
    throw ValueError("dropout",
                     fmt::format("expected a probability from 0 to 1, got {}; x={}", p, describe(x)));
  ops::check_dtype("dropout", x, floating_dtypes, "a floating dtype");
  return training && p > 0 ? masked(x, p, ops::Draw::take(x.device())) : x;
}

}  // namespace fornax
