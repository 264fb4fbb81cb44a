#include "datasets.h"

#include <iterator>
#include <string>

namespace fx = fornax;
namespace data = fornax::data;

namespace {

/// How images of `side` become `size` wide: shrunk by the least whole number that does not leave them wider,
/// and with a border.
data::ImageOptions fit(std::int64_t side, std::int64_t size) {
  std::int64_t shrink = 1;
  while (side / shrink > size) ++shrink;
  const std::int64_t shrunk = side / shrink, border = size - shrunk;
  if (border % 2 != 0)
    throw fx::ValueError("--size", "expected " + std::to_string(shrunk) +
                                       " plus an even number for images of " + std::to_string(side) +
                                       ", got " + std::to_string(size));
  return {.shrink = shrink, .border = border / 2};
}

}  // namespace

Datasets open_datasets(const Options& options) {
  using data::Split;
  const auto colon = options.data.find(':');
  const std::string name = options.data.substr(0, colon);
  const std::string directory = colon == std::string::npos ? "" : options.data.substr(colon + 1);
  if (name == "fashion-mnist") {
    const std::string from = directory.empty() ? "/usr/share/datasets/fashion-mnist" : directory;
    data::ImageOptions plain = fit(28, options.size);
    plain.channels = 3;
    return {data::fashion_mnist(from, Split::train, plain), data::fashion_mnist(from, Split::test, plain)};
  }
  if ((name == "cifar10" || name == "cifar100") && !directory.empty()) {
    const data::ImageOptions plain = fit(32, options.size);
    data::ImageOptions varied = plain;
    varied.crop_padding = 4;
    varied.flip = true;
    if (name == "cifar10")
      return {data::cifar10(directory, Split::train, varied), data::cifar10(directory, Split::test, plain)};
    return {data::cifar100(directory, Split::train, varied), data::cifar100(directory, Split::test, plain),
            100};
  }
  if (name == "imagefolder" && !directory.empty()) {
    data::EncodedImageOptions folder{.size = options.size, .skip_corrupt = options.skip_corrupt};
    const auto test = std::make_shared<data::ImageFolder>(directory + "/val", folder);
    folder.train = true;
    const auto train = std::make_shared<data::ImageFolder>(directory + "/train", folder);
    if (train->classes() != test->classes())
      throw fx::ValueError(
          "--data", "expected train and val of " + directory + " to have the same classes, got others");
    return {train, test, std::ssize(train->classes())};
  }
  if (name == "synthetic") {
    const auto images = std::make_shared<data::ImageDataset>(
        data::synthetic_images({.height = options.size, .width = options.size, .seed = options.seed}),
        data::ImageOptions{.mean = {0.5f}, .stddev = {0.25f}});
    return {images, images};
  }
  throw fx::ValueError(
      "--data",
      "expected fashion-mnist[:DIR], cifar10:DIR, cifar100:DIR, imagefolder:DIR or synthetic, got " +
          options.data);
}
