#pragma once

#include <cstddef>
#include <span>

#include "fornax/tensor/tensor.h"

namespace fornax::io {

/// The memory of a contiguous tensor on the CPU.
inline std::span<std::byte> bytes_of(const Tensor& contiguous) {
  auto* data = static_cast<std::byte*>(static_cast<TensorView>(contiguous).data);
  return {data, static_cast<std::size_t>(contiguous.numel()) * size_of(contiguous.dtype())};
}

}  // namespace fornax::io
