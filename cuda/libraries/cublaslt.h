#pragma once

#include <cublasLt.h>

/// cuBLASLt behind a table of function pointers, filled at first use: a program starts where the library is
/// missing, and starts fast where it is there (linked directly it would be mapped, 100 MB, at every start).
namespace fornax::cuda {

#define FORNAX_CUBLASLT_FUNCTIONS(X) \
  X(Create)                          \
  X(GetStatusString)                 \
  X(MatmulDescCreate)                \
  X(MatmulDescDestroy)               \
  X(MatmulDescSetAttribute)          \
  X(MatrixLayoutCreate)              \
  X(MatrixLayoutDestroy)             \
  X(MatrixLayoutSetAttribute)        \
  X(MatmulPreferenceCreate)          \
  X(MatmulPreferenceDestroy)         \
  X(MatmulPreferenceSetAttribute)    \
  X(MatmulAlgoGetHeuristic)          \
  X(Matmul)

struct CublasLt {
#define FORNAX_MEMBER(name) decltype(&cublasLt##name) name = nullptr;
  FORNAX_CUBLASLT_FUNCTIONS(FORNAX_MEMBER)
#undef FORNAX_MEMBER
};

/// Null where the library cannot be opened.
const CublasLt* cublaslt();
/// Throws CudaError that names the call, DeviceLost where that is why, unless `status` is success.
void check(cublasStatus_t status, const char* call);
/// The handle of this thread's current device `device`; made once and never destroyed. All threads may use
/// it.
cublasLtHandle_t cublaslt_handle(int device);

}  // namespace fornax::cuda
