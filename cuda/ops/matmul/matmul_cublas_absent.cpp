// Stands in for matmul_cublas.cpp where cublasLt.h was not there when the library was built.
#include "ops/matmul/matmul_op.h"

namespace fornax::ops {

constinit const dispatch::Kernel<Matmul> matmul_cublas{
    {"cublas", DeviceType::cuda, {}},
    [](const Matmul&) -> dispatch::Refusal { return "this build has no cuBLAS"; },
    [](const Matmul&) {}};

}  // namespace fornax::ops
