#pragma once

#include <cstdint>
#include <string_view>

#include "fornax/nn/module.h"

/// What the models of torchvision share.
namespace fornax::models {

/// Throws ValueError naming `model` unless `width`, a factor of all channels, is above 0 and up to 64.
void check_width(std::string_view model, double width);

/// `channels` times `width`, rounded to a multiple of 8 that is at least 8.
std::int64_t scaled(std::int64_t channels, double width);

/// Convolutions normal by Kaiming's rule for what goes back through a ReLU, with biases of 0; linear layers
/// normal with a deviation of 0.01, with biases of 0.
void initialise(nn::Module& model);

}  // namespace fornax::models
