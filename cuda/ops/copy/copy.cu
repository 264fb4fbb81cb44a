// Policy: a copy without a cast moves bits, in packs of 16 bytes where rows are adjacent on both sides; casts
// among the dtypes of training go in packs, the rare ones element by element (ops/common/elementwise.cuh).
// Where x is adjacent along another axis than y (NCHW to channels_last), tiles are transposed through shared
// memory, so that both sides are accessed along their rows: 64 x 64 for elements of up to 16 bits, else 32
// x 32.
#include "ops/common/elementwise.cuh"
#include "ops/copy/copy_op.h"

namespace fornax::ops {
namespace {

using cuda::Input;
using cuda::LoopArgs;

/// Matrices whose rows are adjacent in x and whose columns are adjacent in y.
struct Transposition {
  LoopArgs<2> matrices;        // y and x over the other axes
  std::int64_t rows, columns;  // elements
  std::int64_t row_tiles, column_tiles;
  std::int64_t y_row, x_column;  // strides in bytes
};

constexpr int lanes = 32, tile_rows = 8;  // the block

template <class To, class From>
constexpr int tile_size = std::max(sizeof(To), sizeof(From)) <= 2 ? 64 : 32;

/// One tile a block, rows fastest along x while loading and columns along y while storing.
template <class To, class From>
__global__ void transpose_kernel(Transposition args) {
  using Held = cuda::compute_t<From>;
  constexpr int size = tile_size<To, From>;
  // Lanes of a warp that read a column of the tile meet different banks if rows are an odd number of words.
  constexpr int padding = sizeof(Held) < 4 ? 4 / sizeof(Held) : 1;
  FORNAX_SHARED(Held, tile, [size][size + padding]);
  const std::int64_t block = blockIdx.x;
  const std::int64_t first_column = block % args.column_tiles * size;
  const std::int64_t first_row = block / args.column_tiles % args.row_tiles * size;
  const cuda::Offsets<2> at = args.matrices.offsets(block / (args.column_tiles * args.row_tiles));
  To* y = &args.matrices.element<To>(0, at) + first_column;
  const From* x = &args.matrices.element<From>(1, at) + first_row;
  const int rows = static_cast<int>(std::min<std::int64_t>(args.rows - first_row, size));
  const int columns = static_cast<int>(std::min<std::int64_t>(args.columns - first_column, size));
  const auto x_column = args.x_column / static_cast<std::int64_t>(sizeof(From));
  const auto y_row = args.y_row / static_cast<std::int64_t>(sizeof(To));
  const int lane = static_cast<int>(threadIdx.x), line = static_cast<int>(threadIdx.y);
#pragma unroll
  for (int column = line; column < size; column += tile_rows)
#pragma unroll
    for (int row = lane; row < size; row += lanes)
      if (column < columns && row < rows)
        tile[column][row] = cuda::convert<Held>(x[(first_column + column) * x_column + row]);
  __syncthreads();
#pragma unroll
  for (int row = line; row < size; row += tile_rows)
#pragma unroll
    for (int column = lane; column < size; column += lanes)
      if (column < columns && row < rows)
        y[(first_row + row) * y_row + column] = cuda::convert<To>(tile[column][row]);
}

/// The axis along which x is adjacent while y is along the last one, if tiles of both fill well enough; else
/// -1: matrices of a few columns, such as images of 3 channels, keep more lanes busy element by element.
template <class To, class From>
int transposed_axis(const Loop<2>& loop) {
  constexpr std::int64_t least = 16;
  const int last = loop.shape.rank() - 1;
  const auto& [y, x] = loop.strides;
  constexpr std::int64_t y_size = sizeof(To), x_size = sizeof(From);
  if (y[last] != y_size || x[last] == x_size || x[last] == 0 || loop.shape[last] < least ||
      x[last] % x_size != 0)
    return -1;
  for (int axis = last - 1; axis >= 0; --axis)
    if (x[axis] == x_size && loop.shape[axis] >= least && y[axis] % y_size == 0) return axis;
  return -1;
}

template <class To, class From>
bool try_transpose(const Copy& args) {
  const Loop<2> loop = make_loop(std::array{&args.y, &args.x});
  const int axis = transposed_axis<To, From>(loop);
  if (axis < 0) return false;
  const int last = loop.shape.rank() - 1;
  constexpr std::int64_t size = tile_size<To, From>;
  Loop<2> matrices;
  matrices.data = loop.data;
  for (int i = 0; i < last; ++i) {
    if (i == axis) continue;
    matrices.shape.push_back(loop.shape[i]);
    for (std::size_t k = 0; k < 2; ++k) matrices.strides[k].push_back(loop.strides[k][i]);
  }
  Transposition t;
  t.matrices = cuda::loop_args(matrices);
  t.rows = loop.shape[axis];
  t.columns = loop.shape[last];
  t.row_tiles = (t.rows + size - 1) / size;
  t.column_tiles = (t.columns + size - 1) / size;
  t.y_row = loop.strides[0][axis];
  t.x_column = loop.strides[1][last];
  const std::int64_t blocks = t.matrices.count * t.row_tiles * t.column_tiles;
  if (blocks > 0)
    cuda::launch(transpose_kernel<To, From>, dim3(static_cast<unsigned>(blocks)), dim3(lanes, tile_rows), 0,
                 cuda::stream_for(args.y), t);
  return true;
}

/// x as it is; the cast is elementwise's.
struct Same {
  template <class T>
  __device__ T operator()(T x) const {
    return x;
  }
};

template <class T>
constexpr bool is_training_type = std::is_same_v<T, float> || cuda::is_16bit_type<T>;

template <class To, class From>
void cast(const Copy& args) {
  constexpr bool frequent =
      is_training_type<To> && (is_training_type<From> || std::is_same_v<From, std::uint8_t>);
  if constexpr (is_training_type<To> && is_training_type<From>)
    if (try_transpose<To, From>(args)) return;
  constexpr cuda::Width width = frequent ? cuda::Width::packs : cuda::Width::strided;
  cuda::elementwise_as<width, false, To>(Same{}, args.y, Input<From>{args.x});
}

/// The dtype whose numbers are those of `dtype` when read: a bool is a byte of 0 or 1.
DType read_as(DType dtype) { return dtype == boolean ? u8 : dtype; }

void run(const Copy& args) {
  if (args.x.dtype == args.y.dtype || read_as(args.x.dtype) == args.y.dtype) {
    cuda::visit_word(args.y.dtype, [&]<class Word>(std::type_identity<Word>) {
      if (!try_transpose<Word, Word>(args)) cuda::elementwise<Word>(Same{}, args.y, Input<Word>{args.x});
    });
    return;
  }
  visit_dtype(args.y.dtype, [&]<class To>(std::type_identity<To>) {
    visit_dtype(read_as(args.x.dtype), [&]<class From>(std::type_identity<From>) {
      if constexpr (!std::is_same_v<From, To> && !std::is_same_v<From, bool>) cast<To, From>(args);
    });
  });
}

}  // namespace

constinit const dispatch::Kernel<Copy> copy_cuda{
    {"strided", DeviceType::cuda, all_dtypes}, [](const Copy&) { return dispatch::accepts; }, run};

}  // namespace fornax::ops
