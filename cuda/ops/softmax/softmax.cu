// Policy: a team of threads per row; rows that lie side by side in memory have neighbouring threads. The
// first pass finds maximum and sum of exponentials at once, in f32 (f64 of f64), merged over the team in a
// fixed order; the second reads the row again, mostly from cache, and writes. Elements are taken 16 bytes at
// a time where they are adjacent.
#include "ops/common/rows.cuh"
#include "ops/softmax/online_sum.cuh"
#include "ops/softmax/softmax_op.h"

namespace fornax::ops {
namespace {

using namespace cuda;

/// y, x
template <class T>
__global__ void __launch_bounds__(reduce_block, team_blocks) softmax_rows(RowArgs<2, 0> rows, bool log) {
  using A = compute_t<T>;
  constexpr int V = group_size<T>;
  const auto row = place_row(rows, blockIdx.x);
  const auto y = row.template elements<T>(0);
  const auto x = row.template elements<const T>(1);
  OnlineSum<A> total;
  A value[V];
  row.template for_groups<V>([&](std::int64_t i, int count) {
    x.load(i, count, value, -std::numeric_limits<A>::infinity());
    total.add(value);
  });
  total.combine(rows.team);

  const A scale = 1 / total.sum, log_sum = std::log(total.sum);
  row.template for_groups<V>([&](std::int64_t i, int count) {
    x.load(i, count, value, A(0));
#pragma unroll
    for (int j = 0; j < V; ++j) {
      const A distance = value[j] - total.most;
      value[j] = log ? distance - log_sum : std::exp(distance) * scale;
    }
    y.store(i, count, value);
  });
}

/// dx, dy, y
template <class T>
__global__ void __launch_bounds__(reduce_block, team_blocks) softmax_grad_rows(RowArgs<3, 0> rows, bool log) {
  using A = compute_t<T>;
  constexpr int V = group_size<T>;
  const auto row = place_row(rows, blockIdx.x);
  const auto dx = row.template elements<T>(0);
  const auto dy = row.template elements<const T>(1), y = row.template elements<const T>(2);
  A slope[V], value[V], total = 0;
  const auto load = [&](std::int64_t i, int count) {
    dy.load(i, count, slope, A(0));
    y.load(i, count, value, A(0));
  };
  row.template for_groups<V>([&](std::int64_t i, int count) {
    load(i, count);
#pragma unroll
    for (int j = 0; j < V; ++j) total += log ? slope[j] : slope[j] * value[j];
  });
  total = team_reduce(rows.team, total, A(0), Sum{});

  row.template for_groups<V>([&](std::int64_t i, int count) {
    load(i, count);
#pragma unroll
    for (int j = 0; j < V; ++j)
      value[j] = log ? slope[j] - std::exp(value[j]) * total : value[j] * (slope[j] - total);
    dx.store(i, count, value);
  });
}

void run(const Softmax& args) {
  if (args.y.numel() == 0) return;
  visit_floating(args.y.dtype, [&]<class T>(std::type_identity<T>) {
    const RowArgs<2, 0> rows = row_args<T, 2, 0>(args.axis, {args.y, args.x});
    launch(softmax_rows<T>, rows.blocks(), reduce_block, 0, stream_for(args.y), rows, args.log);
  });
}

void run(const SoftmaxGrad& args) {
  if (args.dx.numel() == 0) return;
  visit_floating(args.dx.dtype, [&]<class T>(std::type_identity<T>) {
    const RowArgs<3, 0> rows = row_args<T, 3, 0>(args.axis, {args.dx, args.dy, args.y});
    launch(softmax_grad_rows<T>, rows.blocks(), reduce_block, 0, stream_for(args.dx), rows, args.log);
  });
}

}  // namespace

constinit const dispatch::Kernel<Softmax> softmax_cuda{
    {"rows", DeviceType::cuda, floating_dtypes}, [](const Softmax&) { return dispatch::accepts; }, run};
constinit const dispatch::Kernel<SoftmaxGrad> softmax_grad_cuda{
    {"rows", DeviceType::cuda, floating_dtypes}, [](const SoftmaxGrad&) { return dispatch::accepts; }, run};

}  // namespace fornax::ops
