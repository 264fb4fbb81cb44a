// Policy: y = a b + bias, row-major, is y^T = b^T a^T in the column-major order of cuBLASLt, so b is its
// first operand. Operands whose rows or whose columns are adjacent are taken as they are, transposed or not;
// bias and activation are epilogues. f32 (and TF32 where allowed), f16 and bf16 accumulate in f32, f64 in
// f64. What the library chooses for a product is remembered, that it has nothing too. Runs on the current
// stream, workspace from the pool.
#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>

#include "fornax/cuda/math_mode.h"
#include "libraries/cublaslt.h"
#include "ops/matmul/matmul_op.h"
#include "runtime/launch.h"

namespace fornax::ops {
namespace {

using cuda::check;
using cuda::cublaslt;

constexpr std::size_t most_workspace = std::size_t{32} << 20;

/// An operand as cuBLASLt sees it: column-major with `ld` between columns, batches `batch_stride` apart.
struct Matrix {
  std::int64_t rows, columns, ld, batch_stride;
  bool transposed;
};

/// All that the library's choice depends on, as words so that it can be compared.
using Key = std::array<std::int64_t, 16>;

struct Choice {
  cublasLtMatmulAlgo_t algorithm;
  std::size_t workspace;
};

/// The distance from one batch to the next, if one number says it for all leading axes.
std::optional<std::int64_t> batch_stride_of(const TensorView& x) {
  std::int64_t stride = 0, count = 1;
  for (int axis = x.rank() - 3; axis >= 0; --axis) {
    if (x.shape[axis] == 1) continue;
    if (count == 1)
      stride = x.strides[axis];
    else if (x.strides[axis] != stride * count)
      return std::nullopt;
    count *= x.shape[axis];
  }
  return stride;
}

/// `x` transposed into column-major order; nothing if neither its rows nor its columns are adjacent.
std::optional<Matrix> matrix_of(const TensorView& x) {
  const int row = x.rank() - 2, column = x.rank() - 1;
  const std::int64_t rows = x.shape[row], columns = x.shape[column];
  const std::optional<std::int64_t> batch = batch_stride_of(x);
  if (!batch) return std::nullopt;
  const bool rows_adjacent = columns == 1 || x.strides[column] == 1,
             columns_adjacent = rows == 1 || x.strides[row] == 1;
  if (rows_adjacent && (rows == 1 || x.strides[row] >= columns))
    return Matrix{columns, rows, rows == 1 ? columns : x.strides[row], *batch, false};
  if (columns_adjacent && (columns == 1 || x.strides[column] >= rows))
    return Matrix{rows, columns, columns == 1 ? rows : x.strides[column], *batch, true};
  return std::nullopt;
}

cudaDataType_t type_of(DType dtype) {
  switch (dtype) {
    case DType::f64: return CUDA_R_64F;
    case DType::f16: return CUDA_R_16F;
    case DType::bf16: return CUDA_R_16BF;
    default: return CUDA_R_32F;
  }
}

std::int64_t alignment_of(const void* data) {
  const auto address = reinterpret_cast<std::uintptr_t>(data);
  return std::min<std::int64_t>(static_cast<std::int64_t>(address & -address), 256);
}

struct Destroy {
  void operator()(cublasLtMatmulDescOpaque_t* handle) const { cublaslt()->MatmulDescDestroy(handle); }
  void operator()(cublasLtMatrixLayoutOpaque_t* handle) const { cublaslt()->MatrixLayoutDestroy(handle); }
  void operator()(cublasLtMatmulPreferenceOpaque_t* handle) const {
    cublaslt()->MatmulPreferenceDestroy(handle);
  }
};
/// One of the library's objects.
template <class Opaque>
using Owned = std::unique_ptr<Opaque, Destroy>;
using OwnedLayout = Owned<cublasLtMatrixLayoutOpaque_t>;

cublasLtEpilogue_t epilogue_of(const Matmul& args) {
  const bool biased = args.bias.defined();
  switch (args.activation) {
    case Activation::relu: return biased ? CUBLASLT_EPILOGUE_RELU_BIAS : CUBLASLT_EPILOGUE_RELU;
    case Activation::gelu_tanh: return biased ? CUBLASLT_EPILOGUE_GELU_BIAS : CUBLASLT_EPILOGUE_GELU;
    default: return biased ? CUBLASLT_EPILOGUE_BIAS : CUBLASLT_EPILOGUE_DEFAULT;
  }
}

/// The library's descriptions of one product, alive while they are used.
class Description {
 public:
  Description(const Matmul& args, const Matrix& a, const Matrix& b) {
    const bool is_double = args.y.dtype == f64, tf32 = args.y.dtype == f32 && cuda::allow_tf32();
    const cublasComputeType_t compute = is_double ? CUBLAS_COMPUTE_64F
                                        : tf32    ? CUBLAS_COMPUTE_32F_FAST_TF32
                                                  : CUBLAS_COMPUTE_32F;
    cublasLtMatmulDesc_t made = nullptr;
    check(cublaslt()->MatmulDescCreate(&made, compute, is_double ? CUDA_R_64F : CUDA_R_32F),
          "cublasLtMatmulDescCreate");
    operation.reset(made);
    set(CUBLASLT_MATMUL_DESC_TRANSA, b.transposed ? CUBLAS_OP_T : CUBLAS_OP_N);
    set(CUBLASLT_MATMUL_DESC_TRANSB, a.transposed ? CUBLAS_OP_T : CUBLAS_OP_N);
    set(CUBLASLT_MATMUL_DESC_EPILOGUE, epilogue_of(args));
    if (args.bias.defined()) set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, args.bias.data);
    const std::int64_t m = args.y.size(args.y.rank() - 2), n = args.y.size(args.y.rank() - 1);
    std::int64_t batches = 1;
    for (int axis = 0; axis < args.y.rank() - 2; ++axis) batches *= args.y.size(axis);
    first = layout(args.y.dtype, b, batches);
    second = layout(args.y.dtype, a, batches);
    result = layout(args.y.dtype, {n, m, n, m * n, false}, batches);
  }

  Owned<cublasLtMatmulDescOpaque_t> operation;
  OwnedLayout first, second, result;

 private:
  template <class T>
  void set(cublasLtMatmulDescAttributes_t name, const T& value) {
    check(cublaslt()->MatmulDescSetAttribute(operation.get(), name, &value, sizeof value),
          "cublasLtMatmulDescSetAttribute");
  }
  static OwnedLayout layout(DType dtype, const Matrix& matrix, std::int64_t batches) {
    cublasLtMatrixLayout_t handle = nullptr;
    check(cublaslt()->MatrixLayoutCreate(&handle, type_of(dtype), static_cast<std::uint64_t>(matrix.rows),
                                         static_cast<std::uint64_t>(matrix.columns), matrix.ld),
          "cublasLtMatrixLayoutCreate");
    OwnedLayout made(handle);
    const auto count = static_cast<std::int32_t>(batches);
    check(cublaslt()->MatrixLayoutSetAttribute(handle, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, &count,
                                               sizeof count),
          "cublasLtMatrixLayoutSetAttribute");
    check(cublaslt()->MatrixLayoutSetAttribute(handle, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET,
                                               &matrix.batch_stride, sizeof matrix.batch_stride),
          "cublasLtMatrixLayoutSetAttribute");
    return made;
  }
};

Key key_of(const Matmul& args, const Matrix& a, const Matrix& b) {
  const int rank = args.y.rank();
  return {args.y.device.index,
          static_cast<std::int64_t>(args.y.dtype),
          args.y.dtype == f32 && cuda::allow_tf32(),
          static_cast<std::int64_t>(args.activation) * 2 + args.bias.defined(),
          args.y.size(rank - 2),
          args.y.size(rank - 1),
          args.a.size(rank - 1),
          args.y.numel() / (args.y.size(rank - 2) * args.y.size(rank - 1)),
          a.ld,
          b.ld,
          a.batch_stride,
          b.batch_stride,
          a.transposed * 2 + b.transposed,
          alignment_of(args.a.data),
          alignment_of(args.b.data),
          alignment_of(args.y.data)};
}

/// How large a workspace may be and how the operands are aligned.
class Preference {
 public:
  explicit Preference(const Matmul& args) {
    cublasLtMatmulPreference_t made = nullptr;
    check(cublaslt()->MatmulPreferenceCreate(&made), "cublasLtMatmulPreferenceCreate");
    handle.reset(made);
    set(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, most_workspace);
    set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, static_cast<std::uint32_t>(alignment_of(args.b.data)));
    set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, static_cast<std::uint32_t>(alignment_of(args.a.data)));
    set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, static_cast<std::uint32_t>(alignment_of(args.y.data)));
    set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, static_cast<std::uint32_t>(alignment_of(args.y.data)));
  }

  Owned<cublasLtMatmulPreferenceOpaque_t> handle;

 private:
  template <class T>
  void set(cublasLtMatmulPreferenceAttributes_t name, const T& value) {
    check(cublaslt()->MatmulPreferenceSetAttribute(handle.get(), name, &value, sizeof value),
          "cublasLtMatmulPreferenceSetAttribute");
  }
};

/// What the library's heuristics choose, or nothing if it has no algorithm for this product.
std::optional<Choice> ask(const Matmul& args, const Description& description) {
  const Preference preference(args);
  cublasLtMatmulHeuristicResult_t found{};
  int count = 0;
  const cublasStatus_t status = cublaslt()->MatmulAlgoGetHeuristic(
      cuda::cublaslt_handle(args.y.device.index), description.operation.get(), description.first.get(),
      description.second.get(), description.result.get(), description.result.get(), preference.handle.get(),
      1, &found, &count);
  if (status == CUBLAS_STATUS_NOT_SUPPORTED || (status == CUBLAS_STATUS_SUCCESS && count == 0))
    return std::nullopt;
  check(status, "cublasLtMatmulAlgoGetHeuristic");
  return Choice{found.algo, found.workspaceSize};
}

std::optional<Choice> choice_for(const Matmul& args, const Matrix& a, const Matrix& b) {
  static std::mutex& mutex = *new std::mutex;
  static auto& choices = *new std::map<Key, std::optional<Choice>>;
  const Key key = key_of(args, a, b);
  const std::lock_guard lock(mutex);
  const auto known = choices.find(key);
  if (known != choices.end()) return known->second;
  cuda::stream_for(args.y);  // makes the device this thread's
  return choices.emplace(key, ask(args, Description(args, a, b))).first->second;
}

dispatch::Refusal can_run(const Matmul& args) {
  if (!cublaslt()) return "cuBLASLt cannot be opened";
  if (args.y.numel() == 0 || args.a.size(args.a.rank() - 1) == 0) return "is not for empty operands";
  const std::optional<Matrix> a = matrix_of(args.a), b = matrix_of(args.b);
  if (!a || !b) return "takes operands whose rows or columns are adjacent, and batches at one distance";
  if (!choice_for(args, *a, *b)) return "cuBLASLt has no algorithm for this product";
  return dispatch::accepts;
}

void run(const Matmul& args) {
  const cudaStream_t stream = cuda::stream_for(args.y);
  const Matrix a = *matrix_of(args.a), b = *matrix_of(args.b);
  const Choice choice = *choice_for(args, a, b);
  const Description description(args, a, b);
  const cuda::Scratch workspace(choice.workspace, stream);
  const float one = 1, zero = 0;
  const double one_f64 = 1, zero_f64 = 0;
  const bool is_double = args.y.dtype == f64;
  check(cublaslt()->Matmul(cuda::cublaslt_handle(args.y.device.index), description.operation.get(),
                           is_double ? static_cast<const void*>(&one_f64) : &one, args.b.data,
                           description.first.get(), args.a.data, description.second.get(),
                           is_double ? static_cast<const void*>(&zero_f64) : &zero, args.y.data,
                           description.result.get(), args.y.data, description.result.get(), &choice.algorithm,
                           workspace.as<void>(), choice.workspace, stream),
        "cublasLtMatmul");
}

}  // namespace

constinit const dispatch::Kernel<Matmul> matmul_cublas{
    {"cublas", DeviceType::cuda, floating_dtypes}, can_run, run};

}  // namespace fornax::ops
