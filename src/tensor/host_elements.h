#pragma once

#include "fornax/tensor/tensor.h"

namespace fornax {

/// The tensor's elements in host memory with the same shape and strides: itself on the CPU, else a copy.
/// Waits for the device.
Tensor host_elements(const Tensor& tensor);

/// Calls `f(T)` on each element of a CPU tensor in row-major order of its logical shape.
template <class T, class F>
void for_each_element(const TensorView& view, F&& f) {
  const std::int64_t count = view.numel();
  Dims index = Dims::filled(view.rank(), 0);
  const T* at = view.ptr<const T>();
  for (std::int64_t i = 0; i < count; ++i) {
    f(*at);
    for (int axis = view.rank() - 1; axis >= 0; --axis) {
      at += view.strides[axis];
      if (++index[axis] < view.shape[axis]) break;
      at -= view.strides[axis] * view.shape[axis];
      index[axis] = 0;
    }
  }
}

}  // namespace fornax
