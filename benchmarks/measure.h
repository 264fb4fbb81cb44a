#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "fornax/base/function_ref.h"
#include "fornax/tensor/tensor.h"

/// What the benchmarks share.
namespace fornax::bench {

/// Median time of a call in seconds: calls for `at_least` seconds, three times at the least, after one to
/// warm up. On a CUDA device by its own clock, when calls follow each other without a wait.
double seconds_of(FunctionRef<void()> call, double at_least, Device device = Device::cpu());

/// Fixed numbers in [low, high), in f32.
Tensor numbers(const Shape& shape, float low = -1, float high = 1);

/// Throws IoError.
void write_json(const std::string& path, const nlohmann::json& value);

}  // namespace fornax::bench
