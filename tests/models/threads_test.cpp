// Each thread of a user may train a model of its own; all share one pool of kernel threads.
#include <gtest/gtest.h>

#include <array>
#include <thread>
#include <vector>

#include "fornax/models/lenet.h"
#include "fornax/ops/create.h"
#include "fornax/ops/loss.h"
#include "fornax/ops/random.h"
#include "fornax/optim/sgd.h"

namespace fornax::models {
namespace {

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
  std::vector<float> numbers() const {
    std::vector<float> all;
    for (const Tensor& parameter : model->parameters())
      for (const float number : parameter.to_vector<float>()) all.push_back(number);
    return all;
  }
};

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
  for (std::size_t i = 0; i < alone.size(); ++i) EXPECT_EQ(together[i].numbers(), alone[i].numbers());
}

}  // namespace
}  // namespace fornax::models
