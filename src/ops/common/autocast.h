#pragma once

#include <initializer_list>
#include <string_view>

#include "fornax/dispatch/autocast.h"
#include "fornax/tensor/tensor.h"

namespace fornax::ops {

/// Casts the tensors as the autocast list of `op` wants it. True if one was cast.
bool autocast_slow(std::string_view op, std::initializer_list<Tensor*> tensors);

inline bool autocast(std::string_view op, std::initializer_list<Tensor*> tensors) {
  return amp::autocast_enabled() && autocast_slow(op, tensors);
}

}  // namespace fornax::ops
