#include "fornax/data/image_dataset.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "fornax/base/error.h"
#include "fornax/base/parallel.h"

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
  for (const std::size_t given : {options.mean.size(), options.stddev.size()})
    if (given != 1 && given != static_cast<std::size_t>(channels))
      throw ValueError("image_dataset",
                       fmt::format("expected 1 or {} means and standard deviations, got {} and {}", channels,
                                   options.mean.size(), options.stddev.size()));
  if (std::ranges::find(options.stddev, 0.f) != options.stddev.end())
    throw ValueError("image_dataset", "expected standard deviations other than 0, got 0");
}

/// How pixels of bytes become pixels of a batch.
struct Pixels {
  const float* values;       ///< [256, channels]: what each byte becomes
  std::int64_t byte_stride;  ///< from channel to channel of the image: 0 where a grey one is repeated
  std::int64_t channels, pixel_stride, channel_stride;

  /// `count` pixels from bytes that are `step` apart.
  void write(const std::uint8_t* bytes, std::int64_t step, float* out, std::int64_t count) const {
    if (channels == 3)
      write_channels<3>(bytes, step, out, count);
    else if (channels == 1)
      write_channels<1>(bytes, step, out, count);
    else
      write_channels<0>(bytes, step, out, count);
  }
  void write_zeros(float* out, std::int64_t count) const {
    constexpr std::uint8_t zero = 0;
    Pixels grey = *this;
    grey.byte_stride = 0;
    grey.write(&zero, 0, out, count);
  }

 private:
  /// The usual numbers of channels are known to the compiler, which then keeps a pixel in registers.
  template <int fixed>
  void write_channels(const std::uint8_t* bytes, std::int64_t step, float* out, std::int64_t count) const {
    const std::int64_t n = fixed > 0 ? fixed : channels;
    for (; count > 0; --count, bytes += step, out += pixel_stride)
      for (std::int64_t c = 0; c < n; ++c) out[c * channel_stride] = values[bytes[c * byte_stride] * n + c];
  }
};

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
  for (std::int64_t byte = 0; byte < byte_values; ++byte) {
    for (std::size_t c = 0; c < static_cast<std::size_t>(channels_); ++c) {
      const float mean = options_.mean[options_.mean.size() == 1 ? 0 : c];
      const float stddev = options_.stddev[options_.stddev.size() == 1 ? 0 : c];
      values_.push_back((static_cast<float>(byte) / 255.f - mean) / stddev);
    }
  }
}

Sample ImageDataset::get(std::int64_t index, SampleRandom& random) const {
  check_index(index);
  Sample sample{empty(image_shape()), images_.labels[static_cast<std::size_t>(index)]};
  write(index, random, sample.x.data<float>(), 1, height_ * width_);
  return sample;
}

Batch ImageDataset::get_batch(std::span<const std::int64_t> indices, const EpochRandom& random) const {
  for (const std::int64_t index : indices) check_index(index);
  const auto count = static_cast<std::int64_t>(indices.size());
  Batch batch{empty({count, channels_, height_, width_}, {.format = options_.format}),
              empty({count}, {.dtype = i64})};
  auto* x = batch.x.data<float>();
  auto* label = batch.label.data<std::int64_t>();
  const Strides& strides = batch.x.strides();
  const std::int64_t size = channels_ * height_ * width_;
  constexpr std::int64_t worth_a_thread = 1 << 16;
  parallel_for(0, count, std::max<std::int64_t>(1, worth_a_thread / size),
               [&](std::int64_t first, std::int64_t last) {
                 for (std::int64_t i = first; i < last; ++i) {
                   const std::int64_t index = indices[static_cast<std::size_t>(i)];
                   SampleRandom numbers = random.sample(index);
                   write(index, numbers, x + i * size, strides[3], strides[1]);
                   label[i] = images_.labels[static_cast<std::size_t>(index)];
                 }
               });
  return batch;
}

/// Writes image `index` where a row is `width_` pixels of `pixel_stride`.
void ImageDataset::write(std::int64_t index, SampleRandom& random, float* out, std::int64_t pixel_stride,
                         std::int64_t channel_stride) const {
  // Pixel (0, 0) of the result is pixel (top, left) of the image; draws in the order of random_crop,
  // random_flip.
  std::int64_t top = -options_.border, left = -options_.border;
  if (const std::int64_t padding = options_.crop_padding; padding > 0) {
    top += random.below(2 * padding + 1) - padding;
    left += random.below(2 * padding + 1) - padding;
  }
  const bool flip = options_.flip && random.below(2) == 1;
  // The result's pixels [first, last) come from the image: from `start` on, rightwards or leftwards.
  const std::int64_t begin = std::clamp<std::int64_t>(-left, 0, width_);
  const std::int64_t end = std::clamp<std::int64_t>(images_.width - left, begin, width_);
  const std::int64_t first = flip ? width_ - end : begin, last = flip ? width_ - begin : end;
  const std::int64_t from = images_.channels, step = flip ? -from : from;
  const std::int64_t start = flip ? left + end - 1 : left + begin;

  const Pixels pixels{values_.data(), from == 1 ? 0 : 1, channels_, pixel_stride, channel_stride};
  const std::uint8_t* image = images_.pixels.data() + index * images_.height * images_.width * from;
  for (std::int64_t y = 0; y < height_; ++y, out += width_ * pixel_stride) {
    const bool inside = top + y >= 0 && top + y < images_.height && first < last;
    if (!inside) {
      pixels.write_zeros(out, width_);
      continue;
    }
    const std::uint8_t* row = image + ((top + y) * images_.width + start) * from;
    pixels.write_zeros(out, first);
    pixels.write(row, step, out + first * pixel_stride, last - first);
    pixels.write_zeros(out + last * pixel_stride, width_ - last);
  }
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
