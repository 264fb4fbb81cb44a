#pragma once

#include <cstdint>

#include "fornax/dispatch/tensor_view.h"
#include "fornax/ops/random.h"

namespace fornax::ops {

/// Of which words a kernel makes random numbers.
struct DrawView {
  std::uint64_t seed = 0, offset = 0;
  /// Where it is defined: i64[2], the seed and the offset to be used, in the memory of the device.
  TensorView replayed;
};

/// A draw of the default generator. Where this thread's work on a device is captured, each run of it takes a
/// draw, which is in `replayed`.
struct Draw {
  Generator::Draw first;
  Tensor replayed;

  static Draw take(Device device);
  operator DrawView() const { return {first.seed, first.offset, replayed}; }
};

}  // namespace fornax::ops
