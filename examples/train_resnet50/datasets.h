#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "fornax/fornax.h"
#include "options.h"

struct Datasets {
  std::shared_ptr<fornax::data::Dataset> train, test;
  std::int64_t classes;
  std::vector<std::string> class_names;  ///< where they are known
  std::vector<float> mean, stddev;       ///< of channels, with which images are normalised
  fornax::data::Sampler order = fornax::data::random_sampler;  ///< of the training images
};

/// The sets that --data names; images have 3 channels and are --size wide and high. Throws ValueError for
/// another name or a size that does not fit, and what the readers throw.
Datasets open_datasets(const Options& options);
