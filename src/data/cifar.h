#pragma once

#include <cstdint>
#include <string>

#include "fornax/data/images.h"

namespace fornax::data {

/// read_cifar10 of files that hold `images_per_file` images each, where the real ones hold 10,000.
Images read_cifar10(const std::string& directory, Split split, std::int64_t images_per_file);

/// read_cifar100 of a file that holds `count` images, where the real ones hold 50,000 and 10,000.
Images read_cifar100(const std::string& directory, Split split, Cifar100Labels labels, std::int64_t count);

}  // namespace fornax::data
