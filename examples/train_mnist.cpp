// The tutorial: LeNet learns Fashion-MNIST (or MNIST; any directory with files of that form).
//
//     train_mnist [DIRECTORY [EPOCHS]]
#include <cstdio>
#include <cstdlib>

#include "fornax/fornax.h"

namespace fx = fornax;

double accuracy(fx::nn::Layer& model, fx::data::DataLoader& loader, fx::Device device) {
  const fx::NoGrad no_grad;  // nothing is recorded for backward
  model.eval();              // dropout and batch norm behave as in use
  std::int64_t correct = 0, count = 0;
  for (const auto& [image, label] : fx::data::Prefetcher(loader, device)) {
    correct += fx::sum(fx::eq(fx::argmax(model(image), 1), label)).item<std::int64_t>();
    count += label.numel();
  }
  model.train();
  return static_cast<double>(correct) / static_cast<double>(count);
}

int main(int argc, char** argv) try {
  const std::string directory = argc > 1 ? argv[1] : "/usr/share/datasets/fashion-mnist";
  const int epochs = argc > 2 ? std::atoi(argv[2]) : 2;

  std::string why;
  const fx::Device device = fx::best_device(&why);
  std::printf("training on %s (%s)\n", to_string(device).c_str(), why.c_str());

  fx::data::DataLoader train(fx::data::fashion_mnist(directory, fx::data::Split::train),
                             {.batch_size = 64, .workers = 1, .shuffle = true});
  fx::data::DataLoader test(fx::data::fashion_mnist(directory, fx::data::Split::test), {.batch_size = 256});

  auto model = fx::models::lenet({.classes = 10});
  model->to(device);
  fx::optim::AdamW optimizer(model->named_parameters(), {.lr = 2e-3});

  for (int epoch = 1; epoch <= epochs; ++epoch) {
    fx::train::Progress progress("epoch " + std::to_string(epoch), train.batches());
    for (const auto& [image, label] : fx::data::Prefetcher(train, device)) {
      const fx::Tensor loss = fx::cross_entropy((*model)(image), label);
      optimizer.zero_grad();
      loss.backward();
      optimizer.step();
      progress.step({.images = label.numel(), .loss = loss.item()});
    }
    progress.finish();
    std::printf("test accuracy %.4f\n", accuracy(*model, test, device));
  }
  fx::train::save_model("lenet.safetensors", *model);
  return 0;
} catch (const fx::Error& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
