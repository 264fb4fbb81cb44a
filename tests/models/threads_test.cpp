// Training gives the same bits for any number of kernel threads, and on each of a user's threads, which share
// one pool of them.
#include <gtest/gtest.h>

#include <array>
#include <thread>
#include <vector>

#include "fornax/base/parallel.h"
#include "fornax/models/lenet.h"
#include "fornax/models/resnet.h"
#include "fornax/ops/create.h"
#include "fornax/ops/loss.h"
#include "fornax/ops/random.h"
#include "fornax/optim/sgd.h"

namespace fornax::models {
namespace {

std::vector<float> numbers_of(const nn::Module& model) {
  std::vector<float> all;
  for (const auto& [name, tensor] : model.state())
    if (is_floating(tensor.dtype()))
      for (const float number : tensor.to_vector<float>()) all.push_back(number);
  return all;
}

struct Training {
  std::unique_ptr<LeNet> model = lenet({.in_channels = 1});
  Tensor images = randn({8, 1, 28, 28}), labels = randint(0, 10, {8});

  void run() {
    optim::SGD optimizer(model->parameters(), {.lr = 0.05, .momentum = 0.9});
    for (int step = 0; step < 5; ++step) {
      optimizer.zero_grad();
      cross_entropy((*model)(images), labels).backward();
      optimizer.step();
    }
  }
};

/// Three steps of a narrow ResNet-50, large enough that kernels share their work among threads.
std::vector<float> trained_resnet(int threads) {
  set_num_threads(threads);
  manual_seed(1);
  const auto model = resnet50({.classes = 10, .width = 0.25});
  const Tensor images = randn({8, 3, 64, 64}), labels = randint(0, 10, {8});
  optim::SGD optimizer(model->parameters(), {.lr = 0.05, .momentum = 0.9, .weight_decay = 1e-4});
  for (int step = 0; step < 3; ++step) {
    optimizer.zero_grad();
    cross_entropy((*model)(images), labels).backward();
    optimizer.step();
  }
  return numbers_of(*model);
}

TEST(Threads, TrainAResNetToTheSameBitsWhateverTheirNumber) {
  const int before = num_threads();
  const std::vector<float> one = trained_resnet(1);
  for (const int threads : {2, 3}) EXPECT_EQ(trained_resnet(threads), one) << threads;
  set_num_threads(before);
}

TEST(Threads, EachTrainTheirOwnModelToTheBitsItHasWhenTrainedAlone) {
  manual_seed(1);
  std::array<Training, 3> alone;
  manual_seed(1);
  std::array<Training, 3> together;
  for (Training& training : alone) training.run();
  {
    std::vector<std::jthread> threads;
    threads.reserve(together.size());
    for (Training& training : together) threads.emplace_back([&] { training.run(); });
  }
  for (std::size_t i = 0; i < alone.size(); ++i)
    EXPECT_EQ(numbers_of(*together[i].model), numbers_of(*alone[i].model));
}

}  // namespace
}  // namespace fornax::models
