// The tutorial: LeNet learns Fashion-MNIST (or MNIST; any directory with files of that form).
//
//     train_mnist [DIRECTORY [EPOCHS]]
//
// The model goes to runs/lenet-TIME/model.safetensors.
#include <charconv>
#include <cstdio>
#include <string>
#include <string_view>

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

int epochs_of(std::string_view text) {
  int epochs = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), epochs);
  if (error != std::errc() || end != text.data() + text.size() || epochs < 1)
    throw fx::ValueError("EPOCHS", "expected a number of 1 or more, got '" + std::string(text) + "'");
  return epochs;
}

int main(int argc, char** argv) try {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);  // each line is seen at once, through a pipe too
  const std::string directory = argc > 1 ? argv[1] : "/usr/share/datasets/fashion-mnist";
  const int epochs = epochs_of(argc > 2 ? argv[2] : "2");

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
    double waited = 0;
    for (const auto& [image, label] : fx::data::Prefetcher(train, device)) {
      const fx::Tensor logits = (*model)(image);
      const fx::Tensor loss = fx::cross_entropy(logits, label);
      optimizer.zero_grad();
      loss.backward();
      optimizer.step();
      const auto correct = fx::train::top_k_correct(logits, label).item();
      progress.step(
          {.images = label.numel(),
           .wait_seconds = train.wait_seconds() - waited,
           .numbers = {{"loss", loss.item()}, {"accuracy", correct / static_cast<double>(label.numel())}}});
      waited = train.wait_seconds();
    }
    progress.finish();
    std::printf("test accuracy %.4f\n", accuracy(*model, test, device));
  }
  const std::string path = fx::train::make_run_directory("runs", "lenet") + "/model.safetensors";
  fx::train::save_model(path, *model);
  std::printf("the model is in %s\n", path.c_str());
  return 0;
} catch (const fx::Error& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
