// The stand-in for cuBLASLt on the simulated device: NVIDIA's own types, strict about what the documentation
// lists as supported, arithmetic by Eigen. It declares exactly the bytes that it touches.
#include "libraries/cublaslt.h"

#include <Eigen/Core>
#include <cmath>
#include <cstring>
#include <type_traits>

#include "fornax/base/dtype.h"
#include "sim/census.h"
#include "sim/libraries/failing.h"
#include "sim/simulator.h"

namespace fornax::cuda {
namespace {

// What the handles point at: the library's own types are never looked into.
struct MatrixLayout {
  cudaDataType_t type;
  std::int64_t rows, columns, ld, batch_stride;
  std::int32_t batches;
};
struct MatmulDescription {
  cublasComputeType_t compute;
  cudaDataType_t scale;
  std::int32_t transpose_a, transpose_b;
  std::uint32_t epilogue;
  const void* bias;
};
struct MatmulPreference {
  std::size_t workspace;
};
template <class Content, class Opaque>
Content& content(Opaque* handle) {
  return *reinterpret_cast<Content*>(handle);
}
template <class Content, class Opaque>
cublasStatus_t make(Opaque** handle, Content content) {
  *handle = reinterpret_cast<Opaque*>(new Content(content));
  sim::count_library_object(1);
  return CUBLAS_STATUS_SUCCESS;
}
template <class Content, class Opaque>
cublasStatus_t destroy(Opaque* handle) {
  if (handle) sim::count_library_object(-1);
  delete reinterpret_cast<Content*>(handle);
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t create(cublasLtHandle_t* handle) {
  static int context = 0;
  *handle = reinterpret_cast<cublasLtHandle_t>(&context);
  return CUBLAS_STATUS_SUCCESS;
}

const char* status_string(cublasStatus_t status) {
  switch (status) {
    case CUBLAS_STATUS_NOT_SUPPORTED: return "CUBLAS_STATUS_NOT_SUPPORTED";
    case CUBLAS_STATUS_EXECUTION_FAILED: return "CUBLAS_STATUS_EXECUTION_FAILED";
    case CUBLAS_STATUS_INTERNAL_ERROR: return "CUBLAS_STATUS_INTERNAL_ERROR";
    default: return "CUBLAS_STATUS_INVALID_VALUE";
  }
}

cublasStatus_t desc_create(cublasLtMatmulDesc_t* handle, cublasComputeType_t compute, cudaDataType_t scale) {
  return make(handle, MatmulDescription{compute, scale, CUBLAS_OP_N, CUBLAS_OP_N, CUBLASLT_EPILOGUE_DEFAULT,
                                        nullptr});
}

/// Copies an attribute if its size is the member's.
template <class Member>
cublasStatus_t assign(Member& member, const void* value, std::size_t bytes) {
  if (bytes != sizeof member) return CUBLAS_STATUS_INVALID_VALUE;
  std::memcpy(&member, value, bytes);
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t desc_set(cublasLtMatmulDesc_t handle, cublasLtMatmulDescAttributes_t name, const void* value,
                        std::size_t bytes) {
  auto& desc = content<MatmulDescription>(handle);
  switch (name) {
    case CUBLASLT_MATMUL_DESC_TRANSA: return assign(desc.transpose_a, value, bytes);
    case CUBLASLT_MATMUL_DESC_TRANSB: return assign(desc.transpose_b, value, bytes);
    case CUBLASLT_MATMUL_DESC_EPILOGUE: return assign(desc.epilogue, value, bytes);
    case CUBLASLT_MATMUL_DESC_BIAS_POINTER: return assign(desc.bias, value, bytes);
    default: return CUBLAS_STATUS_NOT_SUPPORTED;
  }
}

cublasStatus_t layout_create(cublasLtMatrixLayout_t* handle, cudaDataType_t type, std::uint64_t rows,
                             std::uint64_t columns, std::int64_t ld) {
  return make(handle, MatrixLayout{type, static_cast<std::int64_t>(rows), static_cast<std::int64_t>(columns),
                                   ld, 0, 1});
}

cublasStatus_t layout_set(cublasLtMatrixLayout_t handle, cublasLtMatrixLayoutAttribute_t name,
                          const void* value, std::size_t bytes) {
  auto& layout = content<MatrixLayout>(handle);
  switch (name) {
    case CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT: return assign(layout.batches, value, bytes);
    case CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET: return assign(layout.batch_stride, value, bytes);
    default: return CUBLAS_STATUS_NOT_SUPPORTED;
  }
}

cublasStatus_t preference_create(cublasLtMatmulPreference_t* handle) {
  return make(handle, MatmulPreference{});
}

cublasStatus_t preference_set(cublasLtMatmulPreference_t handle, cublasLtMatmulPreferenceAttributes_t name,
                              const void* value, std::size_t bytes) {
  if (name == CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES)
    return assign(content<MatmulPreference>(handle).workspace, value, bytes);
  return bytes == sizeof(std::uint32_t) ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_INVALID_VALUE;
}

std::size_t bytes_of(cudaDataType_t type) { return type == CUDA_R_64F ? 8 : type == CUDA_R_32F ? 4 : 2; }

/// The documented table: all operands of one type; f64 computes in f64 and has no epilogue, the others in
/// f32.
bool is_supported(const MatmulDescription& desc, cudaDataType_t type) {
  if (type == CUDA_R_64F)
    return desc.compute == CUBLAS_COMPUTE_64F && desc.scale == CUDA_R_64F &&
           desc.epilogue == CUBLASLT_EPILOGUE_DEFAULT;
  const bool tf32 = desc.compute == CUBLAS_COMPUTE_32F_FAST_TF32 && type == CUDA_R_32F;
  const bool known = type == CUDA_R_32F || type == CUDA_R_16F || type == CUDA_R_16BF;
  return known && (desc.compute == CUBLAS_COMPUTE_32F || tf32) && desc.scale == CUDA_R_32F;
}

bool fits(const MatrixLayout& stored, std::int32_t transposed, std::int64_t rows, std::int64_t columns) {
  const bool swapped = transposed != CUBLAS_OP_N;
  return stored.rows == (swapped ? columns : rows) && stored.columns == (swapped ? rows : columns) &&
         stored.ld >= stored.rows;
}

cublasStatus_t judge(const MatmulDescription& desc, const MatrixLayout& a, const MatrixLayout& b,
                     const MatrixLayout& d) {
  const std::int64_t inner = desc.transpose_a == CUBLAS_OP_N ? a.columns : a.rows;
  if (!fits(a, desc.transpose_a, d.rows, inner) || !fits(b, desc.transpose_b, inner, d.columns) ||
      d.ld < d.rows)
    return CUBLAS_STATUS_INVALID_VALUE;
  if (a.batches != d.batches || b.batches != d.batches) return CUBLAS_STATUS_INVALID_VALUE;
  if (a.type != d.type || b.type != d.type || !is_supported(desc, d.type)) return CUBLAS_STATUS_NOT_SUPPORTED;
  return CUBLAS_STATUS_SUCCESS;
}

/// Bytes of workspace that the stand-in's only algorithm asks for, so that a missing workspace shows.
constexpr std::size_t workspace_bytes = 512;

cublasStatus_t heuristic(cublasLtHandle_t, cublasLtMatmulDesc_t desc, cublasLtMatrixLayout_t a,
                         cublasLtMatrixLayout_t b, cublasLtMatrixLayout_t, cublasLtMatrixLayout_t d,
                         cublasLtMatmulPreference_t preference, int wanted,
                         cublasLtMatmulHeuristicResult_t found[], int* count) {
  *count = 0;
  const cublasStatus_t status = judge(content<MatmulDescription>(desc), content<MatrixLayout>(a),
                                      content<MatrixLayout>(b), content<MatrixLayout>(d));
  if (status != CUBLAS_STATUS_SUCCESS) return status;
  if (wanted < 1) return CUBLAS_STATUS_INVALID_VALUE;
  if (content<MatmulPreference>(preference).workspace < workspace_bytes) return CUBLAS_STATUS_NOT_SUPPORTED;
  found[0] = {};
  found[0].workspaceSize = workspace_bytes;
  found[0].state = CUBLAS_STATUS_SUCCESS;
  *count = 1;
  return CUBLAS_STATUS_SUCCESS;
}

/// Calls `f` with an element type's identity.
template <class F>
void with_type(cudaDataType_t type, F&& f) {
  switch (type) {
    case CUDA_R_64F: return f(std::type_identity<double>{});
    case CUDA_R_32F: return f(std::type_identity<float>{});
    case CUDA_R_16F: return f(std::type_identity<Half>{});
    default: return f(std::type_identity<BFloat16>{});
  }
}

template <class T>
using Compute = Eigen::Matrix<accumulate_t<T>, Eigen::Dynamic, Eigen::Dynamic>;

template <class T>
Compute<T> read(const void* data, const MatrixLayout& layout, std::int32_t transposed) {
  Compute<T> matrix(layout.rows, layout.columns);
  for (std::int64_t column = 0; column < layout.columns; ++column) {
    const T* from = static_cast<const T*>(data) + column * layout.ld;
    if (!sim::touch(from, static_cast<std::size_t>(layout.rows) * sizeof(T), sim::Access::read)) continue;
    for (std::int64_t row = 0; row < layout.rows; ++row)
      matrix(row, column) = static_cast<accumulate_t<T>>(from[row]);
  }
  if (transposed != CUBLAS_OP_N) matrix.transposeInPlace();
  return matrix;
}

template <class T>
void multiply(const MatmulDescription& desc, double alpha, const void* a, const MatrixLayout& a_layout,
              const void* b, const MatrixLayout& b_layout, void* d, const MatrixLayout& d_layout) {
  using Real = accumulate_t<T>;
  Compute<T> product = read<T>(a, a_layout, desc.transpose_a) * read<T>(b, b_layout, desc.transpose_b);
  product *= static_cast<Real>(alpha);
  if (desc.epilogue & CUBLASLT_EPILOGUE_BIAS) {
    const T* bias = static_cast<const T*>(desc.bias);
    if (sim::touch(bias, static_cast<std::size_t>(d_layout.rows) * sizeof(T), sim::Access::read))
      for (std::int64_t row = 0; row < d_layout.rows; ++row)
        product.row(row).array() += static_cast<Real>(bias[row]);
  }
  if (desc.epilogue & CUBLASLT_EPILOGUE_RELU) product = product.cwiseMax(Real(0));
  if ((desc.epilogue & CUBLASLT_EPILOGUE_GELU) == CUBLASLT_EPILOGUE_GELU)
    product = product.unaryExpr([](Real x) {
      return Real(0.5) * x * (1 + std::tanh(Real(0.7978845608028654) * (x + Real(0.044715) * x * x * x)));
    });
  for (std::int64_t column = 0; column < d_layout.columns; ++column) {
    T* to = static_cast<T*>(d) + column * d_layout.ld;
    if (!sim::touch(to, static_cast<std::size_t>(d_layout.rows) * sizeof(T), sim::Access::write)) continue;
    for (std::int64_t row = 0; row < d_layout.rows; ++row) to[row] = static_cast<T>(product(row, column));
  }
}

cublasStatus_t matmul(cublasLtHandle_t, cublasLtMatmulDesc_t desc, const void* alpha, const void* a,
                      cublasLtMatrixLayout_t a_handle, const void* b, cublasLtMatrixLayout_t b_handle,
                      const void* beta, const void*, cublasLtMatrixLayout_t, void* d,
                      cublasLtMatrixLayout_t d_handle, const cublasLtMatmulAlgo_t*, void* workspace,
                      std::size_t bytes, cudaStream_t stream) {
  const MatmulDescription description = content<MatmulDescription>(desc);
  const MatrixLayout a_layout = content<MatrixLayout>(a_handle), b_layout = content<MatrixLayout>(b_handle),
                     d_layout = content<MatrixLayout>(d_handle);
  if (const cublasStatus_t status = judge(description, a_layout, b_layout, d_layout);
      status != CUBLAS_STATUS_SUCCESS)
    return status;
  const bool is_double = description.scale == CUDA_R_64F;
  const auto scalar = [&](const void* value) {
    return is_double ? *static_cast<const double*>(value) : double{*static_cast<const float*>(value)};
  };
  if (scalar(beta) != 0 || bytes < workspace_bytes) return CUBLAS_STATUS_NOT_SUPPORTED;
  const double factor = scalar(alpha);
  const auto work = [=] {
    sim::touch(workspace, workspace_bytes, sim::Access::write);
    const auto at = [](const void* data, const MatrixLayout& layout, std::int64_t batch) {
      return static_cast<const std::byte*>(data) +
             batch * layout.batch_stride * static_cast<std::int64_t>(bytes_of(layout.type));
    };
    for (std::int64_t batch = 0; batch < d_layout.batches; ++batch)
      with_type(d_layout.type, [&]<class T>(std::type_identity<T>) {
        multiply<T>(description, factor, at(a, a_layout, batch), a_layout, at(b, b_layout, batch), b_layout,
                    const_cast<std::byte*>(at(d, d_layout, batch)), d_layout);
      });
  };
  return sim::enqueue_host_op("cublasLtMatmul", stream, work) == cudaSuccess ? CUBLAS_STATUS_SUCCESS
                                                                             : CUBLAS_STATUS_EXECUTION_FAILED;
}

template <sim::Name name, auto function>
inline constexpr auto failing = sim::failing<name, function, CUBLAS_STATUS_INTERNAL_ERROR>;

}  // namespace

const CublasLt* cublaslt() {
  static constexpr CublasLt table{
      .Create = failing<"cublasLtCreate", create>,
      .GetStatusString = status_string,
      .MatmulDescCreate = failing<"cublasLtMatmulDescCreate", desc_create>,
      .MatmulDescDestroy = destroy<MatmulDescription>,
      .MatmulDescSetAttribute = failing<"cublasLtMatmulDescSetAttribute", desc_set>,
      .MatrixLayoutCreate = failing<"cublasLtMatrixLayoutCreate", layout_create>,
      .MatrixLayoutDestroy = destroy<MatrixLayout>,
      .MatrixLayoutSetAttribute = failing<"cublasLtMatrixLayoutSetAttribute", layout_set>,
      .MatmulPreferenceCreate = failing<"cublasLtMatmulPreferenceCreate", preference_create>,
      .MatmulPreferenceDestroy = destroy<MatmulPreference>,
      .MatmulPreferenceSetAttribute = failing<"cublasLtMatmulPreferenceSetAttribute", preference_set>,
      .MatmulAlgoGetHeuristic = failing<"cublasLtMatmulAlgoGetHeuristic", heuristic>,
      .Matmul = failing<"cublasLtMatmul", matmul>};
  return &table;
}

}  // namespace fornax::cuda
