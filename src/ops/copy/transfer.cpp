#include "fornax/ops/transfer.h"

#include "fornax/autograd/grad_mode.h"
#include "fornax/base/error.h"
#include "fornax/device/backend.h"

namespace fornax {

Tensor pin_memory(const Tensor& x) {
  if (!x.device().is_cpu())
    throw DeviceError("pin_memory", "expected a CPU tensor, got " + to_string(TensorView(x)));
  if (x.storage()->is_pinned()) return x;
  const NoGrad no_grad;
  Tensor pinned = empty(x.shape(), {.dtype = x.dtype(), .format = x.suggested_format(), .pinned = true});
  pinned.copy_(x);
  return pinned;
}

HostCopy::HostCopy(const Tensor& x) {
  const NoGrad no_grad;
  const Tensor dense = x.detach().to(x.suggested_format());
  if (x.device().is_cpu()) {
    values_ = dense.is(x) ? dense.clone() : dense;
    return;
  }
  values_ = empty(x.shape(), {.dtype = x.dtype(), .format = x.suggested_format(), .pinned = true});
  const Stream stream = current_stream(x.device());
  const Ref<Storage>&source = dense.storage(), &target = values_.storage();
  source->ready_for(stream);
  backend_of(x.device().type)
      .copy(target->data(), static_cast<TensorView>(dense).data,
            static_cast<std::size_t>(x.numel()) * size_of(x.dtype()), stream);
  source->used_on(stream);
  target->used_on(stream);
  done_ = Event(stream);
}

const Tensor& HostCopy::get() const {
  done_.synchronize();
  return values_;
}

}  // namespace fornax
