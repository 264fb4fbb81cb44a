#include "fornax/ops/matmul.h"

#include <fmt/core.h>

#include "fornax/autograd/node.h"
#include "fornax/base/error.h"
#include "ops/common/autocast.h"
#include "ops/common/check.h"
#include "ops/common/sum_to.h"
#include "ops/matmul/matmul_op.h"

namespace fornax {
namespace {

struct MatmulGrad final : autograd::Node {
  autograd::Saved a, b;
  Shape a_shape, b_shape;
  std::string_view name() const override { return "matmul"; }
  Grads backward(const Tensor& dy) override {
    Grads grads{{}, {}};
    if (needs(0)) grads[0] = ops::sum_to(matmul(dy, b.get(*this).mT()), a_shape);
    if (needs(1)) {
      const Tensor x = a.get(*this);
      // One matrix under a batch: its gradient sums over the batch inside of one product.
      if (b_shape.rank() == 2 && x.rank() > 2) {
        grads[1] = matmul(x.flatten(0, -2).mT(), dy.flatten(0, -2));
      } else {
        grads[1] = ops::sum_to(matmul(x.mT(), dy), b_shape);
      }
    }
    return grads;
  }
};

Shape batch_of(const Tensor& x) {
  Shape batch = x.shape();
  batch.erase(x.rank() - 1);
  batch.erase(x.rank() - 2);
  return batch;
}

/// For operands of rank 2 and more.
Tensor product(const Tensor& a, const Tensor& b) {
  Shape shape = broadcast_shapes(batch_of(a), batch_of(b), "matmul", [&] {
    return ops::describe({{"a", a}, {"b", b}});
  });
  const int batch_rank = shape.rank();
  shape.push_back(a.size(-2));
  shape.push_back(b.size(-1));
  Tensor y = empty(shape, {.dtype = a.dtype(), .device = a.device()});
  dispatch::run(
      ops::matmul_row,
      ops::Matmul{y, ops::repeat_batch(a, shape, batch_rank), ops::repeat_batch(b, shape, batch_rank), {}});
  autograd::record<MatmulGrad>(y, {a, b}, [&](MatmulGrad& node) {
    node.a.save(a);
    node.b.save(b);
    node.a_shape = a.shape();
    node.b_shape = b.shape();
  });
  return y;
}

}  // namespace

TensorView ops::repeat_batch(TensorView x, const Shape& shape, int batch_rank) {
  while (x.rank() < batch_rank + 2) {
    x.shape.insert(0, 1);
    x.strides.insert(0, 0);
  }
  for (int axis = 0; axis < batch_rank; ++axis) {
    if (x.shape[axis] != shape[axis]) x.strides[axis] = 0;
    x.shape[axis] = shape[axis];
  }
  return x;
}

Tensor matmul(const Tensor& a, const Tensor& b) {
  if (Tensor a2 = a, b2 = b; ops::autocast("matmul", {&a2, &b2})) return matmul(a2, b2);
  ops::check_floating("matmul", {{"a", a}, {"b", b}});
  if (a.rank() == 0 || b.rank() == 0 || a.size(-1) != b.size(b.rank() == 1 ? 0 : -2)) {
    throw ShapeError(
        "matmul", fmt::format("expected a[...,m,k] and b[...,k,n], got {} and {}; {}", to_string(a.shape()),
                              to_string(b.shape()), ops::describe({{"a", a}, {"b", b}})));
  }
  Tensor y = product(a.rank() == 1 ? a.unsqueeze(0) : a, b.rank() == 1 ? b.unsqueeze(1) : b);
  if (b.rank() == 1) y = y.squeeze(-1);
  if (a.rank() == 1) y = y.squeeze(b.rank() == 1 ? -1 : -2);
  return y;
}

}  // namespace fornax
