#include "ops/common/autocast.h"

namespace fornax::ops {

bool autocast_slow(std::string_view op, std::span<Tensor* const> tensors) {
  const auto casts = [](const Tensor& tensor) {
    return tensor.defined() && is_floating(tensor.dtype()) && tensor.dtype() != f64 &&
           amp::autocast_dtype(tensor.device().type);
  };
  const amp::CastPolicy policy = amp::policy_of(op);
  if (policy == amp::CastPolicy::none) return false;
  // Promotion needs a type of its own only where the operands differ; of bf16, f16 and f32 the common one is
  // f32.
  const Tensor* first = nullptr;
  bool differ = false;
  for (const Tensor* tensor : tensors) {
    if (!casts(*tensor)) continue;
    if (first && first->dtype() != tensor->dtype()) differ = true;
    first = tensor;
  }
  if (!first || (policy == amp::CastPolicy::promote && !differ)) return false;
  const DType target = policy == amp::CastPolicy::lower ? *amp::autocast_dtype(first->device().type) : f32;
  bool cast = false;
  for (Tensor* tensor : tensors) {
    if (!casts(*tensor) || tensor->dtype() == target) continue;
    *tensor = tensor->to(target);
    cast = true;
  }
  return cast;
}

}  // namespace fornax::ops
