// Whole training steps on the device follow the CPU's, without a wait and without a finding.
#include <cmath>
#include <cstdlib>
#include <utility>

#include "cuda/device_test.h"
#include "fornax/base/error.h"
#include "fornax/data/data_loader.h"
#include "fornax/data/image_dataset.h"
#include "fornax/data/prefetcher.h"
#include "fornax/models/resnet.h"
#include "fornax/ops/loss.h"
#include "fornax/ops/random.h"
#include "fornax/optim/adamw.h"
#include "fornax/optim/clip_grad.h"
#include "fornax/optim/sgd.h"

namespace fornax {
namespace {

constexpr int steps = 4;

data::DataLoader small_loader() {
  static const auto images = std::make_shared<data::ImageDataset>(
      data::synthetic_images({.count = 32, .height = 16, .width = 16}), data::ImageOptions{});
  return {images, {.batch_size = 8, .workers = 1, .shuffle = true, .seed = 3}};
}

/// The losses of a few steps of a narrow ResNet-50.
std::vector<double> train(Device device, DType dtype = f32) {
  Generator generator(1);
  const GeneratorGuard guard(generator);
  const auto model = models::resnet50({.classes = 10, .width = 0.125, .zero_init_residual = true});
  model->to(dtype);
  model->to(device, MemoryFormat::channels_last);
  optim::SGD optimizer(model->named_parameters(), {.lr = 0.01, .momentum = 0.9, .weight_decay = 1e-4});
  data::DataLoader loader = small_loader();
  std::vector<Tensor> losses;
  for (const auto& [x, label] : data::Prefetcher(loader, device)) {
    const Tensor loss = cross_entropy((*model)(x.to(dtype)), label);
    optimizer.zero_grad();
    loss.backward();
    optimizer.step();
    losses.push_back(loss.detach());
  }
  std::vector<double> values;
  for (const Tensor& loss : losses) values.push_back(loss.item());
  return values;
}

class CudaTraining : public test::DeviceTest {};

TEST_F(CudaTraining, LossesOfAResNetFollowTheCpu) {
  const std::vector<double> want = train(Device::cpu(), f64), got = train(device_, f64);
  ASSERT_EQ(want.size(), steps);
  for (std::size_t i = 0; i < want.size(); ++i) EXPECT_NEAR(got[i], want[i], 1e-12 * std::abs(want[i])) << i;
}

TEST_F(CudaTraining, LossesInF32FollowTheCpusToRounding) {
  const std::vector<double> want = train(Device::cpu()), got = train(device_);
  for (std::size_t i = 0; i < want.size(); ++i) EXPECT_NEAR(got[i], want[i], 1e-5 * std::abs(want[i])) << i;
}

TEST_F(CudaTraining, IsTheSameInEveryOrderThatStreamsAllow) {
  const std::vector<double> eager = train(device_);
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    reorder(seed);
    EXPECT_EQ(train(device_), eager) << "seed " << seed;
  }
}

TEST_F(CudaTraining, AStepOfAResNet50OfFullWidthFollowsTheCpu) {
  if (!std::getenv("FORNAX_FULL_TESTS")) GTEST_SKIP() << "takes long: set FORNAX_FULL_TESTS";
  const auto step = [](Device device) {
    Generator generator(1);
    const GeneratorGuard guard(generator);
    const auto model = models::resnet50({.zero_init_residual = true});
    model->to(device, MemoryFormat::channels_last);
    optim::SGD optimizer(model->named_parameters(), {.lr = 0.1, .momentum = 0.9, .weight_decay = 1e-4});
    const Tensor x = randn({2, 3, 224, 224}, {.device = device, .format = MemoryFormat::channels_last});
    const Tensor label = randint(0, 1000, {2}, {.dtype = i64, .device = device});
    const Tensor loss = cross_entropy((*model)(x), label);
    loss.backward();
    const Tensor norm = optim::clip_grad_norm_(optimizer.parameters(), 1);
    optimizer.step();
    return std::pair(loss.item(), norm.item());
  };
  const auto [loss, norm] = step(device_);
  const auto [want_loss, want_norm] = step(Device::cpu());
  EXPECT_NEAR(loss, want_loss, 1e-4 * want_loss);
  EXPECT_NEAR(norm, want_norm, 1e-3 * want_norm);
}

#if defined(FORNAX_SIM)

TEST_F(CudaTraining, AStepWaitsForNothing) {
  const auto model = models::resnet18({.classes = 10, .width = 0.125});
  model->to(device_, MemoryFormat::channels_last);
  optim::AdamW optimizer(model->named_parameters(), {.lr = 1e-3});
  data::DataLoader loader = small_loader();
  int step = 0, waits = 0;
  for (const auto& [x, label] : data::Prefetcher(loader, device_)) {
    if (step++ == 1) waits = sim::host_waits();
    const Tensor loss = cross_entropy((*model)(x), label);
    optimizer.zero_grad();
    loss.backward();
    optimizer.step();
  }
  EXPECT_EQ(sim::host_waits(), waits);
  EXPECT_EQ(step, steps);
}

TEST_F(CudaTraining, GoesOnWithASmallerBatchAfterMemoryRanOut) {
  const auto model = models::resnet18({.classes = 10, .width = 0.125});
  model->to(device_, MemoryFormat::channels_last);
  optim::SGD optimizer(model->named_parameters(), {.lr = 0.1});
  const auto step = [&](std::int64_t batch) {
    const Tensor x = randn({batch, 3, 16, 16}, {.device = device_, .format = MemoryFormat::channels_last});
    const Tensor label = randint(0, 10, {batch}, {.dtype = i64, .device = device_});
    const Tensor loss = cross_entropy((*model)(x), label);
    optimizer.zero_grad();
    loss.backward();
    optimizer.step();
    return loss.item();
  };
  step(2);
  sim::set_memory_limit(std::size_t{4} << 20);
  EXPECT_THROW(step(512), OutOfMemory);
  EXPECT_TRUE(std::isfinite(step(2)));
}

#endif

}  // namespace
}  // namespace fornax
