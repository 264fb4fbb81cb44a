#pragma once

#include <cstdint>
#include <string>

#include "fornax/data/images.h"

namespace fornax::data {

/// read_cifar10 of files that hold `images_per_file` images each, where the real ones hold 10,000.
Images read_cifar10(const std::string& directory, Split split, std::int64_t images_per_file);

}  // namespace fornax::data
