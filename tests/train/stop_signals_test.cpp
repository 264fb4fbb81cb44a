#include "fornax/train/stop_signals.h"

#include <gtest/gtest.h>

#include <csignal>

#include "fornax/base/error.h"
#include "support/error_of.h"

namespace fornax::train {
namespace {

TEST(StopSignals, ASignalIsNotedAndDoesNotEndTheProgram) {
  for (const auto& [signal, code] : {std::pair(SIGINT, 130), std::pair(SIGTERM, 0)}) {
    const StopSignals signals;
    EXPECT_FALSE(signals.received());
    std::raise(signal);
    EXPECT_TRUE(signals.received());
    EXPECT_EQ(signals.exit_code(), code);
  }
}

TEST(StopSignalsDeathTest, ASecondSignalEndsTheProgram) {
  EXPECT_EXIT(
      {
        const StopSignals signals;
        std::raise(SIGTERM);
        std::raise(SIGTERM);
      },
      testing::KilledBySignal(SIGTERM), "");
}

TEST(StopSignals, WhatSignalsDidBeforeTheyDoAgain) {
  const auto before = std::signal(SIGINT, SIG_IGN);
  { const StopSignals signals; }
  EXPECT_EQ(std::signal(SIGINT, before), SIG_IGN);
}

TEST(StopSignals, ThereIsOneAtATime) {
  const StopSignals signals;
  EXPECT_EQ(test::error_of<ValueError>([] { StopSignals(); }),
            "[stop_signals] expected one StopSignals at a time, got another one");
}

}  // namespace
}  // namespace fornax::train
