#pragma once

#include <cstdint>

namespace fornax {

/// What a fused op does to its result before it is written.
enum class Activation : std::uint8_t { none, relu };

}  // namespace fornax
