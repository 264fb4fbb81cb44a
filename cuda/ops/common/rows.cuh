#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "ops/common/team.cuh"

// Operands as rows along one axis, for kernels that work on whole rows (softmax, cross-entropy, layer_norm).
namespace fornax::cuda {

/// `view` at index 0 of `axis`, without it.
inline TensorView without_axis(TensorView view, int axis) {
  view.shape.erase(axis);
  view.strides.erase(axis);
  return view;
}

/// Operands that have rows, then operands with one element per row.
template <int Rows, int Scalars>
struct RowArgs {
  LoopArgs<Rows + Scalars> firsts;  // where rows begin
  std::int64_t length;
  std::int64_t step[Rows];  // elements from one to the next
  bool packed[Rows];        // whether a group may be one access
  Team team;

  /// So many that each row has a team.
  unsigned blocks() const { return static_cast<unsigned>(ceil_divide(firsts.count, team.rows())); }
};

/// The elements of one row of one operand.
template <class T>
struct RowElements {
  T* data;
  std::int64_t step;
  bool packed;

  __device__ T& operator[](std::int64_t i) const { return data[i * step]; }
  template <int V, class A>
  __device__ void load(std::int64_t i, int count, A (&to)[V], A rest) const {
    load_group(data + i * step, step, count, packed, to, rest);
  }
  template <int V, class A>
  __device__ void store(std::int64_t i, int count, const A (&from)[V]) const {
    store_group(data + i * step, step, count, packed, from);
  }
};

/// The row of this thread's team; `exists` is false behind the last one, where teams only keep others company
/// at barriers.
template <int Rows, int Scalars>
struct RowPlace {
  const RowArgs<Rows, Scalars>& rows;
  std::int64_t index;
  bool exists;
  Offsets<Rows + Scalars> at;

  template <class T>
  __device__ RowElements<T> elements(int operand) const {
    return {&rows.firsts.template element<T>(operand, at), rows.step[operand], rows.packed[operand]};
  }
  /// The element that one of the operands after those with rows has for this row.
  template <class T>
  __device__ T& scalar(int operand) const {
    return rows.firsts.template element<T>(operand, at);
  }
  /// Calls body(i, count) for the groups of this thread: `count` elements from the i-th.
  template <int V, class Body>
  __device__ void for_groups(Body&& body) const {
    const std::int64_t length = exists ? rows.length : 0;
    for (std::int64_t i = rows.team.lane() * V; i < length; i += rows.team.lanes * V)
      body(i, length - i < V ? static_cast<int>(length - i) : V);
  }
};

/// In the `block`th block of rows.
template <int Rows, int Scalars>
__device__ inline RowPlace<Rows, Scalars> place_row(const RowArgs<Rows, Scalars>& rows, std::int64_t block) {
  const std::int64_t index = block * rows.team.rows() + rows.team.row();
  const bool exists = index < rows.firsts.count;
  return {rows, index, exists, rows.firsts.offsets(exists ? index : 0)};
}

/// Rows along `axis` of elements of T; they are walked in the memory order of the first operand. `scalars`
/// have that shape without the axis.
template <class T, int Rows, int Scalars>
RowArgs<Rows, Scalars> row_args(int axis, const std::array<TensorView, Rows>& rows,
                                const std::array<TensorView, Scalars>& scalars = {}) {
  std::array<TensorView, Rows + Scalars> firsts;
  std::array<const TensorView*, Rows + Scalars> operands;
  for (int k = 0; k < Rows; ++k) firsts[k] = without_axis(rows[k], axis);
  std::copy(scalars.begin(), scalars.end(), firsts.begin() + Rows);
  for (int k = 0; k < Rows + Scalars; ++k) operands[k] = &firsts[k];
  RowArgs<Rows, Scalars> args;
  args.firsts = loop_args(ops::make_loop(operands));
  args.length = rows[0].shape[axis];
  for (int k = 0; k < Rows; ++k) {
    args.step[k] = args.length == 1 ? 1 : rows[k].strides[axis];
    args.packed[k] = args.step[k] == 1 && can_pack<T>(args.firsts, k);
  }
  const int inner = args.firsts.rank - 1;
  const std::int64_t groups = ceil_divide(args.length, group_size<T>);
  const bool lie_along = args.firsts.shape[inner] == 1 ||
                         args.step[0] * static_cast<std::int64_t>(sizeof(T)) <= args.firsts.strides[0][inner];
  args.team = lie_along ? team_along(groups) : team_across(groups, args.firsts.shape[inner]);
  return args;
}

}  // namespace fornax::cuda
