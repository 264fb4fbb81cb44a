#pragma once

#include <cmath>
#include <cstdint>
#include <limits>

#include "ops/common/team.cuh"
#include "ops/reduce/reduce_op.h"

// The kernels of reductions. A kind is how elements are taken (ElementForm), how they are merged (Sum, Max or
// Min), and how totals end (ReduceEnd). The form is an argument, as it costs a branch per group of elements.
namespace fornax::cuda {

enum class ElementForm : std::uint8_t { plain, absolute, square, exponential };

/// In which partial results of X travel: integer extremes fit in 32 bits but for i64; their sums are i64.
template <class X, class Merge>
struct Accumulator {
  using type = compute_t<X>;
};
template <class X, class Merge>
requires std::is_integral_v<X>
struct Accumulator<X, Merge> {
  using type = std::conditional_t<std::is_same_v<Merge, Sum> || sizeof(X) == 8, std::int64_t, std::int32_t>;
};

template <class A>
inline constexpr A most_of = std::numeric_limits<A>::has_infinity ? std::numeric_limits<A>::infinity()
                                                                  : std::numeric_limits<A>::max();
template <class A>
inline constexpr A least_of = std::numeric_limits<A>::has_infinity ? -std::numeric_limits<A>::infinity()
                                                                   : std::numeric_limits<A>::lowest();
/// What changes nothing when it is merged.
template <class Merge, class A>
inline constexpr A neutral_of = std::is_same_v<Merge, Sum>   ? A(0)
                                : std::is_same_v<Merge, Max> ? least_of<A>
                                                             : most_of<A>;

/// `center(j)` is what is subtracted from the j-th of the V elements.
template <class A, int V, class Center>
__device__ inline void take_form(ElementForm form, A (&x)[V], Center center) {
  if constexpr (std::is_floating_point_v<A>) {
    if (form == ElementForm::absolute) {
#pragma unroll
      for (int j = 0; j < V; ++j) x[j] = std::abs(x[j]);
    } else if (form == ElementForm::square) {
#pragma unroll
      for (int j = 0; j < V; ++j) x[j] = (x[j] - center(j)) * (x[j] - center(j));
    } else if (form == ElementForm::exponential) {
#pragma unroll
      for (int j = 0; j < V; ++j) x[j] = std::exp(x[j] - center(j));
    }
  }
}

/// What becomes of totals: they are finished and written to y, or left in `partial`, chunk by chunk of each
/// output, for a second stage.
template <class A>
struct ReduceEnd {
  ops::ReduceKind kind;
  DType y_dtype;
  A scale;
  A* partial;
  unsigned chunks;
  std::int64_t per_chunk;  // pieces: groups of a row or rows of columns

  __device__ std::int64_t first_piece(unsigned chunk) const { return chunk * per_chunk; }
  __device__ std::int64_t last_piece(unsigned chunk, std::int64_t count) const {
    const std::int64_t last = (chunk + 1) * per_chunk;
    return last < count ? last : count;
  }
};

template <class A>
__device__ inline A finish(const ReduceEnd<A>& end, A total, A center) {
  if constexpr (std::is_floating_point_v<A>) {
    if (end.kind == ops::ReduceKind::norm2) total = std::sqrt(total);
    if (end.kind == ops::ReduceKind::norm_inf) total = Max{}(total, A(0));  // over nothing
    if (end.kind == ops::ReduceKind::logsumexp) total = center + std::log(total);
    return end.scale * total;
  }
  return total;
}

template <class A>
__device__ inline void write(std::byte* y, DType dtype, A value) {
  if constexpr (std::is_same_v<A, double>) {
    *reinterpret_cast<double*>(y) = value;
  } else if constexpr (std::is_same_v<A, float>) {
    if (dtype == f32) *reinterpret_cast<float*>(y) = value;
    if (dtype == f16) *reinterpret_cast<Half*>(y) = convert<Half>(value);
    if (dtype == bf16) *reinterpret_cast<BFloat16*>(y) = convert<BFloat16>(value);
  } else {
    if (dtype == i64) *reinterpret_cast<std::int64_t*>(y) = value;
    if (dtype == i32) *reinterpret_cast<std::int32_t*>(y) = static_cast<std::int32_t>(value);
    if (dtype == u8) *reinterpret_cast<std::uint8_t*>(y) = static_cast<std::uint8_t>(value);
    if (dtype == boolean) *reinterpret_cast<bool*>(y) = value != 0;
  }
}

/// Of chunk `chunk` of the `output`th output, whose place in y is `y`.
template <class A>
__device__ inline void end_output(const ReduceEnd<A>& end, std::int64_t output, unsigned chunk, A total,
                                  A center, std::byte* y) {
  if (end.partial)
    end.partial[output * end.chunks + chunk] = total;
  else
    write(y, end.y_dtype, finish(end, total, center));
}

/// An infinite center of logsumexp counts as 0.
template <class A>
__device__ inline A load_center(const std::byte* center, ops::ReduceKind kind) {
  if constexpr (std::is_floating_point_v<A>) {
    const A value = *reinterpret_cast<const A*>(center);
    return kind == ops::ReduceKind::logsumexp && std::abs(value) == most_of<A> ? A(0) : value;
  }
  return A(0);
}

/// The axis of x that is innermost in memory is reduced.
template <class A>
struct RowReduction {
  LoopArgs<3> outputs;  // x, y, center; no data where there is no center
  LoopArgs<2> groups;   // of one output: x, and the position of its first element along the innermost axis
  std::int64_t inner_size;  // elements along the innermost axis
  std::int64_t inner_step;  // between them
  bool packed;
  ElementForm form;
  Team team;
  ReduceEnd<A> end;
};

/// A team per output or, in chunks, several.
template <class X, class Merge, class A>
__global__ void __launch_bounds__(reduce_block, team_blocks) reduce_rows(RowReduction<A> args) {
  constexpr int V = group_size<X>;
  const unsigned chunk = blockIdx.x % args.end.chunks;
  const std::int64_t unit = blockIdx.x / args.end.chunks, output = unit * args.team.rows() + args.team.row();
  const bool exists = output < args.outputs.count;
  const Offsets<3> at = args.outputs.offsets(exists ? output : 0);
  const std::byte* x = args.outputs.data[0] + at.at[0];
  A center(0);
  if (args.outputs.data[2]) center = load_center<A>(args.outputs.data[2] + at.at[2], args.end.kind);

  A partial[V];
#pragma unroll
  for (int j = 0; j < V; ++j) partial[j] = neutral_of<Merge, A>;
  const std::int64_t last = exists ? args.end.last_piece(chunk, args.groups.count) : 0;
  for (std::int64_t group = args.end.first_piece(chunk) + args.team.lane(); group < last;
       group += args.team.lanes) {
    const Offsets<2> from = args.groups.offsets(group);
    const std::int64_t rest = args.inner_size - from.at[1];
    const int count = rest < V ? static_cast<int>(rest) : V;
    compute_t<X> value[V];
    load_group(reinterpret_cast<const X*>(x + from.at[0]), args.inner_step, count, args.packed, value,
               compute_t<X>(0));
    take_form(args.form, value, [&](int) { return center; });
#pragma unroll
    for (int j = 0; j < V; ++j)
      if (j < count) partial[j] = Merge{}(partial[j], static_cast<A>(value[j]));
  }
  A total = partial[0];
#pragma unroll
  for (int j = 1; j < V; ++j) total = Merge{}(total, partial[j]);
  total = team_reduce(args.team, total, neutral_of<Merge, A>, Merge{});
  if (exists && args.team.lane() == 0)
    end_output(args.end, output, chunk, total, center, args.outputs.data[1] + at.at[1]);
}

/// The axis of x that is innermost in memory is kept: outputs along it are columns.
template <class A>
struct ColumnReduction {
  LoopArgs<3> outer;                 // x, y, center at column 0
  LoopArgs<1> reduced;               // x
  std::int64_t columns;              // of one position of `outer`
  std::int64_t x_step;               // between columns, in elements
  std::int64_t y_step, center_step;  // in bytes
  unsigned blocks;                   // per position of `outer`
  bool packed;
  ElementForm form;
  Team team;
  ReduceEnd<A> end;
};

/// Partial results of a group of columns.
template <class A, int V>
struct Columns {
  A at[V];
};

/// A team per group of columns or, in chunks, several.
template <class X, class Merge, class A>
__global__ void __launch_bounds__(reduce_block, team_blocks) reduce_columns(ColumnReduction<A> args) {
  constexpr int V = group_size<X>;
  const unsigned chunk = blockIdx.x % args.end.chunks, unit = blockIdx.x / args.end.chunks,
                 outer = unit / args.blocks;
  const std::int64_t column =
      (unit % args.blocks * static_cast<std::int64_t>(args.team.rows()) + args.team.row()) * V;
  const std::int64_t rest = args.columns - column;
  const int count = rest < 0 ? 0 : rest < V ? static_cast<int>(rest) : V;
  const Offsets<3> at = args.outer.offsets(outer);
  const auto* x =
      reinterpret_cast<const X*>(args.outer.data[0] + at.at[0]) + (count > 0 ? column * args.x_step : 0);
  std::byte* y = args.outer.data[1] + at.at[1] + column * args.y_step;

  A center[V];
  Columns<A, V> total;
#pragma unroll
  for (int j = 0; j < V; ++j) {
    center[j] = A(0);
    if (args.outer.data[2] && j < count)
      center[j] =
          load_center<A>(args.outer.data[2] + at.at[2] + (column + j) * args.center_step, args.end.kind);
    total.at[j] = neutral_of<Merge, A>;
  }
  const std::int64_t last = count > 0 ? args.end.last_piece(chunk, args.reduced.count) : 0;
  for (std::int64_t row = args.end.first_piece(chunk) + args.team.lane(); row < last;
       row += args.team.lanes) {
    const std::int64_t from = args.reduced.offsets(row).at[0];
    compute_t<X> value[V];
    load_group(reinterpret_cast<const X*>(reinterpret_cast<const std::byte*>(x) + from), args.x_step, count,
               args.packed, value, compute_t<X>(0));
    take_form(args.form, value, [&](int j) { return center[j]; });
#pragma unroll
    for (int j = 0; j < V; ++j) total.at[j] = Merge{}(total.at[j], static_cast<A>(value[j]));
  }
  total = team_reduce_shared(args.team, total, [](Columns<A, V> a, const Columns<A, V>& b) {
    for (int j = 0; j < V; ++j) a.at[j] = Merge{}(a.at[j], b.at[j]);
    return a;
  });
  if (args.team.lane() != 0) return;
#pragma unroll
  for (int j = 0; j < V; ++j)
    if (j < count)
      end_output(args.end, static_cast<std::int64_t>(outer) * args.columns + column + j, chunk, total.at[j],
                 center[j], y + j * args.y_step);
}

}  // namespace fornax::cuda
