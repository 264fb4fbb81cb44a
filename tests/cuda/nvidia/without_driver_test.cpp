// A library with the CUDA backend on a machine without a driver: it starts, says what is missing, works on
// the CPU, and loads none of CUDA's large libraries.
#include <gmock/gmock.h>

#include <fstream>
#include <iterator>
#include <string>

#include "fornax/base/error.h"
#include "fornax/device/device.h"
#include "fornax/models/resnet.h"
#include "fornax/ops/create.h"
#include "fornax/ops/loss.h"
#include "fornax/ops/random.h"
#include "fornax/optim/sgd.h"
#include "support/error_of.h"

namespace fornax::test {
namespace {

using testing::HasSubstr;

class WithoutDriver : public testing::Test {
 protected:
  void SetUp() override {
    if (device_count(DeviceType::cuda) > 0) GTEST_SKIP() << "this machine has a CUDA device";
  }

  static void expect_nothing_loaded() {
    std::ifstream file("/proc/self/maps");
    const std::string maps(std::istreambuf_iterator<char>(file), {});
    ASSERT_THAT(maps, HasSubstr("libc.so"));
    for (const char* library : {"libcudnn", "libcublas", "libnccl", "libnvrtc"})
      EXPECT_THAT(maps, Not(HasSubstr(library)));
  }
};

constexpr const char* reason = "the CUDA driver says: CUDA driver version is insufficient";

TEST_F(WithoutDriver, LoadsNoLibraryOfCuda) { expect_nothing_loaded(); }

TEST_F(WithoutDriver, TheBestDeviceIsTheCpuForTheDriversReason) {
  std::string why;
  EXPECT_EQ(best_device(&why), Device::cpu());
  EXPECT_THAT(why, HasSubstr(reason));
  EXPECT_EQ(device_count(DeviceType::cuda), 0);
  EXPECT_EQ(device_count(DeviceType::cpu), 1);
}

TEST_F(WithoutDriver, ATensorOnADeviceIsADeviceErrorWithTheDriversReason) {
  for (int again = 0; again < 2; ++again)
    EXPECT_THAT(error_of<DeviceError>([] { zeros({2}, {.device = Device::cuda()}); }),
                testing::AllOf(HasSubstr("expected cuda:0 to exist, got none"), HasSubstr(reason)));
  EXPECT_THAT(error_of<DeviceError>([] { zeros({2}).to(Device::cuda(1)); }), HasSubstr(reason));
}

TEST_F(WithoutDriver, ATrainingStepOnTheCpuWorksAndLoadsNothing) {
  const auto model = models::resnet18({.classes = 10, .width = 0.125});
  optim::SGD optimizer(model->named_parameters(), {.lr = 0.05});
  const Tensor x = randn({4, 3, 16, 16}), label = tensor<std::int64_t>({1, 2, 3, 4});
  std::vector<double> losses;
  for (int step = 0; step < 5; ++step) {
    const Tensor loss = cross_entropy((*model)(x), label);
    optimizer.zero_grad();
    loss.backward();
    optimizer.step();
    losses.push_back(loss.item());
  }
  EXPECT_LT(losses.back(), losses.front());
  expect_nothing_loaded();
}

}  // namespace
}  // namespace fornax::test
