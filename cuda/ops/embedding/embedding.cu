// Policy. Forward: rows are moved as they are, in words of 16 bytes where all rows begin at a multiple of 16,
// else element by element; a row whose index is out of range is filled with ones, which is NaN in every
// dtype. Gradient: the uses are sorted by row (stably; ops/common/stable_sort.cuh), each row finds its first
// use, and a thread sums one column, or those in 16 bytes, of one row in the order of the uses, in f32 (f64
// for f64). That costs the same for any vocabulary but for the zeros that must be written, and gives the
// CPU's bits; a row with very many uses is one long chain of additions, whose loads are made eight at a time.
// Threads are laid out columns first; blocks are rows, so that every size is taken.
#include <cstring>

#include "device/convert.cuh"
#include "device/pack.cuh"
#include "ops/common/stable_sort.cuh"
#include "ops/embedding/embedding_op.h"
#include "runtime/launch.h"

namespace fornax::ops {
namespace {

using namespace cuda;

/// Blocks of `rows` rows with `width` columns.
struct RowGrid {
  dim3 grid, block;
  RowGrid(std::int64_t rows, std::int64_t width) {
    unsigned x = 1;
    while (x < elementwise_block && x < width) x *= 2;
    block = dim3(x, elementwise_block / x);
    grid = dim3(static_cast<unsigned>((rows + block.y - 1) / block.y));
  }
};

__device__ inline std::int64_t row_of_thread() {
  return static_cast<std::int64_t>(blockIdx.x) * blockDim.y + threadIdx.y;
}

/// Distances in words.
struct WordStrides {
  std::int64_t row, column;
};

template <class Word, class Index>
__global__ void gather_rows(Word* y, const Word* weight, const Index* indices, std::int64_t count,
                            std::int64_t width, std::int64_t vocabulary, WordStrides strides, Word nan) {
  const std::int64_t i = row_of_thread();
  if (i >= count) return;
  const auto row = static_cast<std::int64_t>(indices[i]);
  const bool exists = row >= 0 && row < vocabulary;
  for (std::int64_t j = threadIdx.x; j < width; j += blockDim.x)
    y[i * width + j] = exists ? weight[row * strides.row + j * strides.column] : nan;
}

template <class F>
void visit_index_type(DType dtype, F&& f) {
  if (dtype == i64)
    f(std::type_identity<std::int64_t>{});
  else
    f(std::type_identity<std::int32_t>{});
}

template <class Word>
void gather(const Embedding& args, std::int64_t width, const WordStrides& strides) {
  const std::int64_t count = args.y.size(0);
  const RowGrid rows(count, width);
  Word nan;
  std::memset(&nan, 0xff, sizeof nan);
  visit_index_type(args.indices.dtype, [&]<class Index>(std::type_identity<Index>) {
    launch(gather_rows<Word, Index>, rows.grid, rows.block, 0, stream_for(args.y), args.y.ptr<Word>(),
           args.weight.ptr<Word>(), args.indices.ptr<Index>(), count, width, args.weight.size(0), strides,
           nan);
  });
}

void run(const Embedding& args) {
  if (args.y.numel() == 0) return;
  const auto size = static_cast<std::int64_t>(size_of(args.y.dtype));
  const std::int64_t width = args.y.size(1);
  const WordStrides strides{args.weight.stride(0), args.weight.stride(1)};
  const bool dense = strides.column == 1 || width == 1;
  if (dense && width * size % 16 == 0 && strides.row * size % 16 == 0 && is_aligned(args.y.data, 16) &&
      is_aligned(args.weight.data, 16))
    return gather<Pack<std::uint32_t, 4>>(args, width * size / 16, {strides.row * size / 16, 1});
  switch (size) {
    case 2: return gather<std::uint16_t>(args, width, strides);
    case 4: return gather<std::uint32_t>(args, width, strides);
    default: return gather<std::uint64_t>(args, width, strides);
  }
}

dispatch::Refusal can_run(const Embedding& args) {
  return args.y.is_contiguous() && args.indices.is_contiguous() ? dispatch::accepts
                                                                : "y and indices must be row-major";
}

template <class Index>
struct RowOfUse {
  const Index* indices;
  __device__ Index operator()(std::int64_t i) const { return indices[i]; }
};

/// starts[v] = how many of the sorted `keys` are below v, for v <= rows.
template <class Index>
__global__ void find_starts(const Index* keys, std::int64_t count, std::int64_t rows, std::int64_t* starts) {
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  for (std::int64_t v = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; v <= rows;
       v += step) {
    std::int64_t low = 0, high = count;
    while (low < high) {
      const std::int64_t middle = low + (high - low) / 2;
      if (static_cast<std::int64_t>(keys[middle]) < v)
        low = middle + 1;
      else
        high = middle;
    }
    starts[v] = low;
  }
}

/// `width` counts packs of P elements.
template <class T, int P>
__global__ void sum_uses(T* dweight, const T* dy, const std::int64_t* starts, const std::int64_t* uses,
                         std::int64_t rows, std::int64_t width) {
  constexpr int together = 8;
  using A = compute_t<T>;
  const std::int64_t v = row_of_thread();
  if (v >= rows) return;
  const std::int64_t first = starts[v], last = starts[v + 1];
  for (std::int64_t j = threadIdx.x; j < width; j += blockDim.x) {
    A sums[P] = {};
    const auto load = [&](std::int64_t k) { return load_pack<P>(dy + (uses[k] * width + j) * P); };
    const auto add = [&](const Pack<T, P>& values) {
      for (int p = 0; p < P; ++p) sums[p] += convert<A>(values[p]);
    };
    std::int64_t k = first;
    for (; k + together <= last; k += together) {
      Pack<T, P> values[together];
#pragma unroll
      for (int t = 0; t < together; ++t) values[t] = load(k + t);
#pragma unroll
      for (int t = 0; t < together; ++t) add(values[t]);
    }
    for (; k < last; ++k) add(load(k));
    Pack<T, P> result;
    for (int p = 0; p < P; ++p) result[p] = convert<T>(sums[p]);
    store_pack(dweight + (v * width + j) * P, result);
  }
}

void run_grad(const EmbeddingGrad& args) {
  if (args.dweight.numel() == 0) return;
  const cudaStream_t stream = stream_for(args.dweight);
  const std::int64_t rows = args.dweight.size(0), width = args.dweight.size(1), count = args.indices.numel();
  const auto starts_count = static_cast<std::size_t>(rows + 1), uses_count = static_cast<std::size_t>(count);
  const Scratch memory((starts_count + uses_count) * sizeof(std::int64_t), stream);
  std::int64_t *const starts = memory.as<std::int64_t>(), *const uses = starts + starts_count;
  visit_index_type(args.indices.dtype, [&]<class Index>(std::type_identity<Index>) {
    const Scratch keys((uses_count + 1) * sizeof(Index), stream);
    stable_sort(RowOfUse<Index>{args.indices.ptr<Index>()}, count, keys.as<Index>(), uses, 1, stream);
    launch(find_starts<Index>, grid_for(rows + 1), elementwise_block, 0, stream, keys.as<Index>(), count,
           rows, starts);
  });
  visit_floating(args.dweight.dtype, [&]<class T>(std::type_identity<T>) {
    const auto sum = [&]<int P>(std::integral_constant<int, P>) {
      const RowGrid grid(rows, width / P);
      launch(sum_uses<T, P>, grid.grid, grid.block, 0, stream, args.dweight.ptr<T>(), args.dy.ptr<T>(),
             starts, uses, rows, width / P);
    };
    constexpr int pack = pack_size<T>;
    if (width % pack == 0 && is_aligned(args.dweight.data, 16) && is_aligned(args.dy.data, 16))
      sum(std::integral_constant<int, pack>{});
    else
      sum(std::integral_constant<int, 1>{});
  });
}

dispatch::Refusal can_run_grad(const EmbeddingGrad& args) {
  return args.dweight.is_contiguous() && args.dy.is_contiguous() && args.indices.is_contiguous()
             ? dispatch::accepts
             : "all operands must be row-major";
}

}  // namespace

constinit const dispatch::Kernel<Embedding> embedding_cuda{
    {"rows", DeviceType::cuda, floating_dtypes}, can_run, run};
constinit const dispatch::Kernel<EmbeddingGrad> embedding_grad_cuda{
    {"rows", DeviceType::cuda, floating_dtypes}, can_run_grad, run_grad};

}  // namespace fornax::ops
