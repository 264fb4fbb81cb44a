// Policy: the tiles of ops/common/tile.cuh, over the batch of any strides. Each operand is read in packs of
// 16 bytes along whichever of its axes is adjacent. A batch whose b repeats is one tall product where a's
// rows allow it. Sums in f32 (f64 for f64); bias and relu before the one rounding; gelu_tanh is a pass of its
// own. On y's stream.
#include "ops/common/tile.cuh"
#include "ops/matmul/matmul_op.h"
#include "ops/unary/unary_op.h"

namespace fornax::cuda {
namespace {

/// Where the matrices of a batch begin.
struct Batches {
  int rank = 0;
  std::int64_t shape[max_rank] = {}, a[max_rank] = {}, b[max_rank] = {};

  /// Adds an axis within those before, or widens the last one.
  void push(std::int64_t size, std::int64_t a_stride, std::int64_t b_stride) {
    if (size == 1) return;
    if (rank > 0 && a[rank - 1] == a_stride * size && b[rank - 1] == b_stride * size) {
      shape[rank - 1] *= size;
    } else {
      shape[rank++] = size;
    }
    a[rank - 1] = a_stride;
    b[rank - 1] = b_stride;
  }
  __device__ std::int64_t offset(const std::int64_t (&strides)[max_rank], std::int64_t batch) const {
    std::int64_t result = 0;
    for (int axis = rank - 1; axis > 0; --axis) {
      result += batch % shape[axis] * strides[axis];
      batch /= shape[axis];
    }
    return rank > 0 ? result + batch * strides[0] : 0;
  }
};

template <class S, bool a_along_steps, bool b_along_steps>
struct Product {
  using Element = S;
  int rows, columns, depth;
  StridedLoad<S, LinearAxis, a_along_steps> a = {};
  StridedLoad<S, LinearAxis, b_along_steps> b = {};
  Output<S, LinearAxis> y = {};
  Batches batches = {};

  __device__ int depth_of(std::int64_t) const { return depth; }
  __device__ auto left(std::int64_t batch) const {
    auto load = a;
    load.data += batches.offset(batches.a, batch);
    return load;
  }
  __device__ auto right(std::int64_t batch) const {
    auto load = b;
    load.data += batches.offset(batches.b, batch);
    return load;
  }
  __device__ auto output(std::int64_t batch) const {
    auto out = y;
    out.data += batch * rows * columns;
    return out;
  }
};

/// The sizes and strides of a call, with the batch folded into the rows where that is one tall product.
struct Plan {
  std::int64_t rows, columns, depth, count = 1;
  std::int64_t a_row, a_column, b_row, b_column;
  Batches batches;

  explicit Plan(const ops::Matmul& args) {
    const TensorView &y = args.y, &a = args.a, &b = args.b;
    const int row = y.rank() - 2, column = y.rank() - 1;
    rows = y.shape[row];
    columns = y.shape[column];
    depth = a.shape[column];
    a_row = a.strides[row];
    a_column = a.strides[column];
    b_row = b.strides[row];
    b_column = b.strides[column];
    int batch_rank = row;
    while (batch_rank > 0 && (y.shape[batch_rank - 1] == 1 ||
                              (b.strides[batch_rank - 1] == 0 && a.strides[batch_rank - 1] == rows * a_row)))
      rows *= y.shape[--batch_rank];
    for (int axis = 0; axis < batch_rank; ++axis) {
      batches.push(y.shape[axis], a.strides[axis], b.strides[axis]);
      count *= y.shape[axis];
    }
  }

  /// True if packs of an operand, along its axis of `size`, are adjacent and aligned.
  bool is_packed(const void* data, std::int64_t size, std::int64_t stride, std::int64_t other_stride,
                 const std::int64_t (&batch_strides)[max_rank], int pack) const {
    bool aligned = is_aligned(data, 16) && stride == 1 && are_multiples({size, other_stride}, pack);
    for (int axis = 0; axis < batches.rank; ++axis) aligned = aligned && batch_strides[axis] % pack == 0;
    return aligned;
  }
};

/// Of two axes, packs go along the adjacent one.
bool packs_along_steps(std::int64_t step_stride, std::int64_t line_stride) {
  return step_stride == 1 || line_stride != 1;
}

template <class S, bool a_along_steps, bool b_along_steps>
void run_product(const ops::Matmul& args, const Plan& plan) {
  Product<S, a_along_steps, b_along_steps> p{static_cast<int>(plan.rows), static_cast<int>(plan.columns),
                                             static_cast<int>(plan.depth)};
  p.batches = plan.batches;
  constexpr int pack = pack_size<S>;

  p.a.data = args.a.ptr<const S>();
  p.a.lines = p.rows;
  p.a.line_stride = plan.a_row;
  p.a.steps.stride = plan.a_column;
  p.a.packed = a_along_steps
                   ? plan.is_packed(p.a.data, plan.depth, plan.a_column, plan.a_row, p.batches.a, pack)
                   : plan.is_packed(p.a.data, plan.rows, plan.a_row, plan.a_column, p.batches.a, pack);

  p.b.data = args.b.ptr<const S>();
  p.b.lines = p.columns;
  p.b.line_stride = plan.b_column;
  p.b.steps.stride = plan.b_row;
  p.b.packed = b_along_steps
                   ? plan.is_packed(p.b.data, plan.depth, plan.b_row, plan.b_column, p.batches.b, pack)
                   : plan.is_packed(p.b.data, plan.columns, plan.b_column, plan.b_row, p.batches.b, pack);

  p.y.data = args.y.ptr<S>();
  p.y.rows.stride = plan.columns;
  p.y.bias = args.bias.defined() ? args.bias.ptr<const S>() : nullptr;
  p.y.row_count = p.rows;
  p.y.column_count = p.columns;
  p.y.relu = args.activation == Activation::relu;
  p.y.pack_along_columns({plan.columns});
  multiply(p, plan.count, stream_for(args.y));
}

void run(const ops::Matmul& args) {
  const Plan plan(args);
  visit_floating(args.y.dtype, [&]<class S>(std::type_identity<S>) {
    const bool a_along_steps = packs_along_steps(plan.a_column, plan.a_row);
    const bool b_along_steps = packs_along_steps(plan.b_row, plan.b_column);
    if (a_along_steps)
      return b_along_steps ? run_product<S, true, true>(args, plan) : run_product<S, true, false>(args, plan);
    return b_along_steps ? run_product<S, false, true>(args, plan) : run_product<S, false, false>(args, plan);
  });
  if (args.activation == Activation::gelu_tanh)
    dispatch::run(ops::unary_row, ops::Unary{.y = args.y, .x = args.y, .kind = ops::UnaryKind::gelu_tanh});
}

}  // namespace
}  // namespace fornax::cuda

namespace fornax::ops {

constinit const dispatch::Kernel<Matmul> matmul_tiled{
    {"tiled", DeviceType::cuda, floating_dtypes},
    [](const Matmul& args) -> dispatch::Refusal {
      const cuda::Plan plan(args);
      return cuda::fits_tiles(plan.rows, plan.columns, plan.depth) ? dispatch::accepts
                                                                   : "a matrix has 2^30 rows or more";
    },
    cuda::run};

}  // namespace fornax::ops
