// Policy: a team of threads per row of classes; rows that lie side by side in memory have neighbouring
// threads. Forward reads the logits once: maximum and sum of exponentials are found together, in f32 (f64 of
// f64). Losses and weights of rows are summed per thread, per block and, by a second launch, over blocks,
// whose number depends on shapes alone. Backward reads them once more, with what forward left. A target that
// is no class makes its row NaN (cross_entropy_op.h).
#include <optional>

#include "ops/common/factors.cuh"
#include "ops/common/rows.cuh"
#include "ops/cross_entropy/cross_entropy_op.h"
#include "ops/softmax/online_sum.cuh"

namespace fornax::ops {
namespace {

using namespace cuda;

/// The options, and what rows share.
template <class T>
struct Shared {
  using A = compute_t<T>;
  std::int64_t classes, ignore_index;
  A target_factor;  // 1 - label_smoothing
  A class_share;    // label_smoothing / classes
  bool logits, smooths;
  Factors<T> weight;
  /// Of all classes; null: all weights are 1.
  const A* weight_sum;
};

/// What the loss of a row gives to -log p of the target and of all classes together.
template <class A>
struct Shares {
  A weight, target, sum;
  bool ignored, is_class;
};

template <class T, class A = compute_t<T>>
__device__ inline Shares<A> shares_of(const Shared<T>& shared, std::int64_t target) {
  if (target == shared.ignore_index) return {A(0), A(0), A(0), true, false};
  const bool is_class = target >= 0 && target < shared.classes;
  A weight = std::numeric_limits<A>::quiet_NaN();
  if (is_class) weight = shared.weight.defined() ? shared.weight[target] : A(1);
  const A weight_sum = shared.weight_sum ? *shared.weight_sum : static_cast<A>(shared.classes);
  const A share = shared.target_factor * weight;
  return {weight, share, share + shared.class_share * weight_sum, false, is_class};
}

template <class T>
__global__ void __launch_bounds__(reduce_block, team_blocks)
    sum_weights(Shared<T> shared, compute_t<T>* sum) {
  using A = compute_t<T>;
  A total = 0;
  for (std::int64_t i = threadIdx.x; i < shared.classes; i += reduce_block) total += shared.weight[i];
  total = block_reduce(total, A(0), Sum{});
  if (threadIdx.x == 0) *sum = total;
}

/// x; target, lse, loss. Leaves the sums of the block's losses and weights in partial[2 * block]. One block
/// less at once: f64 needs more registers.
template <class T>
__global__ void __launch_bounds__(reduce_block, team_blocks - 1)
    cross_entropy_rows(RowArgs<1, 3> rows, Shared<T> shared, bool per_row, std::int64_t row_blocks,
                       compute_t<T>* partial) {
  using A = compute_t<T>;
  constexpr int V = group_size<T>;
  A losses = 0, weights = 0;
  for (std::int64_t block = blockIdx.x; block < row_blocks; block += gridDim.x) {
    const auto row = place_row(rows, block);
    const auto x = row.template elements<const T>(0);
    OnlineSum<A> total;
    A smoothed = 0;  // the sum of w x
    if (shared.logits || shared.smooths) {
      row.template for_groups<V>([&](std::int64_t i, int count) {
        A value[V], weight[V];
        x.load(i, count, value, -std::numeric_limits<A>::infinity());
        total.add(value);
        if (!shared.smooths) return;
        shared.weight.load(i, count, weight, A(1));
#pragma unroll
        for (int j = 0; j < V; ++j)
          if (j < count) smoothed += weight[j] * value[j];
      });
      total.combine(rows.team);
      if (shared.smooths) smoothed = team_reduce(rows.team, smoothed, A(0), Sum{});
    }
    if (!row.exists || rows.team.lane() != 0) continue;

    const A lse = shared.logits ? total.most + std::log(total.sum) : A(0);
    if (shared.logits) row.template scalar<A>(2) = lse;
    const std::int64_t target = row.template scalar<const std::int64_t>(1);
    const Shares<A> shares = shares_of(shared, target);
    A loss = 0;
    if (!shares.ignored) {
      loss = shares.sum * lse - shares.target * (shares.is_class ? convert<A>(x[target]) : A(0));
      if (shared.smooths) loss -= shared.class_share * smoothed;
    }
    losses += loss;
    weights += shares.weight;
    if (per_row) row.template scalar<T>(3) = convert<T>(loss);
  }
  losses = block_reduce(losses, A(0), Sum{});
  weights = block_reduce(weights, A(0), Sum{});
  if (threadIdx.x != 0) return;
  partial[2 * blockIdx.x] = losses;
  partial[2 * blockIdx.x + 1] = weights;
}

/// One block. `loss` is null where each row has its own.
template <class T>
__global__ void __launch_bounds__(reduce_block, team_blocks)
    sum_rows(const compute_t<T>* partial, unsigned blocks, bool is_mean, T* loss,
             compute_t<T>* total_weight) {
  using A = compute_t<T>;
  A losses = 0, weights = 0;
  for (unsigned i = threadIdx.x; i < blocks; i += reduce_block) {
    losses += partial[2 * i];
    weights += partial[2 * i + 1];
  }
  losses = block_reduce(losses, A(0), Sum{});
  weights = block_reduce(weights, A(0), Sum{});
  if (threadIdx.x != 0) return;
  *total_weight = weights;
  if (loss) *loss = convert<T>(is_mean ? losses / weights : losses);
}

/// dx, x; target, lse, dloss. `total_weight` is null where the gradient is not that of a mean.
template <class T>
__global__ void __launch_bounds__(reduce_block, team_blocks)
    cross_entropy_grad_rows(RowArgs<2, 3> rows, Shared<T> shared, const compute_t<T>* total_weight) {
  using A = compute_t<T>;
  constexpr int V = group_size<T>;
  const auto row = place_row(rows, blockIdx.x);
  if (!row.exists) return;
  const auto dx = row.template elements<T>(0);
  const auto x = row.template elements<const T>(1);
  const std::int64_t target = row.template scalar<const std::int64_t>(2);
  const Shares<A> shares = shares_of(shared, target);
  const A lse = shared.logits ? row.template scalar<const A>(3) : A(0);
  A slope = convert<A>(row.template scalar<const T>(4));
  if (total_weight) slope = slope / *total_weight;

  row.template for_groups<V>([&](std::int64_t i, int count) {
    A value[V] = {};
    if (!shares.is_class) {
      for (A& one : value) one = shares.weight;  // 0 if it is ignored, else NaN
      return dx.store(i, count, value);
    }
    if (shared.logits) {
      x.load(i, count, value, A(0));
#pragma unroll
      for (int j = 0; j < V; ++j) value[j] = shares.sum * std::exp(value[j] - lse);
    }
    if (shared.smooths) {
      A weight[V];
      shared.weight.load(i, count, weight, A(1));
#pragma unroll
      for (int j = 0; j < V; ++j) value[j] -= shared.class_share * weight[j];
    }
#pragma unroll
    for (int j = 0; j < V; ++j) value[j] = slope * (i + j == target ? value[j] - shares.target : value[j]);
    dx.store(i, count, value);
  });
}

/// Blocks that sum losses at most: their partial sums are left to one block.
constexpr std::int64_t most_blocks = 1024;

template <class T>
Shared<T> shared_of(const CrossEntropyTerms& terms) {
  using A = compute_t<T>;
  const std::int64_t classes = terms.x.shape[terms.axis];
  return {classes,
          terms.ignore_index,
          static_cast<A>(1 - terms.label_smoothing),
          static_cast<A>(terms.label_smoothing / static_cast<double>(classes)),
          terms.lse.defined(),
          terms.label_smoothing > 0,
          Factors<T>(terms.weight),
          nullptr};
}

/// Enqueues the sum of all weights where the loss needs it.
template <class T>
class WeightSum {
 public:
  WeightSum(Shared<T>& shared, cudaStream_t stream) {
    if (!shared.smooths || !shared.weight.data) return;
    sum_.emplace(sizeof(compute_t<T>), stream);
    launch(sum_weights<T>, 1, reduce_block, 0, stream, shared, sum_->template as<compute_t<T>>());
    shared.weight_sum = sum_->template as<compute_t<T>>();
  }

 private:
  std::optional<Scratch> sum_;
};

template <class T>
void forward(const CrossEntropy& args) {
  using A = compute_t<T>;
  const CrossEntropyTerms& terms = args.terms;
  const cudaStream_t stream = stream_for(args.loss);
  const bool per_row = terms.reduction == Reduction::none;
  const RowArgs<1, 3> rows = row_args<T, 1, 3>(
      terms.axis, {terms.x},
      {terms.target, terms.lse.defined() ? terms.lse : terms.target, per_row ? args.loss : terms.target});
  const auto blocks = static_cast<unsigned>(std::min<std::int64_t>(rows.blocks(), most_blocks));
  const Scratch partial(2 * std::max(blocks, 1u) * sizeof(A), stream);
  Shared<T> shared = shared_of<T>(terms);
  const WeightSum<T> weight_sum(shared, stream);
  if (blocks > 0)
    launch(cross_entropy_rows<T>, blocks, reduce_block, 0, stream, rows, shared, per_row,
           std::int64_t{rows.blocks()}, partial.as<A>());
  launch(sum_rows<T>, 1, reduce_block, 0, stream, partial.as<A>(), blocks, terms.reduction == Reduction::mean,
         per_row ? nullptr : args.loss.ptr<T>(), terms.total_weight.ptr<A>());
}

template <class T>
void backward(const CrossEntropyGrad& args) {
  using A = compute_t<T>;
  const CrossEntropyTerms& terms = args.terms;
  const cudaStream_t stream = stream_for(args.dx);
  TensorView dloss = args.dloss;
  if (dloss.rank() != terms.target.rank()) {  // one gradient for all rows
    dloss.shape = terms.target.shape;
    dloss.strides = Dims::filled(dloss.shape.rank(), 0);
  }
  const RowArgs<2, 3> rows = row_args<T, 2, 3>(
      terms.axis, {args.dx, terms.x}, {terms.target, terms.lse.defined() ? terms.lse : terms.target, dloss});
  Shared<T> shared = shared_of<T>(terms);
  const WeightSum<T> weight_sum(shared, stream);
  launch(cross_entropy_grad_rows<T>, rows.blocks(), reduce_block, 0, stream, rows, shared,
         terms.reduction == Reduction::mean ? terms.total_weight.ptr<A>() : nullptr);
}

void run(const CrossEntropy& args) {
  visit_floating(args.terms.x.dtype, [&]<class T>(std::type_identity<T>) { forward<T>(args); });
}
void run(const CrossEntropyGrad& args) {
  if (args.dx.numel() == 0) return;
  visit_floating(args.dx.dtype, [&]<class T>(std::type_identity<T>) { backward<T>(args); });
}

}  // namespace

constinit const dispatch::Kernel<CrossEntropy> cross_entropy_cuda{
    {"rows", DeviceType::cuda, floating_dtypes}, [](const CrossEntropy&) { return dispatch::accepts; }, run};
constinit const dispatch::Kernel<CrossEntropyGrad> cross_entropy_grad_cuda{
    {"rows", DeviceType::cuda, floating_dtypes},
    [](const CrossEntropyGrad&) { return dispatch::accepts; },
    run};

}  // namespace fornax::ops
