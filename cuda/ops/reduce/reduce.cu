// Policy: if the axis of x that is innermost in memory is reduced, a team of threads folds the row of each
// output, 16 bytes a load; if it is kept, threads fold groups of neighbouring columns, so that memory is read
// in its order either way. Partial results are f32 (f64 of f64; i32 or i64 of integers), several per thread,
// merged by shuffles and shared memory. Few outputs over many elements are cut into chunks, by shapes alone,
// whose partial results a second launch folds in a fixed order: the bits are the same on every GPU.
#include "ops/reduce/reduce_kernels.cuh"
#include "ops/reduce/reduce_plan.h"

namespace fornax::ops {
namespace {

using namespace cuda;

/// Blocks that a reduction is cut into where it has fewer outputs, and pieces that a thread has at least
/// then.
constexpr std::int64_t most_blocks = 1024, least_pieces = 4;

template <class A>
ReduceEnd<A> end_of(const Reduce& args) {
  return {args.kind, args.y.dtype, static_cast<A>(args.scale), nullptr, 1, 0};
}

/// Cuts the `pieces` of each of `units`, which `lanes` threads share, into chunks.
template <class A>
void cut(ReduceEnd<A>& end, std::int64_t units, std::int64_t pieces, int lanes) {
  const std::int64_t chunks = std::min(ceil_divide(most_blocks, units), pieces / (lanes * least_pieces));
  end.per_chunk = ceil_divide(pieces, std::max<std::int64_t>(chunks, 1));
  end.chunks = pieces == 0 ? 1 : static_cast<unsigned>(ceil_divide(pieces, end.per_chunk));
}

template <int N>
void append(LoopArgs<N>& loop, std::int64_t size, const std::int64_t (&strides)[N]) {
  for (int k = 0; k < N; ++k) loop.strides[k][loop.rank] = strides[k];
  loop.shape[loop.rank++] = size;
  loop.count *= size;
}
template <int N>
LoopArgs<N> one_position() {
  LoopArgs<N> loop{};
  loop.count = 1;
  return loop;
}

std::int64_t bytes_of(const TensorView& view) {
  return view.defined() ? static_cast<std::int64_t>(size_of(view.dtype)) : 0;
}

/// Where the x, y and center of each output are.
LoopArgs<3> loop_outputs(const Reduce& args, const ReduceAxes& kept) {
  LoopArgs<3> loop = one_position<3>();
  const std::int64_t x = bytes_of(args.x), y = bytes_of(args.y), center = bytes_of(args.center);
  for (int i = 0; i < kept.count(); ++i)
    append(loop, kept[i].size, {kept[i].x * x, kept[i].y * y, kept[i].center * center});
  loop.data[0] = args.x.ptr<std::byte>();
  loop.data[1] = args.y.ptr<std::byte>();
  loop.data[2] = args.center.ptr<std::byte>();
  return loop;
}

ElementForm form_of(ReduceKind kind) {
  switch (kind) {
    case ReduceKind::sum_squares:
    case ReduceKind::norm2: return ElementForm::square;
    case ReduceKind::norm1:
    case ReduceKind::norm_inf: return ElementForm::absolute;
    case ReduceKind::logsumexp: return ElementForm::exponential;
    default: return ElementForm::plain;
  }
}

template <class X, class A>
RowReduction<A> plan_rows(const Reduce& args, ReducePlan plan) {
  constexpr int V = group_size<X>;
  constexpr std::int64_t bytes = sizeof(X);
  RowReduction<A> rows{};
  rows.outputs = loop_outputs(args, plan.kept);
  const ReduceAxis inner = plan.reduced.count() > 0 ? plan.reduced.pop_back() : ReduceAxis{.x = 1};
  rows.inner_size = inner.size;
  rows.inner_step = inner.x;
  rows.groups = one_position<2>();
  for (int i = 0; i < plan.reduced.count(); ++i)
    append(rows.groups, plan.reduced[i].size, {plan.reduced[i].x * bytes, 0});
  append(rows.groups, ceil_divide(inner.size, V), {V * inner.x * bytes, V});
  rows.packed = inner.x == 1 && can_pack<X>(rows.outputs, 0) && can_pack<X>(rows.groups, 0);
  rows.form = form_of(args.kind);
  rows.team = team_along(rows.groups.count);
  rows.end = end_of<A>(args);
  const bool many = rows.team.lanes < reduce_block;
  cut(rows.end, many ? most_blocks : rows.outputs.count, rows.groups.count, rows.team.lanes);
  return rows;
}

/// Rows of the partial results that `first` is to leave.
template <class A>
RowReduction<A> plan_second_stage(const Reduce& args, const ReduceAxes& kept, const ReduceEnd<A>& first) {
  constexpr int V = group_size<A>;
  RowReduction<A> rows{};
  rows.outputs = loop_outputs(args, kept);
  rows.outputs.data[0] = reinterpret_cast<std::byte*>(first.partial);
  std::int64_t stride = first.chunks * sizeof(A);
  for (int axis = rows.outputs.rank - 1; axis >= 0; --axis) {
    rows.outputs.strides[0][axis] = stride;
    stride *= rows.outputs.shape[axis];
  }
  rows.inner_size = first.chunks;
  rows.inner_step = 1;
  rows.groups = one_position<2>();
  append(rows.groups, ceil_divide(first.chunks, V), {V * sizeof(A), V});
  rows.packed = can_pack<A>(rows.outputs, 0);
  rows.form = ElementForm::plain;
  rows.team = team_along(rows.groups.count);
  rows.end = end_of<A>(args);
  rows.end.per_chunk = rows.groups.count;
  return rows;
}

template <class X, class A>
ColumnReduction<A> plan_columns(const Reduce& args, ReducePlan plan) {
  constexpr std::int64_t bytes = sizeof(X);
  ColumnReduction<A> columns{};
  const ReduceAxis inner = plan.kept.pop_back();
  columns.outer = loop_outputs(args, plan.kept);
  columns.columns = inner.size;
  columns.x_step = inner.x;
  columns.y_step = inner.y * bytes_of(args.y);
  columns.center_step = inner.center * bytes_of(args.center);
  columns.reduced = one_position<1>();
  for (int i = 0; i < plan.reduced.count(); ++i)
    append(columns.reduced, plan.reduced[i].size, {plan.reduced[i].x * bytes});
  columns.packed = inner.x == 1 && can_pack<X>(columns.outer, 0) && can_pack<X>(columns.reduced, 0);
  const std::int64_t groups = ceil_divide(inner.size, group_size<X>);
  columns.form = form_of(args.kind);
  columns.team = team_across(columns.reduced.count, groups);
  columns.blocks = static_cast<unsigned>(ceil_divide(groups, columns.team.rows()));
  columns.end = end_of<A>(args);
  cut(columns.end, columns.outer.count * columns.blocks, columns.reduced.count, columns.team.lanes);
  return columns;
}

template <class A>
std::int64_t units_of(const RowReduction<A>& rows) {
  return ceil_divide(rows.outputs.count, rows.team.rows());
}
template <class A>
std::int64_t units_of(const ColumnReduction<A>& columns) {
  return columns.outer.count * columns.blocks;
}

/// Both stages where there are two.
template <class Merge, class A, class Reduction>
void launch_stages(const Reduce& args, const ReduceAxes& kept, void (*kernel)(Reduction), Reduction first) {
  const cudaStream_t stream = stream_for(args.y);
  const auto grid = static_cast<unsigned>(units_of(first) * first.end.chunks);
  if (first.end.chunks == 1) return launch(kernel, grid, reduce_block, 0, stream, first);
  const Scratch partial(kept.numel() * first.end.chunks * sizeof(A), stream);
  first.end.partial = partial.as<A>();
  launch(kernel, grid, reduce_block, 0, stream, first);
  const RowReduction<A> second = plan_second_stage<A>(args, kept, first.end);
  launch(reduce_rows<A, Merge, A>, static_cast<unsigned>(units_of(second)), reduce_block, 0, stream, second);
}

template <class X, class Merge>
void run_as(const Reduce& args) {
  using A = typename Accumulator<X, Merge>::type;
  const ReducePlan plan = plan_reduce(args.x, args.y, args.center);
  if (plan.innermost_is_kept)
    launch_stages<Merge, A>(args, plan.kept, reduce_columns<X, Merge, A>, plan_columns<X, A>(args, plan));
  else
    launch_stages<Merge, A>(args, plan.kept, reduce_rows<X, Merge, A>, plan_rows<X, A>(args, plan));
}

dispatch::Refusal can_run(const Reduce& args) {
  const bool counts =
      args.kind == ReduceKind::sum || args.kind == ReduceKind::max || args.kind == ReduceKind::min;
  if (!is_floating(args.x.dtype) && (!counts || args.scale != 1))
    return "takes sum, max and min of integers, without scale";
  return dispatch::accepts;
}

void run(const Reduce& args) {
  if (args.y.numel() == 0) return;
  visit_dtype(args.x.dtype, [&]<class X>(std::type_identity<X>) {
    if (args.kind == ReduceKind::min)
      run_as<X, Min>(args);
    else if (args.kind == ReduceKind::max || args.kind == ReduceKind::norm_inf)
      run_as<X, Max>(args);
    else
      run_as<X, Sum>(args);
  });
}

}  // namespace

constinit const dispatch::Kernel<Reduce> reduce_cuda{
    {"two_stage", DeviceType::cuda, all_dtypes}, can_run, run};

}  // namespace fornax::ops
