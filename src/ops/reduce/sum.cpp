#include "fornax/autograd/node.h"
#include "fornax/ops/reduce.h"
#include "ops/common/autocast.h"
#include "ops/reduce/reduced_shape.h"

namespace fornax {
namespace {

using ops::ReducedShape;

struct SumGrad final : autograd::Node {
  Shape kept, shape;
  std::string_view name() const override { return "sum"; }
  Grads backward(const Tensor& dy) override { return {dy.reshape(kept).expand(shape)}; }
};

}  // namespace

Tensor sum(const Tensor& x, const Dims& axes, bool keepdim) {
  if (Tensor x2 = x; ops::autocast("sum", {&x2})) return sum(x2, axes, keepdim);
  const ReducedShape shape(x, axes, keepdim, "sum");
  Tensor y = ops::reduce(x, shape, ops::ReduceKind::sum, is_floating(x.dtype()) ? x.dtype() : i64);
  autograd::record<SumGrad>(y, {x}, [&](SumGrad& node) {
    node.kept = shape.kept;
    node.shape = x.shape();
  });
  return y;
}

}  // namespace fornax
