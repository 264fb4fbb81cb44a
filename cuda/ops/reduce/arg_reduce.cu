// Policy: a team of threads searches each row along the axis; rows that lie side by side in memory have
// neighbouring threads. Elements are compared in their own type (16 bits in f32), which is exact. Few rows of
// many elements are cut into chunks, by shapes alone; a first launch finds the candidate of each chunk, a
// second the best candidate. Scatter moves bits, a thread per element.
#include "ops/common/rows.cuh"
#include "ops/reduce/arg_reduce_op.h"

namespace fornax::ops {
namespace {

using namespace cuda;

template <class A>
struct Candidate {
  A value;
  std::int64_t index;  // negative: none
};

/// The better of two: the larger (smaller) one or, of equal ones, the first; a NaN beats all numbers.
template <class A>
struct Better {
  bool largest;
  __device__ bool beats(A a, A b) const {
    return (largest ? a > b : a < b) || (a != a && b == b);  // NOLINT(misc-redundant-expression): a NaN
  }
  __device__ Candidate<A> operator()(const Candidate<A>& a, const Candidate<A>& b) const {
    if (a.index < 0 || b.index < 0) return a.index < 0 ? b : a;
    if (beats(b.value, a.value)) return b;
    if (beats(a.value, b.value)) return a;
    return b.index < a.index ? b : a;
  }
};

struct Search {
  RowArgs<1, 2> rows;  // x; indices and values
  bool largest = true, wants_values = false;
  /// Where the indices to look at are, `count` of each row; null: all.
  const std::int64_t* candidates = nullptr;
  std::int64_t count = 0;
  /// Where the best index of each chunk goes, chunks of one row together; null: they are the result.
  std::int64_t* chosen = nullptr;
  unsigned chunks = 1;
  std::int64_t per_chunk = 0;
};

template <class T>
__global__ void __launch_bounds__(reduce_block, team_blocks) search_rows(Search args) {
  using A = compute_t<T>;
  const Team team = args.rows.team;
  const unsigned chunk = blockIdx.x % args.chunks;
  const auto row = place_row(args.rows, blockIdx.x / args.chunks);
  const RowElements<const T> x = row.template elements<const T>(0);

  Candidate<A> best{A(0), -1};
  const Better<A> better{args.largest};
  const std::int64_t end = (chunk + 1) * args.per_chunk, last = !row.exists        ? 0
                                                                : end < args.count ? end
                                                                                   : args.count;
  for (std::int64_t i = chunk * args.per_chunk + team.lane(); i < last; i += team.lanes) {
    const std::int64_t index = args.candidates ? args.candidates[row.index * args.count + i] : i;
    best = better(best, {convert<A>(x[index]), index});
  }
  best = team_reduce_shared(team, best, better);
  if (!row.exists || team.lane() != 0) return;
  if (args.chosen) {
    args.chosen[row.index * args.chunks + chunk] = best.index;
    return;
  }
  row.template scalar<std::int64_t>(1) = best.index;
  if (args.wants_values) row.template scalar<T>(2) = x[best.index];
}

/// A launch has this many blocks at most, and a thread this many elements at least, where rows are cut.
constexpr std::int64_t most_blocks = 1024, least_elements = 16;

template <class T>
void search(const ArgReduce& args) {
  const TensorView indices = without_axis(args.indices, args.axis),
                   values = args.values.defined() ? without_axis(args.values, args.axis) : indices;
  Search first{.rows = row_args<T, 1, 2>(args.axis, {args.x}, {indices, values}),
               .largest = args.largest,
               .wants_values = args.values.defined(),
               .count = args.x.shape[args.axis]};
  const cudaStream_t stream = stream_for(args.x);
  const std::int64_t count = first.count;
  const std::int64_t chunks =
      std::max<std::int64_t>(1, std::min(ceil_divide(most_blocks, first.rows.blocks()),
                                         count / (first.rows.team.lanes * least_elements)));
  first.per_chunk = ceil_divide(count, chunks);
  first.chunks = static_cast<unsigned>(ceil_divide(count, first.per_chunk));
  const auto run = [&](const Search& stage) {
    launch(search_rows<T>, stage.rows.blocks() * stage.chunks, reduce_block, 0, stream, stage);
  };
  if (first.chunks == 1) return run(first);
  const std::int64_t rows = first.rows.firsts.count;
  const Scratch chosen(rows * first.chunks * sizeof(std::int64_t), stream);
  first.chosen = chosen.as<std::int64_t>();
  run(first);
  Search second = first;
  second.candidates = first.chosen;
  second.count = second.per_chunk = first.chunks;
  second.chosen = nullptr;
  second.chunks = 1;
  second.rows.team = team_along(second.count);
  run(second);
}

void run(const ArgReduce& args) {
  if (args.indices.numel() == 0) return;
  visit_dtype(args.x.dtype, [&]<class T>(std::type_identity<T>) {
    if constexpr (!std::is_same_v<T, bool>) search<T>(args);
  });
}

/// y, x, index; y's axis is not among the loop's.
template <class Bits>
__global__ void __launch_bounds__(elementwise_block) scatter_elements(LoopArgs<3> loop, std::int64_t step) {
  const std::int64_t stride = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < loop.count;
       i += stride) {
    const auto at = loop.offsets(i);
    (&loop.element<Bits>(0, at))[loop.element<const std::int64_t>(2, at) * step] =
        loop.element<const Bits>(1, at);
  }
}

void run(const Scatter& args) {
  if (args.x.numel() == 0) return;
  const TensorView y = without_axis(args.y, args.axis), x = without_axis(args.x, args.axis),
                   index = without_axis(args.index, args.axis);
  const LoopArgs<3> loop = loop_args(make_loop(std::array{&y, &x, &index}));
  const auto kernel = size_of(y.dtype) == 8   ? scatter_elements<std::uint64_t>
                      : size_of(y.dtype) == 4 ? scatter_elements<std::uint32_t>
                                              : scatter_elements<std::uint16_t>;
  launch(kernel, grid_for(loop.count), elementwise_block, 0, stream_for(y), loop, args.y.strides[args.axis]);
}

}  // namespace

constinit const dispatch::Kernel<ArgReduce> arg_reduce_cuda{
    {"blocks", DeviceType::cuda, number_dtypes}, [](const ArgReduce&) { return dispatch::accepts; }, run};
constinit const dispatch::Kernel<Scatter> scatter_cuda{{"elementwise", DeviceType::cuda, floating_dtypes},
                                                       [](const Scatter&) { return dispatch::accepts; },
                                                       run};

}  // namespace fornax::ops
