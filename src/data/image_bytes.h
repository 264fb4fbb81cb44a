#pragma once

#include <cstdint>

#include "fornax/tensor/tensor.h"

/// What the functions of fornax/data/image_ops.h share.
namespace fornax::data {

/// An image of bytes, row-major.
struct ImageBytes {
  /// Throws ShapeError, DTypeError or DeviceError naming `op` unless x is u8 [1 or 3, height, width] on the
  /// CPU.
  ImageBytes(const Tensor& x, const char* op);

  Tensor tensor;
  const std::uint8_t* data;
  std::int64_t channels, height, width, area;
};

/// A value to a byte as PyTorch casts it: fractions are cut off. `value` is clamped before.
inline std::uint8_t to_byte(float value) {
  return static_cast<std::uint8_t>(value < 0 ? 0.f : value > 255 ? 255.f : value);
}

/// Each value by a table of 256.
template <class F>
Tensor mapped(const ImageBytes& image, F&& f) {
  std::uint8_t table[256];
  for (int value = 0; value < 256; ++value) table[value] = f(value);
  Tensor y = empty(image.tensor.shape(), {.dtype = u8});
  auto* out = y.data<std::uint8_t>();
  for (std::int64_t i = 0; i < y.numel(); ++i) out[i] = table[image.data[i]];
  return y;
}

}  // namespace fornax::data
