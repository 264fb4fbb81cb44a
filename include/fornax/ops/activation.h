#pragma once

#include <cstdint>

namespace fornax {

/// What a fused op does to its result before it is written.
enum class Activation : std::uint8_t {
  none,
  relu,
  gelu_tanh  ///< gelu(y, Gelu::tanh); linear alone has it
};

}  // namespace fornax
