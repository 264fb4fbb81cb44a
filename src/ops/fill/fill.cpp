#include "ops/fill/fill_op.h"

#include "fornax/autograd/node.h"
#include "fornax/ops/create.h"
#include "ops/common/elementwise.h"

namespace fornax {
namespace {

/// The old values are gone: no gradient reaches them.
struct FillGrad final : autograd::Node {
  std::string_view name() const override { return "fill_"; }
  Grads backward(const Tensor&) override { return {Tensor()}; }
};

}  // namespace

Tensor& Tensor::fill_(Scalar value) {
  autograd::check_in_place(*this, {}, "fill_");
  ops::check_scalar("fill_", *this, value);
  ops::check_target("fill_", *this, {});
  dispatch::run(ops::fill_row, ops::Fill{*this, value});
  bump_version();
  autograd::record<FillGrad>(*this, {*this}, [](FillGrad&) {});
  return *this;
}

Tensor full(const Shape& shape, Scalar value, const TensorOptions& options) {
  Tensor y = empty(shape, options);
  ops::check_scalar("full", y, value);
  dispatch::run(ops::fill_row, ops::Fill{y, value});
  return y;
}

Tensor zeros(const Shape& shape, const TensorOptions& options) { return full(shape, 0, options); }
Tensor ones(const Shape& shape, const TensorOptions& options) { return full(shape, 1, options); }

Tensor full_like(const Tensor& like, Scalar value, std::optional<DType> dtype) {
  Tensor y = empty_like(like, dtype);
  ops::check_scalar("full_like", y, value);
  dispatch::run(ops::fill_row, ops::Fill{y, value});
  return y;
}

Tensor zeros_like(const Tensor& like, std::optional<DType> dtype) { return full_like(like, 0, dtype); }
Tensor ones_like(const Tensor& like, std::optional<DType> dtype) { return full_like(like, 1, dtype); }

}  // namespace fornax
