// Policy: a team of threads per row, a part of a warp, a warp or a block by its length. Mean and variance are
// two passes, in f32 (f64 of f64); all passes but the first read the row from cache. Gradients of weight and
// bias: threads sum groups of neighbouring columns over chunks of rows, whose number depends on shapes alone,
// and a second launch sums the chunks in a fixed order.
#include "ops/common/factors.cuh"
#include "ops/common/rows.cuh"
#include "ops/layer_norm/layer_norm_op.h"

namespace fornax::ops {
namespace {

using namespace cuda;

/// y, x; mean, rstd
template <class T>
__global__ void __launch_bounds__(reduce_block, team_blocks)
    layer_norm_rows(RowArgs<2, 2> rows, Factors<T> weight, Factors<T> bias, compute_t<T> eps) {
  using A = compute_t<T>;
  constexpr int V = group_size<T>;
  const auto row = place_row(rows, blockIdx.x);
  const auto y = row.template elements<T>(0);
  const auto x = row.template elements<const T>(1);
  const A size = static_cast<A>(rows.length);
  A value[V], sum = 0, squares = 0;
  row.template for_groups<V>([&](std::int64_t i, int count) {
    x.load(i, count, value, A(0));
#pragma unroll
    for (int j = 0; j < V; ++j) sum += value[j];
  });
  const A mean = team_reduce(rows.team, sum, A(0), Sum{}) / size;
  row.template for_groups<V>([&](std::int64_t i, int count) {
    x.load(i, count, value, mean);
#pragma unroll
    for (int j = 0; j < V; ++j) squares += (value[j] - mean) * (value[j] - mean);
  });
  const A rstd = 1 / std::sqrt(team_reduce(rows.team, squares, A(0), Sum{}) / size + eps);

  row.template for_groups<V>([&](std::int64_t i, int count) {
    A factor[V], shift[V];
    x.load(i, count, value, A(0));
    weight.load(i, count, factor, A(1));
    bias.load(i, count, shift, A(0));
#pragma unroll
    for (int j = 0; j < V; ++j) value[j] = (value[j] - mean) * rstd * factor[j] + shift[j];
    y.store(i, count, value);
  });
  if (!row.exists || rows.team.lane() != 0) return;
  row.template scalar<A>(2) = mean;
  row.template scalar<A>(3) = rstd;
}

/// dx, dy, x; mean, rstd
template <class T>
__global__ void __launch_bounds__(reduce_block, team_blocks)
    layer_norm_grad_rows(RowArgs<3, 2> rows, Factors<T> weight) {
  using A = compute_t<T>;
  constexpr int V = group_size<T>;
  const auto row = place_row(rows, blockIdx.x);
  const auto dx = row.template elements<T>(0);
  const auto dy = row.template elements<const T>(1), x = row.template elements<const T>(2);
  const A mean = row.template scalar<const A>(3), rstd = row.template scalar<const A>(4);
  const A size = static_cast<A>(rows.length);
  A slope[V], normal[V], sum = 0, product = 0;
  const auto load = [&](std::int64_t i, int count) {
    A factor[V];
    dy.load(i, count, slope, A(0));
    x.load(i, count, normal, mean);
    weight.load(i, count, factor, A(1));
#pragma unroll
    for (int j = 0; j < V; ++j) {
      slope[j] *= factor[j];
      normal[j] = (normal[j] - mean) * rstd;
    }
  };
  row.template for_groups<V>([&](std::int64_t i, int count) {
    load(i, count);
#pragma unroll
    for (int j = 0; j < V; ++j) {
      sum += slope[j];
      product += slope[j] * normal[j];
    }
  });
  sum = team_reduce(rows.team, sum, A(0), Sum{}) / size;
  product = team_reduce(rows.team, product, A(0), Sum{}) / size;

  row.template for_groups<V>([&](std::int64_t i, int count) {
    load(i, count);
#pragma unroll
    for (int j = 0; j < V; ++j) slope[j] = rstd * (slope[j] - sum - normal[j] * product);
    dx.store(i, count, slope);
  });
}

/// Where sums over rows go: the gradients or, chunk by chunk, dweight's then dbias's sums.
template <class T>
struct AffineEnd {
  void *dweight, *dbias;  // null if not wanted
  bool wide_weight, wide_bias;
  compute_t<T>* partial;

  __device__ static void store(void* data, bool wide, std::int64_t i, compute_t<T> value) {
    if (!data) return;
    if (wide)
      static_cast<compute_t<T>*>(data)[i] = value;
    else
      static_cast<T*>(data)[i] = convert<T>(value);
  }
  __device__ void store_weight(std::int64_t i, compute_t<T> value) const {
    store(dweight, wide_weight, i, value);
  }
  __device__ void store_bias(std::int64_t i, compute_t<T> value) const { store(dbias, wide_bias, i, value); }
};

/// Sums of a group of columns.
template <class A, int V>
struct AffineSums {
  A dweight[V], dbias[V];
};

/// dy, x; mean, rstd. A team of `team` per group of columns and chunk of rows.
template <class T>
__global__ void __launch_bounds__(reduce_block, team_blocks)
    layer_norm_grad_columns(RowArgs<2, 2> rows, Team team, unsigned chunks, std::int64_t per_chunk,
                            AffineEnd<T> end) {
  using A = compute_t<T>;
  constexpr int V = group_size<T>;
  const unsigned chunk = blockIdx.x % chunks;
  const std::int64_t block = blockIdx.x / chunks, column = (block * team.rows() + team.row()) * V;
  const std::int64_t rest = rows.length - column;
  const int count = rest < 0 ? 0 : rest < V ? static_cast<int>(rest) : V;
  const std::int64_t chunk_end = (chunk + 1) * per_chunk;
  const std::int64_t last = count == 0 ? 0 : chunk_end < rows.firsts.count ? chunk_end : rows.firsts.count;
  AffineSums<A, V> sums = {};
  for (std::int64_t i = chunk * per_chunk + team.lane(); i < last; i += team.lanes) {
    const RowPlace<2, 2> row{rows, i, true, rows.firsts.offsets(i)};
    const A mean = row.scalar<const A>(2), rstd = row.scalar<const A>(3);
    A slope[V], value[V];
    row.elements<const T>(0).load(column, count, slope, A(0));
    row.elements<const T>(1).load(column, count, value, mean);
#pragma unroll
    for (int j = 0; j < V; ++j) {
      sums.dweight[j] += slope[j] * ((value[j] - mean) * rstd);
      sums.dbias[j] += slope[j];
    }
  }
  sums = team_reduce_shared(team, sums, [](AffineSums<A, V> a, const AffineSums<A, V>& b) {
    for (int j = 0; j < V; ++j) {
      a.dweight[j] += b.dweight[j];
      a.dbias[j] += b.dbias[j];
    }
    return a;
  });
  if (team.lane() != 0) return;
#pragma unroll
  for (int j = 0; j < V; ++j) {
    if (j >= count) continue;
    if (end.partial) {
      A* partial = end.partial + 2 * chunk * rows.length + column + j;
      partial[0] = sums.dweight[j];
      partial[rows.length] = sums.dbias[j];
    } else {
      end.store_weight(column + j, sums.dweight[j]);
      end.store_bias(column + j, sums.dbias[j]);
    }
  }
}

/// A team per column of dweight and dbias sums the chunks.
template <class T>
__global__ void __launch_bounds__(reduce_block, team_blocks)
    layer_norm_grad_chunks(Team team, unsigned chunks, std::int64_t length, AffineEnd<T> end) {
  using A = compute_t<T>;
  const std::int64_t column = static_cast<std::int64_t>(blockIdx.x) * team.rows() + team.row();
  const bool exists = column < 2 * length;
  A sum = 0;
  if (exists)
    for (std::int64_t i = team.lane(); i < chunks; i += team.lanes)
      sum += end.partial[i * 2 * length + column];
  sum = team_reduce(team, sum, A(0), Sum{});
  if (!exists || team.lane() != 0) return;
  if (column < length)
    end.store_weight(column, sum);
  else
    end.store_bias(column - length, sum);
}

/// Blocks of the sums over rows at most, and rows that a thread has at least where they are cut.
constexpr std::int64_t most_blocks = 1024, least_rows = 4;

template <class T>
void grad_affine(const LayerNormGrad& args, cudaStream_t stream) {
  const RowArgs<2, 2> rows = row_args<T, 2, 2>(1, {args.dy, args.x}, {args.mean, args.rstd});
  const std::int64_t groups = ceil_divide(rows.length, group_size<T>), count = rows.firsts.count;
  const Team team = team_across(count, groups);
  const std::int64_t blocks = ceil_divide(groups, team.rows());
  const std::int64_t wanted = std::max<std::int64_t>(
      1, std::min(ceil_divide(most_blocks, blocks), count / (team.lanes * least_rows)));
  const std::int64_t per_chunk = std::max<std::int64_t>(1, ceil_divide(count, wanted));
  const auto chunks = static_cast<unsigned>(std::max<std::int64_t>(1, ceil_divide(count, per_chunk)));
  AffineEnd<T> end{args.dweight.data, args.dbias.data, args.dweight.dtype != dtype_of<T>,
                   args.dbias.dtype != dtype_of<T>, nullptr};
  const auto sum_rows = [&] {
    launch(layer_norm_grad_columns<T>, static_cast<unsigned>(blocks * chunks), reduce_block, 0, stream, rows,
           team, chunks, per_chunk, end);
  };
  if (chunks == 1) return sum_rows();
  const Scratch partial(chunks * 2 * rows.length * sizeof(compute_t<T>), stream);
  end.partial = partial.as<compute_t<T>>();
  sum_rows();
  const Team second = team_across(chunks, 2 * rows.length);
  launch(layer_norm_grad_chunks<T>, static_cast<unsigned>(ceil_divide(2 * rows.length, second.rows())),
         reduce_block, 0, stream, second, chunks, rows.length, end);
}

void run(const LayerNorm& args) {
  if (args.y.numel() == 0) return;
  visit_floating(args.y.dtype, [&]<class T>(std::type_identity<T>) {
    const RowArgs<2, 2> rows = row_args<T, 2, 2>(1, {args.y, args.x}, {args.mean, args.rstd});
    launch(layer_norm_rows<T>, rows.blocks(), reduce_block, 0, stream_for(args.y), rows,
           Factors<T>(args.weight), Factors<T>(args.bias), static_cast<compute_t<T>>(args.eps));
  });
}

void run(const LayerNormGrad& args) {
  const cudaStream_t stream = stream_for(args.dy);
  visit_floating(args.dy.dtype, [&]<class T>(std::type_identity<T>) {
    if (args.dx.defined() && args.dx.numel() > 0) {
      const RowArgs<3, 2> rows = row_args<T, 3, 2>(1, {args.dx, args.dy, args.x}, {args.mean, args.rstd});
      launch(layer_norm_grad_rows<T>, rows.blocks(), reduce_block, 0, stream, rows, Factors<T>(args.weight));
    }
    if ((args.dweight.defined() || args.dbias.defined()) && args.x.shape[1] > 0) grad_affine<T>(args, stream);
  });
}

}  // namespace

constinit const dispatch::Kernel<LayerNorm> layer_norm_cuda{
    {"rows", DeviceType::cuda, floating_dtypes}, [](const LayerNorm&) { return dispatch::accepts; }, run};
constinit const dispatch::Kernel<LayerNormGrad> layer_norm_grad_cuda{
    {"rows", DeviceType::cuda, floating_dtypes}, [](const LayerNormGrad&) { return dispatch::accepts; }, run};

}  // namespace fornax::ops
