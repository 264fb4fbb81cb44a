#pragma once

#include "fornax/base/export.h"

namespace fornax {

/// True if ops record themselves for backward on this thread (the default).
FORNAX_API bool grad_enabled() noexcept;

/// Sets whether ops record themselves on this thread while alive.
class FORNAX_API GradGuard {
 public:
  explicit GradGuard(bool enabled) noexcept;
  ~GradGuard();
  GradGuard(const GradGuard&) = delete;
  GradGuard& operator=(const GradGuard&) = delete;

 private:
  bool before_;
};

/// `const NoGrad no_grad;` for evaluation and for updates of parameters.
class NoGrad : GradGuard {
 public:
  NoGrad() noexcept : GradGuard(false) {}
};

/// While alive, the result of each differentiable op and each gradient that backward gives on this thread is
/// checked for NaN and infinity; the first one throws AutogradError with the op's name, or "<op> backward".
/// What ops compute inside on the way is not looked at. Slow: reads every result and waits for the device.
class FORNAX_API AnomalyGuard {
 public:
  explicit AnomalyGuard(bool enabled = true) noexcept;
  ~AnomalyGuard();
  AnomalyGuard(const AnomalyGuard&) = delete;
  AnomalyGuard& operator=(const AnomalyGuard&) = delete;

 private:
  bool before_;
};
FORNAX_API bool anomaly_enabled() noexcept;

}  // namespace fornax
