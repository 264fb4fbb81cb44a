#pragma once

#include <cstdint>
#include <initializer_list>

#include "device/convert.cuh"
#include "device/divide.cuh"
#include "device/pack.cuh"

// Where the tiles of tile.cuh come from and go to: operands of any strides, read and written in packs of 16
// bytes where the launcher has seen that they may be.
//
// A loader reads an operand by line (a row of the left one, a column of the right one) and step (along the
// sum):
//   Element, pack            a load gives `pack` adjacent elements,
//   along_steps              adjacent along the steps, else along the lines
//   Line line(i)             what is known of line i (of lines i to i + pack - 1 if packs are along the
//   lines) Step step(k, end)        of step k, or of steps k to k + pack - 1; those from `end` on are zeros
//   load(Line, Step)         a pack; zeros outside of the operand
namespace fornax::cuda {

/// Distances of equal steps.
struct LinearAxis {
  std::int64_t stride = 0;
  __device__ std::int64_t offset(int i) const { return i * stride; }
};

/// Distances along an axis that joins three, the last one the fastest.
struct JoinedAxis {
  Digits digits;
  std::int64_t strides[3] = {};
  constexpr std::int64_t offset(int i) const {
    const Digits::Values at = digits.split(static_cast<std::uint32_t>(i));
    return at.at[0] * strides[0] + at.at[1] * strides[1] + at.at[2] * strides[2];
  }
};

/// Three axes as one, those that lie behind each other in memory as one digit. `adjacent` gets the number of
/// elements that are certain to be adjacent from any multiple of it on.
inline JoinedAxis join_axes(const std::int64_t (&sizes)[3], const std::int64_t (&strides)[3],
                            std::int64_t& adjacent) {
  std::int64_t size[3] = {1, 1, 1}, stride[3] = {};
  int first = 2;
  for (int axis = 2; axis >= 0; --axis) {
    if (sizes[axis] == 1) continue;
    if (size[first] == 1) {
      stride[first] = strides[axis];
      size[first] = sizes[axis];
    } else if (strides[axis] == stride[first] * size[first]) {
      size[first] *= sizes[axis];
    } else {
      stride[--first] = strides[axis];
      size[first] = sizes[axis];
    }
  }
  adjacent = stride[2] == 1 || size[2] == 1 ? size[2] : 1;
  const auto positive = [](std::int64_t n) { return n > 0 ? n : 1; };
  JoinedAxis joined{Digits(positive(size[1]), positive(size[2])), {stride[0], stride[1], stride[2]}};
  return joined;
}

/// True if every one of `strides` is a multiple of `elements`.
inline bool are_multiples(std::initializer_list<std::int64_t> strides, int elements) {
  for (const std::int64_t stride : strides)
    if (stride % elements != 0) return false;
  return true;
}

/// An operand whose lines are equally far from each other.
template <class S, class Steps, bool packs_along_steps>
struct StridedLoad {
  using Element = S;
  static constexpr int pack = pack_size<S>;
  static constexpr bool along_steps = packs_along_steps;

  const S* data = nullptr;
  std::int64_t line_stride = 0;
  Steps steps;
  int lines = 0;
  bool packed = false;  // a pack is adjacent, aligned, and either all inside or all outside

  struct Line {
    std::int64_t offset;
    int left;  // lines from this one on
  };
  struct Step {
    std::int64_t offset;
    int first, left;
  };
  __device__ Line line(int i) const { return {i * line_stride, lines - i}; }
  __device__ Step step(int k, int end) const { return {k < end ? steps.offset(k) : 0, k, end - k}; }

  __device__ Pack<S, pack> load(const Line& line, const Step& step) const {
    Pack<S, pack> result{};
    if (line.left <= 0 || step.left <= 0) return result;
    const S* from = data + line.offset;
    if (packed) return load_pack<pack>(from + step.offset);
    if constexpr (along_steps) {
#pragma unroll
      for (int v = 0; v < pack; ++v)
        if (v < step.left) result[v] = from[steps.offset(step.first + v)];
    } else {
#pragma unroll
      for (int v = 0; v < pack; ++v)
        if (v < line.left) result[v] = from[step.offset + v * line_stride];
    }
    return result;
  }
};

/// How threads may write the elements they have of a tile: they have squares of adjacent rows and columns.
enum class Packing : std::uint8_t { none, along_columns, along_rows };

/// y[i, j] = activation(sum + bias[j] + residual[i, j]), rounded once. Rows::offset(i) may be negative: no
/// such row. Kernels whose result has no residual are spared the registers for it.
template <class S, class Rows, bool may_have_residual = false>
struct Output {
  using Element = S;
  using T = accumulate_t<S>;

  S* data = nullptr;
  Rows rows;
  std::int64_t column_stride = 1;
  const S* bias = nullptr;
  const S* residual = nullptr;  // laid out as data
  int row_count = 0, column_count = 0;
  Packing packing = Packing::none;
  bool relu = false;

  /// Elements that a thread writes at once.
  static constexpr int pack = 16 / static_cast<int>(sizeof(T));

  /// From another element on: that of another batch.
  __device__ void advance(std::int64_t elements) {
    data += elements;
    if (residual) residual += elements;
  }
  /// Host side: settles `packing`. `strides` are those of the rows and whatever else is added to `data`.
  void pack_along_columns(std::initializer_list<std::int64_t> strides) {
    if (column_stride == 1 && column_count % pack == 0 && are_multiples(strides, pack) &&
        is_aligned(data, pack * sizeof(S)) && is_aligned(residual, pack * sizeof(S)))
      packing = Packing::along_columns;
  }
  /// The same where `adjacent` rows are, from any multiple of it on.
  void pack_along_rows(std::int64_t adjacent, std::initializer_list<std::int64_t> strides) {
    if (packing == Packing::none && row_count % pack == 0 && adjacent % pack == 0 &&
        are_multiples(strides, pack) && is_aligned(data, pack * sizeof(S)) &&
        is_aligned(residual, pack * sizeof(S)))
      packing = Packing::along_rows;
  }

  __device__ std::int64_t row(int i) const { return i < row_count ? rows.offset(i) : -1; }
  __device__ T bias_of(int j) const { return bias && j < column_count ? convert<T>(bias[j]) : T(0); }
  /// The residuals of `width` adjacent elements.
  template <int width>
  __device__ Pack<S, width> residuals(std::int64_t offset) const {
    if constexpr (may_have_residual)
      if (residual) return load_pack<width>(residual + offset);
    return {};
  }
  __device__ S finish(T sum, T bias_value, S residual_value) const {
    sum += bias_value + convert<T>(residual_value);
    if (relu) sum = sum > 0 || sum != sum ? sum : T(0);  // NaN stays
    return convert<S>(sum);
  }
};

}  // namespace fornax::cuda
