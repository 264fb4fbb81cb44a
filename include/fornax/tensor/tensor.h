#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fornax/base/dtype.h"
#include "fornax/base/export.h"
#include "fornax/base/ref.h"
#include "fornax/base/scalar.h"
#include "fornax/base/shape.h"
#include "fornax/device/device.h"
#include "fornax/device/storage.h"
#include "fornax/dispatch/tensor_view.h"

namespace fornax {

/// What autograd hangs on a tensor: the node that made it, or the leaf that collects its gradient. The tensor
/// only owns it.
class GradMeta : public RefCounted {
 public:
  /// The last reference is gone.
  virtual void dispose() noexcept = 0;

 protected:
  ~GradMeta() = default;
};
inline void destroy(GradMeta* meta) noexcept { meta->dispose(); }

/// How a new tensor is made: `zeros({2, 3}, {.dtype = f64, .device = Device::cuda(0)})`.
struct TensorOptions {
  DType dtype = DType::f32;
  Device device = {};
  MemoryFormat format = MemoryFormat::contiguous;
  /// On the CPU: page-locked memory, from and to which a device copies while the host goes on. Plain memory
  /// where no device works.
  bool pinned = false;
};

class Tensor;
/// `axis` of x counted from the front: -1 is the last. Throws IndexError naming `op` and x, ValueError if x
/// is undefined.
FORNAX_API int normalize_axis(std::int64_t axis, const Tensor& x, std::string_view op);

/// A handle to an n-dimensional array of one dtype on one device. Copies of a handle are the same tensor;
/// views are other tensors on the same memory. A default-constructed tensor is undefined (`defined()` is
/// false) and stands for an absent optional operand.
///
/// Threads: different tensors may be used from different threads at once; writing one needs external order.
class FORNAX_API Tensor {
 public:
  Tensor() = default;

  // --- what it is
  bool defined() const noexcept { return static_cast<bool>(impl_); }
  const Shape& shape() const { return impl().view.shape; }
  const Strides& strides() const { return impl().view.strides; }
  int rank() const { return shape().rank(); }
  /// Size of `axis`; -1 is the last. Throws IndexError.
  std::int64_t size(std::int64_t axis) const { return shape()[normalize_axis(axis, *this, "size")]; }
  std::int64_t numel() const { return shape().product(); }
  DType dtype() const { return impl().view.dtype; }
  Device device() const { return impl().view.device; }
  bool is_contiguous(MemoryFormat format = MemoryFormat::contiguous) const {
    return impl().view.has_format(format);
  }
  /// channels_last if it is that and not also row-major, else contiguous: the format that new results take
  /// over.
  MemoryFormat suggested_format() const;
  /// True if a view op made this from another tensor. What detach() gives is none: it has no part in the
  /// history of its memory.
  bool is_view() const { return impl().is_view; }
  /// Counts in-place writes to the memory, whichever view they went through.
  std::uint32_t version() const { return impl().storage->version(); }
  const Ref<Storage>& storage() const { return impl().storage; }
  /// What kernels see; an undefined tensor gives an undefined view.
  operator TensorView() const { return impl_ ? impl_->view : TensorView{}; }
  /// True if both are the same tensor (not: equal values).
  bool is(const Tensor& other) const { return impl_ == other.impl_; }

  // --- values on the host
  /// Pointer to the first element. CPU only; T must be the dtype's type. Throws DeviceError, DTypeError.
  template <class T>
  T* data() const {
    return static_cast<T*>(checked_data(dtype_of<T>));
  }
  /// The only element, cast to T. Throws ShapeError unless numel() is 1. Waits for the device.
  template <class T = double>
  T item() const {
    return item_scalar().template to<T>();
  }
  /// All elements in row-major order of the logical shape; T must be the dtype's type. Waits for the device.
  template <class T>
  std::vector<T> to_vector() const {
    std::vector<std::conditional_t<std::is_same_v<T, bool>, char, T>> values(
        static_cast<std::size_t>(numel()));
    copy_to_host(values.data(), values.size(), dtype_of<T>, "to_vector");
    return {values.begin(), values.end()};
  }
  /// Writes all elements to memory of the caller, in row-major order of the logical shape; T must be the
  /// dtype's type. From the CPU: without allocating. Throws DTypeError, ShapeError unless `out` has numel()
  /// elements. Waits for the device.
  template <class T>
  void copy_to(std::span<T> out) const {
    copy_to_host(out.data(), out.size(), dtype_of<T>, "copy_to");
  }

  // --- autograd (defined in src/autograd)
  bool requires_grad() const;
  /// For leaves: whether backward() is to leave a gradient here. Throws AutogradError on an interior tensor,
  /// DTypeError on one that is not floating.
  Tensor& set_requires_grad(bool requires_grad = true);
  /// True if no recorded op made it.
  bool is_leaf() const;
  /// The gradient that backward() accumulated; undefined if there is none.
  Tensor grad() const;
  void set_grad(Tensor grad);
  /// Lets an interior tensor keep its gradient too.
  void retain_grad();
  /// Differentiates this tensor with respect to all leaves and adds to their grad(). `gradient` (same shape,
  /// default one) may be left out for a tensor of one element. Frees the graph unless `retain_graph`. A hook
  /// may call it again; two threads must not call it at once on graphs with a leaf in common. Does not wait
  /// for the device. Throws AutogradError.
  void backward(const Tensor& gradient = {}, bool retain_graph = false) const;
  /// `hook` sees the gradient of this tensor during backward and may return another one (undefined: no
  /// change). Returns an id for remove_hook.
  int register_hook(std::function<Tensor(const Tensor&)> hook);
  /// `hook` runs when a leaf's grad() is complete for this backward.
  int register_grad_ready_hook(std::function<void(const Tensor& leaf_grad)> hook);
  /// A hook that runs may remove itself.
  void remove_hook(int id);
  /// The same memory without history: writing it in place is not seen by the gradients of this tensor (but
  /// by the check of what backward saved).
  Tensor detach() const;
  /// Makes this tensor, under all its handles, one of `source`'s memory, device, dtype and strides; it stays
  /// the same leaf: requires_grad and hooks are kept, and grad() goes along. How Module::to moves parameters
  /// that an optimizer holds. Not between a forward and its backward. Throws AutogradError unless this is a
  /// leaf, ShapeError if the shapes differ, DTypeError where a gradient is wanted and `source` is not
  /// floating.
  Tensor& set_data(const Tensor& source);

  // --- views: share memory, differentiable (defined in src/ops/view)
  /// Another shape over the same elements; one size may be -1. Throws ShapeError if the strides do not allow
  /// it.
  Tensor view(Shape shape) const;
  /// view() where possible, else a copy.
  Tensor reshape(Shape shape) const;
  /// Merges axes start..end (inclusive) into one; a copy only where strides do not allow a view.
  Tensor flatten(int start = 0, int end = -1) const;
  Tensor permute(const Dims& axes) const;
  Tensor transpose(int axis0, int axis1) const;
  /// transpose(-2, -1)
  Tensor mT() const { return transpose(-2, -1); }
  /// `length` indices of `axis` from `start`.
  Tensor narrow(int axis, std::int64_t start, std::int64_t length) const;
  /// Every `step`th index of [start, end) of `axis`; negative bounds count from the end and are clamped, as
  /// Python's.
  Tensor slice(int axis, std::int64_t start, std::int64_t end, std::int64_t step = 1) const;
  /// One index of `axis`, which goes away.
  Tensor select(int axis, std::int64_t index) const;
  /// select(0, index)
  Tensor operator[](std::int64_t index) const { return select(0, index); }
  /// Repeats axes of size 1 without copying; -1 keeps a size.
  Tensor expand(Shape shape) const;
  /// Without all axes of size 1.
  Tensor squeeze() const;
  /// Without this axis. Throws ShapeError unless its size is 1.
  Tensor squeeze(int axis) const;
  Tensor unsqueeze(int axis) const;

  // --- copies and casts (differentiable; defined in src/ops/copy)
  /// This tensor if it has the dtype already.
  Tensor to(DType dtype) const;
  /// This tensor if it is there already. To the CPU: waits for the device.
  Tensor to(Device device) const;
  /// This tensor if it has the format already.
  Tensor to(MemoryFormat format) const;
  Tensor contiguous(MemoryFormat format = MemoryFormat::contiguous) const { return to(format); }
  /// A dense copy in the same format.
  Tensor clone() const;

  // --- in place: bump the version; return *this (defined in src/ops)
  /// Copies `source` (broadcast, cast) into this. Differentiable.
  Tensor& copy_(const Tensor& source);
  /// Throws DTypeError if the dtype does not hold `value` (3.7 or NaN in an integer one).
  Tensor& fill_(Scalar value);
  Tensor& zero_() { return fill_(0); }
  /// this += alpha * other
  Tensor& add_(const Tensor& other, Scalar alpha = 1);
  Tensor& sub_(const Tensor& other);
  Tensor& mul_(const Tensor& other);
  Tensor& div_(const Tensor& other);
  Tensor& add_(Scalar value);
  Tensor& sub_(Scalar value);
  Tensor& mul_(Scalar value);
  Tensor& div_(Scalar value);
  /// As relu() and clamp() of fornax/ops/elementwise.h.
  Tensor& relu_();
  Tensor& clamp_(std::optional<Scalar> low, std::optional<Scalar> high = {});
  Tensor& operator+=(const Tensor& other) { return add_(other); }
  Tensor& operator-=(const Tensor& other) { return sub_(other); }
  Tensor& operator*=(const Tensor& other) { return mul_(other); }
  Tensor& operator/=(const Tensor& other) { return div_(other); }
  Tensor& operator+=(Scalar value) { return add_(value); }
  Tensor& operator-=(Scalar value) { return sub_(value); }
  Tensor& operator*=(Scalar value) { return mul_(value); }
  Tensor& operator/=(Scalar value) { return div_(value); }

  // --- for ops and autograd
  /// A tensor on `storage` whose first element is `offset` bytes in, without history. No checks.
  static Tensor from_storage(Ref<Storage> storage, std::size_t offset, DType dtype, const Shape& shape,
                             const Strides& strides);
  /// Another tensor on this memory, `offset` elements further on, without history, marked as a view. No
  /// checks.
  Tensor alias(const Shape& shape, const Strides& strides, std::int64_t offset = 0) const;
  void bump_version() const { impl().storage->bump_version(); }
  GradMeta* grad_meta() const { return impl_ ? impl_->meta.get() : nullptr; }
  void set_grad_meta(Ref<GradMeta> meta) const { impl().meta = std::move(meta); }
  /// True if nobody else holds this tensor or its memory, so that it may be overwritten.
  bool is_sole_owner() const { return impl_->use_count() == 1 && impl_->storage->use_count() == 1; }
  /// For a view with history: the version of the memory at which that history is true.
  std::uint32_t view_version() const { return impl().view_version; }
  /// True for a view from before the last recorded write to its memory, which it has no history of.
  bool misses_history() const {
    return impl_ && impl_->is_view && impl_->view_version < impl_->storage->recorded_version();
  }

 private:
  struct Impl : RefCounted {
    TensorView view;
    Ref<Storage> storage;
    Ref<GradMeta> meta;
    std::uint32_t view_version = 0;
    bool is_view = false;
  };
  friend void destroy(Impl* impl) noexcept { delete impl; }
  Impl& impl() const {
    if (!impl_) fail_undefined();
    return *impl_;
  }
  [[noreturn]] static void fail_undefined();
  void* checked_data(DType expected) const;
  Scalar item_scalar() const;
  void copy_to_host(void* out, std::size_t count, DType expected, std::string_view op) const;

  Ref<Impl> impl_;
};

/// Uninitialised. Throws ShapeError on a negative size, OutOfMemory.
FORNAX_API Tensor empty(const Shape& shape, const TensorOptions& options = {});
/// Uninitialised, with the shape, device and format of `like`, and its dtype unless another is given.
FORNAX_API Tensor empty_like(const Tensor& like, std::optional<DType> dtype = {});
/// A copy of host values in row-major order. Throws ShapeError if there are not shape.product() of them.
template <class T>
Tensor from_span(std::span<const T> values, const Shape& shape, Device device = {});
/// `tensor<float>({1, 2, 3, 4}, {2, 2})`
template <class T>
Tensor tensor(std::initializer_list<T> values, const Shape& shape, Device device = {}) {
  return from_span<T>(std::span<const T>(values.begin(), values.size()), shape, device);
}
/// A one-dimensional tensor of the values.
template <class T>
Tensor tensor(std::initializer_list<T> values) {
  return tensor<T>(values, {static_cast<std::int64_t>(values.size())});
}
/// A tensor on the caller's own host memory, row-major, without a copy; `release` runs when the last view is
/// gone.
template <class T>
Tensor from_blob(T* data, const Shape& shape, std::function<void()> release = {});

/// "f32[2,3]@cpu" as messages show a tensor.
inline std::string describe(const Tensor& tensor) { return to_string(static_cast<TensorView>(tensor)); }

namespace detail {
FORNAX_API Tensor from_host(const void* values, std::size_t count, DType dtype, const Shape& shape,
                            Device device);
FORNAX_API Tensor borrow_host(void* data, DType dtype, const Shape& shape, std::function<void()> release);
}  // namespace detail

template <class T>
Tensor from_span(std::span<const T> values, const Shape& shape, Device device) {
  return detail::from_host(values.data(), values.size(), dtype_of<T>, shape, device);
}

template <class T>
Tensor from_blob(T* data, const Shape& shape, std::function<void()> release) {
  return detail::borrow_host(data, dtype_of<T>, shape, std::move(release));
}

}  // namespace fornax
