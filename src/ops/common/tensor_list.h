#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fornax/base/error.h"
#include "fornax/tensor/tensor.h"
#include "ops/common/check.h"

/// What ops that change lists of tensors share.
namespace fornax::ops {

/// What the tensors of a list must agree on.
class TensorListChecker {
 public:
  explicit TensorListChecker(std::string_view op) : op_(op) {}

  /// `tensor` belongs to `parameter`.
  void belongs(const Tensor& parameter, const Tensor& tensor, std::string_view name) {
    check_defined(op_, tensor, name);
    if (tensor.shape() != parameter.shape()) fail<ShapeError>(parameter, tensor, name);
    if (tensor.dtype() != parameter.dtype()) fail<DTypeError>(parameter, tensor, name);
    if (tensor.device() != parameter.device()) fail<DeviceError>(parameter, tensor, name);
  }
  void floating(const Tensor& tensor, std::string_view name = "parameter") {
    check_defined(op_, tensor, name);
    if (!is_floating(tensor.dtype()))
      throw DTypeError(op_, "expected floating tensors, got " + describe(tensor));
    if (!first_.defined()) first_ = tensor;
    if (tensor.device() != first_.device())
      throw DeviceError(
          op_, "expected tensors on one device, got " + describe(first_) + " and " + describe(tensor));
  }

  /// `tensor` holds one `dtype`, on the device of the list.
  void scalar(const Tensor& tensor, DType dtype, std::string_view name) {
    check_defined(op_, tensor, name);
    const std::string want =
        "expected " + std::string(name) + " of one " + std::string(name_of(dtype)) + ", got ";
    if (tensor.dtype() != dtype) throw DTypeError(op_, want + describe(tensor));
    if (tensor.numel() != 1) throw ShapeError(op_, want + describe(tensor));
    if (first_.defined() && tensor.device() != first_.device())
      throw DeviceError(op_, "expected " + std::string(name) + " on the device of " + describe(first_) +
                                 ", got " + describe(tensor));
  }

 private:
  template <class E>
  [[noreturn]] void fail(const Tensor& parameter, const Tensor& tensor, std::string_view name) {
    throw E(op_, "expected a " + std::string(name) + " like its parameter, got " + describe(tensor) +
                     "; parameter=" + describe(parameter));
  }

  std::string_view op_;
  Tensor first_;
};

/// Runs an update that writes to tensors, then marks them. Where the device fails it may have written to
/// some.
template <class Run, class Mark>
void run_and_mark(Run&& run, Mark&& mark) {
  try {
    run();
  } catch (const CudaError&) {
    mark();
    throw;
  }
  mark();
}

/// Views of floating tensors on one device; throws as TensorListChecker.
inline std::vector<TensorView> floating_views(std::span<const Tensor> tensors, std::string_view op) {
  TensorListChecker check(op);
  for (const Tensor& tensor : tensors) check.floating(tensor, "one of the list");
  return {tensors.begin(), tensors.end()};
}

}  // namespace fornax::ops
