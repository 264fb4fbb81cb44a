#include <fmt/core.h>

#include "fornax/autograd/node.h"
#include "fornax/base/error.h"
#include "fornax/device/backend.h"
#include "fornax/tensor/tensor.h"
#include "ops/common/elementwise.h"
#include "ops/common/sum_to.h"
#include "ops/copy/copy_op.h"

namespace fornax {
namespace {

using autograd::Node;

/// Of to(dtype), to(device), to(format) and clone(): the gradient goes back to where the input was.
struct ToGrad final : Node {
  DType dtype = DType::f32;
  Device device;
  std::string_view name() const override { return "to"; }
  Grads backward(const Tensor& dy) override { return {dy.to(device).to(dtype)}; }
};

struct CopyInPlaceGrad final : Node {
  Shape shape;
  DType dtype = DType::f32;
  Device device;
  std::string_view name() const override { return "copy_"; }
  Grads backward(const Tensor& dy) override { return {{}, ops::sum_to(dy, shape).to(device).to(dtype)}; }
};

void record_to(Tensor& y, const Tensor& x) {
  autograd::record<ToGrad>(y, {x}, [&](ToGrad& node) {
    node.dtype = x.dtype();
    node.device = x.device();
  });
}

Tensor copied(const Tensor& x, DType dtype, MemoryFormat format) {
  Tensor y = empty(x.shape(), {.dtype = dtype, .device = x.device(), .format = format});
  dispatch::run(ops::copy_row, ops::Copy{y, x});
  if (is_floating(dtype)) record_to(y, x);
  return y;
}

/// Bytes between devices: `x` is dense.
Tensor moved(const Tensor& x, Device device) {
  Tensor y = empty(x.shape(), {.dtype = x.dtype(), .device = device, .format = x.suggested_format()});
  const Device worker = x.device().is_cpu() ? device : x.device();
  const Stream stream = current_stream(worker);
  const Ref<Storage>&source = x.storage(), &target = y.storage();
  source->ready_for(stream);
  target->ready_for(stream);
  backend_of(worker.type)
      .copy(target->data(), static_cast<TensorView>(x).data,
            static_cast<std::size_t>(x.numel()) * size_of(x.dtype()), stream);
  source->used_on(stream);
  target->used_on(stream);
  if (device.is_cpu()) stream.synchronize();
  return y;
}

}  // namespace

Tensor Tensor::to(DType dtype) const {
  return dtype == this->dtype() ? *this : copied(*this, dtype, suggested_format());
}

Tensor Tensor::to(MemoryFormat format) const {
  return is_contiguous(format) ? *this : copied(*this, dtype(), format);
}

Tensor Tensor::to(Device device) const {
  if (device == this->device()) return *this;
  const Tensor dense = to(suggested_format());
  Tensor y = moved(dense, device);
  record_to(y, dense);
  return y;
}

Tensor Tensor::clone() const { return copied(*this, dtype(), suggested_format()); }

Tensor& Tensor::copy_(const Tensor& source) {
  autograd::check_in_place(*this, {{source}}, "copy_");
  ops::check_defined("copy_", source, "source");
  const auto operands = [&] { return ops::describe({{"x", *this}, {"source", source}}); };
  if (broadcast_shapes(shape(), source.shape(), "copy_", operands) != shape())
    throw ShapeError("copy_", fmt::format("expected a source that broadcasts to {}, got {}", describe(*this),
                                          describe(source)));
  ops::check_target("copy_", *this, {});
  const bool moves = source.device() != device();
  const Tensor here = moves ? source.detach().to(device()) : ops::unaliased(source, *this);
  const Tensor& input = moves ? source : here;
  dispatch::run(ops::copy_row, ops::Copy{*this, here});
  bump_version();
  autograd::record<CopyInPlaceGrad>(*this, {*this, input}, [&](CopyInPlaceGrad& node) {
    node.shape = source.shape();
    node.dtype = source.dtype();
    node.device = source.device();
  });
  return *this;
}

}  // namespace fornax
