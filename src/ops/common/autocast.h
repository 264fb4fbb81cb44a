#pragma once

#include <initializer_list>
#include <span>
#include <string_view>

#include "fornax/dispatch/autocast.h"
#include "fornax/tensor/tensor.h"

namespace fornax::ops {

/// Casts the tensors as the autocast list of `op` wants it. True if one was cast.
bool autocast_slow(std::string_view op, std::span<Tensor* const> tensors);

inline bool autocast(std::string_view op, std::span<Tensor* const> tensors) {
  return amp::autocast_enabled() && autocast_slow(op, tensors);
}
inline bool autocast(std::string_view op, std::initializer_list<Tensor*> tensors) {
  return autocast(op, std::span(tensors.begin(), tensors.size()));
}

}  // namespace fornax::ops
