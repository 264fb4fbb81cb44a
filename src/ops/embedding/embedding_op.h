#pragma once

#include <array>
#include <string_view>

#include "fornax/dispatch/op.h"

namespace fornax::ops {

/// y[i, :] = weight[indices[i], :]; y [n, D] and indices [n] (i64 or i32) are row-major, weight [V, D] has
/// any strides. On the CPU an index that is not from 0 to V - 1 throws IndexError; a device cannot tell
/// without a wait, so its row of y is NaN.
struct Embedding {
  static constexpr std::string_view op_name = "embedding";
  TensorView y, weight, indices;
  auto operands() const {
    return std::array{dispatch::Operand{"y", &y}, dispatch::Operand{"weight", &weight},
                      dispatch::Operand{"indices", &indices}};
  }
};

/// dweight[v, :] = the sum of dy[i, :] over all i with indices[i] == v, in the order of i; all are row-major.
/// 16-bit types are summed in f32. Indices that are not from 0 to V - 1 add to nothing.
struct EmbeddingGrad {
  static constexpr std::string_view op_name = "embedding_grad";
  TensorView dweight, dy, indices;
  auto operands() const {
    return std::array{dispatch::Operand{"dweight", &dweight}, dispatch::Operand{"dy", &dy},
                      dispatch::Operand{"indices", &indices}};
  }
};

extern const dispatch::Kernel<Embedding> embedding_cpu, embedding_cuda;
extern const dispatch::Row<Embedding> embedding_row;
extern const dispatch::Kernel<EmbeddingGrad> embedding_grad_cpu, embedding_grad_cuda;
extern const dispatch::Row<EmbeddingGrad> embedding_grad_row;

}  // namespace fornax::ops
