#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "fornax/data/dataset.h"
#include "fornax/ops/image.h"

/// What images in bytes become on their way to a device, for the sets that hold or read them.
namespace fornax::data {

/// What their get_parts() gives, in order: bytes u8 [n, height, width, channels], labels, mean and stddev f32
/// [channels]; the last two, as normalize_images() takes them, only where it moves or mirrors images.
struct Part {
  enum : std::size_t { bytes, labels, mean, stddev, offsets, flip };
};

/// Throws ValueError naming `op` unless there is one number or one a channel, and no deviation is 0.
void check_statistics(const char* op, const std::vector<float>& mean, const std::vector<float>& stddev,
                      std::int64_t channels);
/// f32 [channels] of one number for each channel, or one for all.
Tensor per_channel(const std::vector<float>& values, std::int64_t channels);

/// The batch of these parts, x in `format`; `options` without the parts.
Batch join_images(std::span<const Tensor> parts, NormalizeImagesOptions options, MemoryFormat format);

}  // namespace fornax::data
