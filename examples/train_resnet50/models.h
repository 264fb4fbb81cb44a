#pragma once

#include <memory>
#include <set>
#include <string>

#include "fornax/fornax.h"
#include "options.h"

/// The names that --model takes.
std::set<std::string> known_models();
/// The model that --model names, with the weights that --finetune names. Throws ValueError where they are not
/// of this model, but for the head.
std::unique_ptr<fornax::models::ResNet> make_model(const Options& options, std::int64_t classes);

/// What is known of a model before it is trained: parameters, operations and memory, for a line of text.
std::string describe_model(fornax::nn::Layer& model, const Options& options, fornax::Device device);
