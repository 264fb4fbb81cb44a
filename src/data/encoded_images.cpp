#include "fornax/data/encoded_images.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "data/image_decode.h"
#include "data/image_parts.h"
#include "data/resize_view.h"
#include "data/sample_error.h"
#include "fornax/base/error.h"

namespace fornax::data {

static constexpr std::int64_t channels = 3;

EncodedImages::EncodedImages(const char* op, EncodedImageOptions options) : options_(std::move(options)) {
  if (options_.resize == 0) options_.resize = options_.size * 256 / 224;
  if (options_.size < 1 || options_.resize < options_.size)
    throw ValueError(op, fmt::format("expected a size of 1 or more and resize of no less, got {} and {}",
                                     options_.size, options_.resize));
  if (options_.decode.max_pixels < 1)
    throw ValueError(op, fmt::format("expected max_pixels of 1 or more, got {}", options_.decode.max_pixels));
  check_random_resized_crop(op, options_.crop);
  check_statistics(op, options_.mean, options_.stddev, channels);
  mean_ = per_channel(options_.mean, channels);
  stddev_ = per_channel(options_.stddev, channels);
}

Sample EncodedImages::get(std::int64_t index, SampleRandom& random) const {
  check_index(index);
  std::vector<Tensor> parts = empty_parts(1);
  put(parts, 0, index, random);
  return {join(parts).x.select(0, 0).contiguous(), parts[Part::labels].item<std::int64_t>()};
}

Batch EncodedImages::get_batch(std::span<const std::int64_t> indices, const EpochRandom& random) const {
  return join(get_parts(indices, random));
}

std::vector<Tensor> EncodedImages::get_parts(std::span<const std::int64_t> indices,
                                             const EpochRandom& random) const {
  for (const std::int64_t index : indices) check_index(index);
  std::vector<Tensor> parts = empty_parts(static_cast<std::int64_t>(indices.size()));
  std::int64_t place = 0;
  for (const std::int64_t index : indices)
    naming_sample(*this, index, [&] {
      SampleRandom numbers = random.sample(index);
      put(parts, place++, index, numbers);
    });
  return parts;
}

Batch EncodedImages::join(std::span<const Tensor> parts) const {
  return join_images(parts, {}, options_.format);
}

std::vector<Tensor> EncodedImages::empty_parts(std::int64_t count) const {
  return {empty({count, options_.size, options_.size, channels}, {.dtype = u8}),
          empty({count}, {.dtype = i64}), mean_, stddev_};
}

void EncodedImages::put(std::vector<Tensor>& parts, std::int64_t place, std::int64_t index,
                        SampleRandom& random) const {
  auto* const pixels =
      parts[Part::bytes].data<std::uint8_t>() + place * options_.size * options_.size * channels;
  constexpr std::int64_t most_replacements =
      100;  // of one image; by then the disk is at fault, not the files
  const std::int64_t most = options_.skip_corrupt ? std::min(size(), most_replacements) : 1;
  for (std::int64_t tries = 1;; ++tries, index = (index + 1) % size()) {
    try {
      decode(index, random, pixels);
      break;
    } catch (const IoError&) {
      if (tries == most) throw;
      skipped_.fetch_add(1, std::memory_order_relaxed);
    }
  }
  parts[Part::labels].data<std::int64_t>()[place] = label(index);
}

void EncodedImages::decode(std::int64_t index, SampleRandom& random, std::uint8_t* pixels) const {
  decode_resized(
      read(index), name(index), options_.decode, options_.train && options_.reduce,
      [&](std::int64_t height, std::int64_t width) {
        if (!options_.train) return center_view(height, width, options_.resize, options_.size);
        ResizeView view = region_view(random_region(height, width, options_.crop, random), options_.size);
        view.mirrored = random.below(2) == 1;
        return view;
      },
      pixels);
}

}  // namespace fornax::data
