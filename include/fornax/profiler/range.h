#pragma once

#include <string_view>

#include "fornax/base/export.h"
#include "fornax/dispatch/observer.h"

namespace fornax::profiler {

/// A part of a program that a profile names: "forward". It lasts as long as this lives, on this thread, and
/// ranges lie in one another. In a build with CUDA it is a range of NVTX too. Where nobody listens it costs
/// the test of two pointers.
///
///     {
///       const profiler::Range range("forward");
///       loss = cross_entropy(model(x), label);
///     }
class FORNAX_API Range {
 public:
  explicit Range(std::string_view name);
  ~Range();
  Range(const Range&) = delete;
  Range& operator=(const Range&) = delete;

 private:
  dispatch::Observed observed_;
};

}  // namespace fornax::profiler
