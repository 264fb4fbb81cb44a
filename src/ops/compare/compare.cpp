#include "ops/compare/compare_op.h"

#include "fornax/ops/elementwise.h"
#include "ops/common/elementwise.h"

namespace fornax {
namespace {

using ops::Compare;
using ops::CompareKind;

Tensor compared(std::string_view op, CompareKind kind, const Tensor& a, const Tensor& b) {
  ops::check_alike(op, a, b);
  Tensor y = ops::empty_for(ops::broadcast(op, a, b), boolean, a, b);
  dispatch::run(ops::compare_row, Compare{y, a, b, kind});
  return y;
}

Tensor compared(std::string_view op, CompareKind kind, const Tensor& a, Scalar b) {
  ops::check_scalar(op, a, b);
  Tensor y = ops::empty_for(a.shape(), boolean, a, {});
  dispatch::run(ops::compare_row, Compare{y, a, {}, kind, b});
  return y;
}

Tensor logical(std::string_view op, CompareKind kind, const Tensor& a, const Tensor& b) {
  ops::check_dtype(op, a, {boolean}, "bool");
  return compared(op, kind, a, b);
}

}  // namespace

Tensor eq(const Tensor& a, const Tensor& b) { return compared("eq", CompareKind::eq, a, b); }
Tensor eq(const Tensor& a, Scalar b) { return compared("eq", CompareKind::eq, a, b); }
Tensor ne(const Tensor& a, const Tensor& b) { return compared("ne", CompareKind::ne, a, b); }
Tensor ne(const Tensor& a, Scalar b) { return compared("ne", CompareKind::ne, a, b); }
Tensor lt(const Tensor& a, const Tensor& b) { return compared("lt", CompareKind::lt, a, b); }
Tensor lt(const Tensor& a, Scalar b) { return compared("lt", CompareKind::lt, a, b); }
Tensor le(const Tensor& a, const Tensor& b) { return compared("le", CompareKind::le, a, b); }
Tensor le(const Tensor& a, Scalar b) { return compared("le", CompareKind::le, a, b); }
Tensor gt(const Tensor& a, const Tensor& b) { return compared("gt", CompareKind::gt, a, b); }
Tensor gt(const Tensor& a, Scalar b) { return compared("gt", CompareKind::gt, a, b); }
Tensor ge(const Tensor& a, const Tensor& b) { return compared("ge", CompareKind::ge, a, b); }
Tensor ge(const Tensor& a, Scalar b) { return compared("ge", CompareKind::ge, a, b); }

Tensor logical_and(const Tensor& a, const Tensor& b) {
  return logical("logical_and", CompareKind::logical_and, a, b);
}
Tensor logical_or(const Tensor& a, const Tensor& b) {
  return logical("logical_or", CompareKind::logical_or, a, b);
}
Tensor logical_xor(const Tensor& a, const Tensor& b) {
  return logical("logical_xor", CompareKind::logical_xor, a, b);
}
Tensor logical_not(const Tensor& a) {
  ops::check_dtype("logical_not", a, {boolean}, "bool");
  return eq(a, false);
}

}  // namespace fornax
