#pragma once

#include <gmock/gmock.h>

#include <cstdint>

#include "fornax/device/device.h"
#if defined(FORNAX_SIM)
#include "sim/simulator.h"
#endif

namespace fornax::test {

#if defined(FORNAX_SIM)

/// Tests on the simulated device: each starts from its usual state and ends without a finding.
class SimulatedDevice : public testing::Test {
 protected:
  void SetUp() override { sim::reset(); }
  void TearDown() override {
    EXPECT_EQ(sim::take_report_text(), "");
    sim::reset();
  }

  /// Another order of what is not ordered: threads, blocks, and, by odd seeds, the work of streams.
  static void reorder(std::uint64_t seed) {
    sim::set_schedule({seed % 2 == 0 ? sim::Schedule::eager : sim::Schedule::lazy, seed});
    sim::set_thread_order(seed);
  }
  /// The last seed of a test that wants ten orders under each schedule.
  static constexpr std::uint64_t last_seed = 20;

  const Device device_ = Device::cuda();
};

/// What runs on the simulated device and on a real one. A test that needs the simulator's switches is
/// compiled for it alone, by `#if defined(FORNAX_SIM)`.
using DeviceTest = SimulatedDevice;

#else

class DeviceTest : public testing::Test {
 protected:
  void SetUp() override {
    if (device_count(DeviceType::cuda) == 0) GTEST_SKIP() << "no CUDA device here";
  }

  /// A real device has an order of its own, each time.
  static void reorder(std::uint64_t) {}
  static constexpr std::uint64_t last_seed = 20;

  const Device device_ = Device::cuda();
};

#endif

}  // namespace fornax::test
