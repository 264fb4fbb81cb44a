#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "fornax/fornax.h"

/// A training that is small and has everything that random numbers are drawn for.
namespace fornax::train {

inline constexpr std::int64_t images = 96, batch_size = 16, batches = images / batch_size;

inline std::shared_ptr<data::ImageDataset> make_images(bool varied) {
  return std::make_shared<data::ImageDataset>(
      data::synthetic_images({.count = images, .height = 8, .width = 8, .channels = 1, .classes = 3}),
      data::ImageOptions{.crop_padding = varied ? 1 : 0, .flip = varied, .mean = {0.5f}, .stddev = {0.25f}});
}

/// All that a run is made of. Two runs with the same options are the same.
struct Training {
  explicit Training(TrainerOptions options = {}, std::int64_t batch = batch_size)
      : loader(make_images(true), {.batch_size = batch, .shuffle = true, .drop_last = true, .seed = 3}),
        validation(make_images(false), {.batch_size = 40}),
        model(nn::make<nn::Flatten>(), nn::make<nn::Linear>({.in_features = 64, .out_features = 16}),
              nn::make<nn::ReLU>(), nn::make<nn::Dropout>({.p = 0.25}),
              nn::make<nn::Linear>({.in_features = 16, .out_features = 3})),
        optimizer(model.named_parameters(), {.lr = 0.05, .momentum = 0.9}),
        trainer(model, optimizer, std::move(options)) {}

  bool fit() { return trainer.fit(loader, &validation); }
  std::vector<float> weights() const { return model.state().at("1.weight").to_vector<float>(); }

  struct Seed {
    Seed() { default_generator().manual_seed(7); }
  } seed;  ///< of the model, which comes after it
  data::DataLoader loader, validation;
  nn::Sequential model;
  optim::SGD optimizer;
  Trainer trainer;
};

inline double number(const Numbers& numbers, const std::string& name) {
  for (const auto& [other, value] : numbers)
    if (other == name) return value;
  ADD_FAILURE() << "no " << name;
  return NAN;
}

}  // namespace fornax::train
