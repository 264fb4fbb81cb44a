#include "fornax/tensor/tensor.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/dense_numel.h"
#include "fornax/base/error.h"
#include "fornax/device/backend.h"
#include "tensor/host_elements.h"

namespace fornax {
namespace {

/// Bytes of a dense tensor. Throws ShapeError on a negative size or one that no memory can hold.
std::size_t dense_bytes(const Shape& shape, DType dtype) {
  const auto numel = dense_numel(shape);
  if (!numel) {
    const bool negative = std::ranges::any_of(shape, [](std::int64_t size) { return size < 0; });
    throw ShapeError("empty", fmt::format("expected {}, got {}",
                                          negative ? "sizes of 0 or more" : "a shape that fits in memory",
                                          to_string(shape)));
  }
  return static_cast<std::size_t>(*numel) * size_of(dtype);
}

}  // namespace

void Tensor::fail_undefined() { throw ValueError("tensor", "expected a tensor, got an undefined one"); }

int normalize_axis(std::int64_t axis, const Tensor& x, std::string_view op) {
  if (!x.defined()) throw ValueError(op, "expected a tensor as x, got an undefined one");
  return normalize_axis(axis, x.rank(), op, [&] { return "x=" + describe(x); });
}

Tensor Tensor::from_storage(Ref<Storage> storage, std::size_t offset, DType dtype, const Shape& shape,
                            const Strides& strides) {
  Tensor tensor;
  tensor.impl_ = Ref<Impl>::first(new Impl);
  Impl& impl = *tensor.impl_;
  impl.view.data = static_cast<std::byte*>(storage->data()) + offset;
  impl.view.storage = storage.get();
  impl.view.dtype = dtype;
  impl.view.device = storage->device();
  impl.view.shape = shape;
  impl.view.strides = strides;
  impl.storage = std::move(storage);
  return tensor;
}

Tensor Tensor::alias(const Shape& shape, const Strides& strides, std::int64_t offset) const {
  const TensorView& base = impl().view;
  const auto start =
      static_cast<const std::byte*>(base.data) - static_cast<const std::byte*>(impl().storage->data());
  const std::int64_t bytes = start + offset * static_cast<std::int64_t>(size_of(base.dtype));
  Tensor view = from_storage(impl().storage, static_cast<std::size_t>(bytes), base.dtype, shape, strides);
  view.impl_->is_view = true;
  view.impl_->view_version = version();
  return view;
}

MemoryFormat Tensor::suggested_format() const {
  return !is_contiguous() && is_contiguous(MemoryFormat::channels_last) ? MemoryFormat::channels_last
                                                                        : MemoryFormat::contiguous;
}

void* Tensor::checked_data(DType expected) const {
  const TensorView& view = impl().view;
  if (!view.device.is_cpu())
    throw DeviceError("data", "expected a tensor on the CPU, got " + to_string(view));
  if (view.dtype != expected)
    throw DTypeError("data", fmt::format("expected {}, got {}", name_of(expected), to_string(view)));
  return view.data;
}

Scalar Tensor::item_scalar() const {
  if (numel() != 1) throw ShapeError("item", "expected one element, got " + to_string(impl().view));
  const Tensor host = host_elements(*this);
  return visit_dtype(dtype(), [&]<class T>(std::type_identity<T>) -> Scalar {
    const T value = *host.impl().view.ptr<const T>();
    if constexpr (std::is_integral_v<T>)
      return Scalar(value);
    else
      return Scalar(static_cast<double>(value));
  });
}

void Tensor::copy_to_host(void* out, std::size_t count, DType expected, std::string_view op) const {
  if (dtype() != expected)
    throw DTypeError(op, fmt::format("expected {}, got {}", name_of(expected), to_string(impl().view)));
  if (static_cast<std::int64_t>(count) != numel())
    throw ShapeError(op, fmt::format("expected room for {} elements, got {}; x={}", numel(), count,
                                     to_string(impl().view)));
  const Tensor host = host_elements(*this);
  if (is_contiguous()) {
    if (count > 0) std::memcpy(out, host.impl().view.data, count * size_of(expected));
    return;
  }
  std::size_t i = 0;
  visit_dtype(dtype(), [&]<class T>(std::type_identity<T>) {
    for_each_element<T>(host, [&](T value) { static_cast<T*>(out)[i++] = value; });
  });
}

Tensor host_elements(const Tensor& tensor) {
  if (tensor.device().is_cpu()) return tensor;
  // The smallest block that holds all elements, so that any stride pattern travels in one copy.
  std::int64_t extent = tensor.numel() == 0 ? 0 : 1;
  for (int i = 0; i < tensor.rank() && extent > 0; ++i)
    extent += (tensor.shape()[i] - 1) * tensor.strides()[i];
  const std::size_t bytes = static_cast<std::size_t>(extent) * size_of(tensor.dtype());
  Ref<Storage> storage = Storage::allocate(bytes, Device::cpu());
  const Stream stream = current_stream(tensor.device());
  tensor.storage()->ready_for(stream);
  backend_of(tensor.device().type).copy(storage->data(), static_cast<TensorView>(tensor).data, bytes, stream);
  stream.synchronize();
  return Tensor::from_storage(std::move(storage), 0, tensor.dtype(), tensor.shape(), tensor.strides());
}

Tensor empty(const Shape& shape, const TensorOptions& options) {
  const std::size_t bytes = dense_bytes(shape, options.dtype);
  const Strides strides = strides_of(shape, options.format);
  if (options.pinned && !options.device.is_cpu())
    throw DeviceError("empty", "expected page-locked memory on the CPU, got " + to_string(options.device));
  Ref<Storage> storage =
      options.pinned ? Storage::allocate_pinned(bytes) : Storage::allocate(bytes, options.device);
  return Tensor::from_storage(std::move(storage), 0, options.dtype, shape, strides);
}

Tensor empty_like(const Tensor& like, std::optional<DType> dtype) {
  return empty(
      like.shape(),
      {.dtype = dtype.value_or(like.dtype()), .device = like.device(), .format = like.suggested_format()});
}

namespace detail {

Tensor from_host(const void* values, std::size_t count, DType dtype, const Shape& shape, Device device) {
  Tensor out = empty(shape, {.dtype = dtype, .device = device});
  if (static_cast<std::int64_t>(count) != out.numel()) {
    throw ShapeError("from_span",
                     fmt::format("expected {} values for {}, got {}", out.numel(), to_string(shape), count));
  }
  if (count > 0)
    backend_of(device.type)
        .copy(out.storage()->data(), values, count * size_of(dtype), current_stream(device));
  return out;
}

Tensor borrow_host(void* data, DType dtype, const Shape& shape, std::function<void()> release) {
  Ref<Storage> storage = Storage::borrow(data, dense_bytes(shape, dtype), std::move(release));
  return Tensor::from_storage(std::move(storage), 0, dtype, shape, strides_of(shape));
}

}  // namespace detail
}  // namespace fornax
