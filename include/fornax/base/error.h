#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

#include "fornax/base/export.h"

/// The errors that Fornax throws. Each message reads `[op] expected ..., got ...`, and where that does not
/// show the operands, they follow: `; x=f32[2,3]@cpu ...`. A call that throws has changed nothing that its
/// contract does not name.
namespace fornax {

/// Base of all Fornax errors.
class FORNAX_API Error : public std::runtime_error {
 public:
  Error(std::string_view op, std::string_view message);
  /// The op, function or file that complained.
  const std::string& op() const noexcept { return op_; }

 private:
  std::string op_;
};

/// Sizes, ranks, axes or strides do not fit.
class FORNAX_API ShapeError : public Error {
  using Error::Error;
};
/// A dtype is not supported here, or two dtypes differ (Fornax never casts silently).
class FORNAX_API DTypeError : public Error {
  using Error::Error;
};
/// Operands are on different devices, or a device does not exist.
class FORNAX_API DeviceError : public Error {
  using Error::Error;
};
/// An argument other than a tensor has a value that makes no sense (a negative stride, a probability of 2),
/// or a tensor that is needed is undefined.
class FORNAX_API ValueError : public Error {
  using Error::Error;
};
/// An index is outside of its range.
class FORNAX_API IndexError : public Error {
  using Error::Error;
};
/// The graph cannot be differentiated as asked (freed, overwritten in place, no gradient wanted).
class FORNAX_API AutogradError : public Error {
  using Error::Error;
};
/// Memory ran out; nothing was changed, and a smaller request can still succeed.
class FORNAX_API OutOfMemory : public Error {
  using Error::Error;
};
/// A CUDA call failed.
class FORNAX_API CudaError : public Error {
  using Error::Error;
};
/// A CUDA error after which this process cannot use its devices any more, or a later call that found it so;
/// the message names the first one.
class FORNAX_API DeviceLost : public CudaError {
  using CudaError::CudaError;
};
/// No kernel of the op agrees to run; the message lists every kernel's reason.
class FORNAX_API NotImplemented : public Error {
  using Error::Error;
};
/// A file is missing, truncated, corrupt, or cannot be written.
class FORNAX_API IoError : public Error {
  using Error::Error;
};
/// A defect in Fornax itself.
class FORNAX_API InternalError : public Error {
  using Error::Error;
};

}  // namespace fornax
