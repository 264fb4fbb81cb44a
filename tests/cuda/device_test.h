#pragma once

#include <gmock/gmock.h>

#include "fornax/device/device.h"
#include "sim/simulator.h"

namespace fornax::test {

/// Tests on the simulated device: each starts from its usual state and ends without a finding.
class SimulatedDevice : public testing::Test {
 protected:
  void SetUp() override { sim::reset(); }
  void TearDown() override {
    EXPECT_EQ(sim::take_report_text(), "");
    sim::reset();
  }

  const Device device_ = Device::cuda();
};

}  // namespace fornax::test
