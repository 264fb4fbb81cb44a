#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>

#include "fornax/base/dtype.h"
#include "fornax/base/shape.h"
#include "fornax/device/device.h"
#include "fornax/device/storage.h"

namespace fornax {

/// All that a kernel knows of a tensor: plain and trivially copyable. `data` points at the first element.
/// A view with `defined() == false` stands for an optional operand that is absent.
struct TensorView {
  void* data = nullptr;
  /// For dispatch's stream waits; kernels do not look at it.
  Storage* storage = nullptr;
  DType dtype = DType::f32;
  Device device;
  Shape shape;
  Strides strides;

  bool defined() const { return data != nullptr; }
  int rank() const { return shape.rank(); }
  std::int64_t numel() const { return shape.product(); }
  std::int64_t size(int axis) const { return shape[axis]; }
  std::int64_t stride(int axis) const { return strides[axis]; }
  bool has_format(MemoryFormat format) const { return fornax::has_format(shape, strides, format); }
  bool is_contiguous() const { return has_format(MemoryFormat::contiguous); }
  bool is_channels_last() const { return has_format(MemoryFormat::channels_last); }

  template <class T>
  T* ptr() const {
    return static_cast<T*>(data);
  }
};
static_assert(std::is_trivially_copyable_v<TensorView>);

/// "f32[8,64,56,56]@cpu", with the format or strides when they are not row-major:
/// "f32[2,3,4,4]channels_last@cpu".
FORNAX_API std::string to_string(const TensorView& view);

}  // namespace fornax
