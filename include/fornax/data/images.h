#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "fornax/base/export.h"

namespace fornax::data {

/// Labelled images as bytes, pixel by pixel: what the readers of image files give.
struct Images {
  std::int64_t count = 0, height = 0, width = 0, channels = 0;
  std::vector<std::uint8_t> pixels;  ///< [count, height, width, channels]
  std::vector<std::uint8_t> labels;  ///< [count], each below the number of classes
};

enum class Split : std::uint8_t { train, test };

/// Reads the training (60,000) or test (10,000) images of MNIST or of a set of its form, such as
/// Fashion-MNIST: the files `train-images-idx3-ubyte` and so on in `directory`, plain or with `.gz`. Grey
/// images, 10 classes. Debian's package dataset-fashion-mnist puts its files in
/// /usr/share/datasets/fashion-mnist. Throws IoError where a file is missing, corrupt or does not fit the
/// others.
FORNAX_API Images read_mnist(const std::string& directory, Split split);

/// Reads the training (5 files of 10,000) or test (1 file of 10,000) images of CIFAR-10 from its binary
/// version (https://www.cs.toronto.edu/~kriz/cifar.html): `data_batch_1.bin` to `data_batch_5.bin` and
/// `test_batch.bin` in `directory`. Coloured images of 32x32, 10 classes. Throws IoError as read_mnist does,
/// also for a file of another length.
FORNAX_API Images read_cifar10(const std::string& directory, Split split);

/// Which of the two labels of a CIFAR-100 image: its class, of 100, or its superclass, of 20.
enum class Cifar100Labels : std::uint8_t { fine, coarse };

/// Reads the training (50,000) or test (10,000) images of CIFAR-100 from its binary version: `train.bin` or
/// `test.bin` in `directory`. Otherwise as read_cifar10.
FORNAX_API Images read_cifar100(const std::string& directory, Split split,
                                Cifar100Labels labels = Cifar100Labels::fine);

}  // namespace fornax::data
