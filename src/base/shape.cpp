#include "fornax/base/shape.h"

#include <fmt/core.h>

#include "fornax/base/error.h"

namespace fornax {

void Dims::too_long(std::size_t rank) {
  throw ShapeError("shape", fmt::format("expected at most {} dimensions, got {}", max_rank, rank));
}

std::string to_string(const Dims& dims) {
  std::string text = "[";
  for (int i = 0; i < dims.rank(); ++i) {
    if (i > 0) text += ',';
    text += std::to_string(dims[i]);
  }
  return text += ']';
}

Strides strides_of(const Shape& shape, MemoryFormat format) {
  Strides strides = Dims::filled(shape.rank(), 0);
  std::int64_t step = 1;
  const auto take = [&](int axis) {
    strides[axis] = step;
    step *= std::max<std::int64_t>(shape[axis], 1);
  };
  if (format == MemoryFormat::channels_last) {
    if (shape.rank() != 4)
      throw ShapeError("channels_last", fmt::format("expected rank 4 (NCHW), got {}", to_string(shape)));
    for (const int axis : {1, 3, 2, 0}) take(axis);
  } else {
    for (int axis = shape.rank() - 1; axis >= 0; --axis) take(axis);
  }
  return strides;
}

bool has_format(const Shape& shape, const Strides& strides, MemoryFormat format) {
  if (format == MemoryFormat::channels_last && shape.rank() != 4) return false;
  if (shape.contains(0)) return true;
  std::int64_t step = 1;
  const auto fits = [&](int axis) {
    const bool ok = shape[axis] == 1 || strides[axis] == step;
    step *= shape[axis];
    return ok;
  };
  if (format == MemoryFormat::channels_last) return fits(1) && fits(3) && fits(2) && fits(0);
  for (int axis = shape.rank() - 1; axis >= 0; --axis)
    if (!fits(axis)) return false;
  return true;
}

namespace {

std::string ending(DescribeOperands operands) { return operands ? "; " + operands() : std::string(); }

}  // namespace

int normalize_axis(std::int64_t axis, int rank, std::string_view op, DescribeOperands operands) {
  if (axis < -rank || axis >= rank)
    throw IndexError(
        op, fmt::format("expected an axis from {} to {}, got {}{}", -rank, rank - 1, axis, ending(operands)));
  return static_cast<int>(axis < 0 ? axis + rank : axis);
}

Shape broadcast_shapes(const Shape& a, const Shape& b, std::string_view op, DescribeOperands operands) {
  const Shape& longer = a.rank() >= b.rank() ? a : b;
  const Shape& shorter = a.rank() >= b.rank() ? b : a;
  Shape out = longer;
  const int shift = longer.rank() - shorter.rank();
  for (int i = 0; i < shorter.rank(); ++i) {
    const std::int64_t m = longer[i + shift], n = shorter[i];
    if (m != n && m != 1 && n != 1)
      throw ShapeError(op, fmt::format("expected shapes that broadcast, got {} and {}{}", to_string(a),
                                       to_string(b), ending(operands)));
    out[i + shift] = m == 1 ? n : m;
  }
  return out;
}

}  // namespace fornax
