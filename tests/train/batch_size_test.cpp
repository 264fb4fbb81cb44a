#include "fornax/train/batch_size.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "fornax/device/host_memory.h"
#include "fornax/fornax.h"
#include "support/error_of.h"

namespace fornax::train {
namespace {

using namespace test;

constexpr std::int64_t mib = std::int64_t{1} << 20;

/// A step that takes 4 MiB, and 1 MiB for a sample.
void take_memory(std::int64_t samples) {
  const Tensor fixed = empty({4 * mib}, {.dtype = u8}), activations = empty({samples * mib}, {.dtype = u8});
}

std::int64_t size_for(std::int64_t mebibytes, std::int64_t at_most = 1024) {
  return find_batch_size(Device::cpu(), take_memory,
                         {.at_most = at_most, .memory = static_cast<std::size_t>(mebibytes * mib)});
}

TEST(BatchSize, IsTheLargestPowerOfTwoThatFits) {
  EXPECT_EQ(size_for(4 + 64 + 1), 64);
  EXPECT_EQ(size_for(4 + 64 - 1), 32);
  EXPECT_EQ(size_for(5), 1);
  EXPECT_EQ(size_for(1), 1);
}

TEST(BatchSize, IsNoLargerThanAllowed) {
  EXPECT_EQ(size_for(1000, 100), 64);
  EXPECT_EQ(size_for(1000, 1), 1);
  EXPECT_EQ(error_of<ValueError>([] { size_for(1000, 0); }),
            "[find_batch_size] expected at_most of 1 or more, got 0");
}

TEST(BatchSize, IsTriedWhereMemoryIsRefused) {
  std::vector<std::int64_t> asked;
  const auto step = [&](std::int64_t samples) {
    asked.push_back(samples);
    if (samples > 1) throw OutOfMemory("step", "expected less, got more");
  };
  EXPECT_EQ(find_batch_size(Device::cpu(), step), 1);
  EXPECT_THAT(asked, testing::ElementsAre(4, 4, 2, 1));
  EXPECT_THAT(error_of<OutOfMemory>([] {
                find_batch_size(Device::cpu(), [](std::int64_t) { throw OutOfMemory("step", "got none"); });
              }),
              testing::EndsWith("got none"));
}

TEST(BatchSize, CountsWhatIsInUseAlreadyAsNotOfTheStep) {
  const Tensor model = empty({100 * mib}, {.dtype = u8});
  EXPECT_EQ(size_for(4 + 16 + 1), 16);
}

TEST(BatchSize, AsksTheSystemWhatIsAvailable) {
  // A sample takes a hundredth of it: 64 fit into 80 %, 128 do not.
  const std::size_t sample = available_host_memory() / 100;
  ASSERT_GT(sample, 0u);
  const auto step = [&](std::int64_t samples) {
    const auto bytes = static_cast<std::size_t>(samples) * sample;
    free_host(allocate_host(bytes), bytes);  // mapped, not touched
  };
  EXPECT_EQ(find_batch_size(Device::cpu(), step), 64);
}

TEST(BatchSize, TellsAStepOfAModel) {
  nn::Sequential model(nn::make<nn::Linear>({.in_features = 1024, .out_features = 1024}),
                       nn::make<nn::ReLU>());
  std::vector<std::int64_t> asked;
  const auto step = [&](std::int64_t samples) {
    asked.push_back(samples);
    model.zero_grad();
    sum(model(zeros({samples, 1024}))).backward();
  };
  EXPECT_GE(find_batch_size(Device::cpu(), step, {.at_most = 1024, .memory = 64 << 20}), 256);
  EXPECT_THAT(asked, testing::ElementsAre(4, 8));
}

}  // namespace
}  // namespace fornax::train
