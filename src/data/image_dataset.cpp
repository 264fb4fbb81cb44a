#include "fornax/data/image_dataset.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "data/image_parts.h"
#include "fornax/base/error.h"

namespace fornax::data {
namespace {

constexpr std::int64_t byte_values = 256;

/// The images with each square of `factor` x `factor` pixels as its mean, rounded.
Images shrunk(const Images& images, std::int64_t factor) {
  Images small{.count = images.count,
               .height = images.height / factor,
               .width = images.width / factor,
               .channels = images.channels,
               .labels = images.labels};
  small.pixels.reserve(static_cast<std::size_t>(small.count * small.height * small.width * small.channels));
  std::vector<std::int64_t> sums(static_cast<std::size_t>(images.channels));
  const std::int64_t area = factor * factor;
  for (std::int64_t i = 0; i < small.count; ++i)
    for (std::int64_t y = 0; y < small.height; ++y)
      for (std::int64_t x = 0; x < small.width; ++x) {
        std::ranges::fill(sums, area / 2);
        for (std::int64_t row = 0; row < factor; ++row) {
          const std::int64_t pixel = (i * images.height + y * factor + row) * images.width + x * factor;
          const std::uint8_t* from = images.pixels.data() + pixel * images.channels;
          for (std::int64_t column = 0; column < factor; ++column)
            for (std::int64_t& sum : sums) sum += *from++;
        }
        for (const std::int64_t sum : sums) small.pixels.push_back(static_cast<std::uint8_t>(sum / area));
      }
  return small;
}

void check(const Images& images, const ImageOptions& options, std::int64_t channels) {
  if (std::min({images.height, images.width, images.channels, channels}) < 1 || images.count < 0)
    throw ValueError("image_dataset",
                     fmt::format("expected images of sizes of 1 or more, got {} of {}x{}x{} for {} channels",
                                 images.count, images.height, images.width, images.channels, channels));
  if (options.shrink < 1 || options.shrink > std::min(images.height, images.width))
    throw ValueError("image_dataset",
                     fmt::format("expected shrink from 1 to the images' size of {}x{}, got {}", images.height,
                                 images.width, options.shrink));
  const auto pixels = images.count * images.height * images.width * images.channels;
  if (static_cast<std::int64_t>(images.pixels.size()) != pixels ||
      static_cast<std::int64_t>(images.labels.size()) != images.count)
    throw ValueError("image_dataset", fmt::format("expected {} pixels and {} labels, got {} and {}", pixels,
                                                  images.count, images.pixels.size(), images.labels.size()));
  if (images.channels != channels && images.channels != 1)
    throw ValueError("image_dataset", fmt::format("expected images of 1 or {0} channels for {0}, got {1}",
                                                  channels, images.channels));
  if (options.border < 0 || options.crop_padding < 0)
    throw ValueError("image_dataset",
                     fmt::format("expected border and crop_padding of 0 or more, got {} and {}",
                                 options.border, options.crop_padding));
  check_statistics("image_dataset", options.mean, options.stddev, channels);
}

ImageOptions with_statistics(ImageOptions options, std::vector<float> mean, std::vector<float> stddev) {
  const ImageOptions standard;
  if (options.mean == standard.mean && options.stddev == standard.stddev) {
    options.mean = std::move(mean);
    options.stddev = std::move(stddev);
  }
  return options;
}

}  // namespace

ImageDataset::ImageDataset(Images images, ImageOptions options)
    : images_(std::move(images)),
      options_(std::move(options)),
      channels_(options_.channels == 0 ? images_.channels : options_.channels) {
  check(images_, options_, channels_);
  if (options_.shrink > 1) images_ = shrunk(images_, options_.shrink);
  height_ = images_.height + 2 * options_.border;
  width_ = images_.width + 2 * options_.border;
  mean_ = per_channel(options_.mean, channels_);
  stddev_ = per_channel(options_.stddev, channels_);
}

Sample ImageDataset::get(std::int64_t index, SampleRandom& random) const {
  check_index(index);
  std::vector<Tensor> parts = empty_parts(1);
  put(parts, 0, index, random);
  return {join(parts).x.select(0, 0).contiguous(), images_.labels[static_cast<std::size_t>(index)]};
}

Batch ImageDataset::get_batch(std::span<const std::int64_t> indices, const EpochRandom& random) const {
  return join(get_parts(indices, random));
}

std::vector<Tensor> ImageDataset::get_parts(std::span<const std::int64_t> indices,
                                            const EpochRandom& random) const {
  for (const std::int64_t index : indices) check_index(index);
  const auto count = static_cast<std::int64_t>(indices.size());
  std::vector<Tensor> parts = empty_parts(count);
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t index = indices[static_cast<std::size_t>(i)];
    SampleRandom numbers = random.sample(index);
    put(parts, i, index, numbers);
  }
  return parts;
}

Batch ImageDataset::join(std::span<const Tensor> parts) const {
  return join_images(parts, {.size = Pair(height_, width_)}, options_.format);
}

std::vector<Tensor> ImageDataset::empty_parts(std::int64_t count) const {
  std::vector<Tensor> parts{empty({count, images_.height, images_.width, images_.channels}, {.dtype = u8}),
                            empty({count}, {.dtype = i64}), mean_, stddev_};
  if (augments()) {
    parts.push_back(empty({count, 2}, {.dtype = i64}));
    parts.push_back(empty({count}, {.dtype = boolean}));
  }
  return parts;
}

void ImageDataset::put(std::vector<Tensor>& parts, std::int64_t place, std::int64_t index,
                       SampleRandom& random) const {
  const std::int64_t size = images_.height * images_.width * images_.channels;
  std::copy_n(images_.pixels.data() + index * size, size,
              parts[Part::bytes].data<std::uint8_t>() + place * size);
  parts[Part::labels].data<std::int64_t>()[place] = images_.labels[static_cast<std::size_t>(index)];
  if (!augments()) return;
  // Draws in the order of random_crop, random_flip.
  auto* const offset = parts[Part::offsets].data<std::int64_t>() + 2 * place;
  const std::int64_t padding = options_.crop_padding;
  for (const int axis : {0, 1})
    offset[axis] = -options_.border + (padding > 0 ? random.below(2 * padding + 1) - padding : 0);
  parts[Part::flip].data<bool>()[place] = options_.flip && random.below(2) == 1;
}

std::shared_ptr<ImageDataset> mnist(const std::string& directory, Split split, ImageOptions options) {
  return std::make_shared<ImageDataset>(read_mnist(directory, split),
                                        with_statistics(std::move(options), {0.1307f}, {0.3081f}));
}

std::shared_ptr<ImageDataset> fashion_mnist(const std::string& directory, Split split, ImageOptions options) {
  return std::make_shared<ImageDataset>(read_mnist(directory, split),
                                        with_statistics(std::move(options), {0.2860f}, {0.3530f}));
}

std::shared_ptr<ImageDataset> cifar10(const std::string& directory, Split split, ImageOptions options) {
  return std::make_shared<ImageDataset>(
      read_cifar10(directory, split),
      with_statistics(std::move(options), {0.4914f, 0.4822f, 0.4465f}, {0.2470f, 0.2435f, 0.2616f}));
}

std::shared_ptr<ImageDataset> cifar100(const std::string& directory, Split split, ImageOptions options,
                                       Cifar100Labels labels) {
  return std::make_shared<ImageDataset>(
      read_cifar100(directory, split, labels),
      with_statistics(std::move(options), {0.5071f, 0.4865f, 0.4409f}, {0.2673f, 0.2564f, 0.2762f}));
}

Images synthetic_images(const SyntheticOptions& options) {
  if (std::min({options.count, options.height, options.width, options.channels, options.classes}) < 1 ||
      options.classes > byte_values)
    throw ValueError("synthetic_images",
                     fmt::format("expected sizes of 1 or more and at most {} classes, got {} images of "
                                 "{}x{}x{} in {} classes",
                                 byte_values, options.count, options.height, options.width, options.channels,
                                 options.classes));
  Images images{
      .count = options.count, .height = options.height, .width = options.width, .channels = options.channels};
  const std::int64_t size = options.height * options.width * options.channels;
  const auto noise = [&](std::int64_t index, std::int64_t epoch) {
    SampleRandom random(options.seed, epoch, index);
    std::vector<std::uint8_t> bytes(static_cast<std::size_t>(size));
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random.bits());
    return bytes;
  };
  std::vector<std::vector<std::uint8_t>> patterns;
  for (std::int64_t i = 0; i < options.classes; ++i) patterns.push_back(noise(i, 1));
  images.pixels.reserve(static_cast<std::size_t>(options.count * size));
  for (std::int64_t i = 0; i < options.count; ++i) {
    const auto label = static_cast<std::uint8_t>(i % options.classes);
    const std::vector<std::uint8_t> own = noise(i, 0);
    for (std::size_t at = 0; at < own.size(); ++at)
      images.pixels.push_back(static_cast<std::uint8_t>((patterns[label][at] + own[at]) / 2));
    images.labels.push_back(label);
  }
  return images;
}

}  // namespace fornax::data
