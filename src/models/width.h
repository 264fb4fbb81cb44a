#pragma once

#include <cstdint>
#include <string_view>

namespace fornax::models {

/// Throws ValueError naming `model` unless `width`, a factor of all channels, is above 0 and up to 64.
void check_width(std::string_view model, double width);

/// `channels` times `width`, rounded to a multiple of 8 that is at least 8.
std::int64_t scaled(std::int64_t channels, double width);

}  // namespace fornax::models
