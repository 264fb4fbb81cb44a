#pragma once

#include <cstdint>
#include <string>

#include "fornax/base/export.h"

namespace fornax {

enum class DeviceType : std::uint8_t { cpu, cuda };

/// Where data lives and work runs: a kind and a number.
struct Device {
  DeviceType type = DeviceType::cpu;
  std::int16_t index = 0;

  static constexpr Device cpu() { return {}; }
  static constexpr Device cuda(int index = 0) { return {DeviceType::cuda, static_cast<std::int16_t>(index)}; }
  constexpr bool is_cpu() const { return type == DeviceType::cpu; }
  friend constexpr bool operator==(const Device&, const Device&) = default;
};

/// "cpu", "cuda:0"
FORNAX_API std::string to_string(Device device);

/// cuda:0 if there is one that works, else the CPU. If `reason` is given it receives one line that says why.
FORNAX_API Device best_device(std::string* reason = nullptr);

/// Devices of a kind that work here; for cuda 0 without a driver.
FORNAX_API int device_count(DeviceType type);

}  // namespace fornax
