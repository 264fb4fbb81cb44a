#pragma once

#include <cstddef>
#include <cstring>
#include <functional>
#include <span>
#include <vector>

#include "fornax/tensor/tensor.h"

namespace fornax {

namespace detail {
/// True if this thread's work on the device's current stream is captured.
FORNAX_API bool is_captured(Device device);
FORNAX_API Tensor replayed(DType dtype, const std::vector<std::byte>& first,
                           std::function<void(std::byte*)> next);
}  // namespace detail

/// For numbers that a kernel would take by value and that change from step to step. Where this thread's work
/// on `device` is captured (cuda::CudaGraph), a tensor of rank 1 in its memory that holds `first` in the
/// first run of the captured work and what `next` writes to its argument in each later one; elsewhere an
/// undefined tensor: the kernel takes `first` by value then. `next` runs on the host, once before each run of
/// the whole work, and must outlive the graph with all it refers to; what it throws comes out of
/// CudaGraph::run. Does not wait for the device.
template <class T>
Tensor replayed(Device device, std::span<const T> first, std::function<void(std::span<T>)> next) {
  if (!detail::is_captured(device)) return {};
  std::vector<std::byte> bytes(first.size_bytes());
  std::memcpy(bytes.data(), first.data(), bytes.size());
  const std::size_t count = first.size();
  return detail::replayed(dtype_of<T>, bytes, [next = std::move(next), count](std::byte* to) {
    std::vector<T> values(count);
    next(values);
    std::memcpy(to, values.data(), count * sizeof(T));
  });
}

}  // namespace fornax
