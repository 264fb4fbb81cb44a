#include "fornax/ops/embedding.h"

#include "fornax/autograd/node.h"
#include "fornax/base/error.h"
#include "ops/common/elementwise.h"
#include "ops/embedding/embedding_op.h"

namespace fornax {
namespace {

struct EmbeddingNode final : autograd::Node {
  autograd::Saved indices;
  Shape shape;
  std::string_view name() const override { return "embedding"; }
  Grads backward(const Tensor& dy) override {
    const Tensor kept = indices.get(*this);
    Tensor dweight = empty(shape, {.dtype = dy.dtype(), .device = dy.device()});
    const Tensor rows = dy.reshape({kept.numel(), shape[1]}).contiguous();
    dispatch::run(ops::embedding_grad_row, ops::EmbeddingGrad{dweight, rows, kept});
    return {dweight};
  }
};

}  // namespace

Tensor embedding(const Tensor& weight, const Tensor& indices) {
  ops::check_defined("embedding", weight, "weight");
  ops::check_defined("embedding", indices, "indices");
  if (weight.rank() != 2)
    throw ShapeError("embedding", "expected a weight of rank 2, got " + describe(weight));
  ops::check_dtype("embedding", weight, floating_dtypes, "a floating weight");
  ops::check_dtype("embedding", indices, {i64, i32}, "indices of i64 or i32");
  if (weight.device() != indices.device()) {
    throw DeviceError("embedding", "expected operands on one device, got weight=" + describe(weight) +
                                       " and indices=" + describe(indices));
  }
  Shape shape = indices.shape();
  shape.push_back(weight.size(1));
  Tensor y = empty(shape, {.dtype = weight.dtype(), .device = weight.device()});
  const Tensor flat = indices.contiguous();
  const Tensor rows = y.view({flat.numel(), weight.size(1)});
  dispatch::run(ops::embedding_row, ops::Embedding{rows, weight, flat});
  autograd::record<EmbeddingNode>(y, {weight}, [&](EmbeddingNode& node) {
    node.indices.save(flat);
    node.shape = weight.shape();
  });
  return y;
}

}  // namespace fornax
