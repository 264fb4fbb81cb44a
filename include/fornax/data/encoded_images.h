#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "fornax/base/export.h"
#include "fornax/data/dataset.h"
#include "fornax/data/image_file.h"
#include "fornax/data/resize.h"

namespace fornax::data {

/// How files of images become tensors.
struct EncodedImageOptions {
  std::int64_t size = 224;  ///< height and width of what comes out
  /// true: random_resized_crop by `crop`, mirrored half of the time; false: the shorter side to `resize`, of
  /// that the middle.
  bool train = false;
  RandomResizedCropOptions crop = {};
  std::int64_t resize = 0;  ///< 0: size * 256 / 224
  /// For each channel: bytes become (byte / 255 - mean) / stddev. ImageNet's.
  std::vector<float> mean = {0.485f, 0.456f, 0.406f}, stddev = {0.229f, 0.224f, 0.225f};
  /// For training: decode a JPEG at 1/2, 1/4 or 1/8 of its size where what is taken of it stays at least as
  /// large as what comes out. Several times faster for large images, but not what torchvision gives to the
  /// last bit, as images for evaluation are.
  bool reduce = true;
  /// An image that cannot be read or decoded is replaced by the next one that can (an error after 100 that
  /// cannot), and counted in skipped().
  bool skip_corrupt = false;
  DecodeOptions decode = {};
  MemoryFormat format = MemoryFormat::channels_last;  ///< of batches
};

/// Images that are kept as JPEG and PNG files, wherever these lie, and decoded when they are asked for. x is
/// f32 [3, size, size]. A batch goes to a device in bytes; normalize_images() prepares it there, or on the
/// CPU.
///
/// Of a JPEG only the rows and columns that are taken are decoded, so that damage below them is not seen.
class FORNAX_API EncodedImages : public Dataset {
 public:
  /// One image, row-major. Throws IndexError, IoError.
  Sample get(std::int64_t index, SampleRandom& random) const override;
  /// Throws IndexError, SampleError.
  Batch get_batch(std::span<const std::int64_t> indices, const EpochRandom& random) const override;
  /// Bytes [n, size, size, 3], label, mean and stddev. Throws IndexError, SampleError.
  std::vector<Tensor> get_parts(std::span<const std::int64_t> indices,
                                const EpochRandom& random) const override;
  Batch join(std::span<const Tensor> parts) const override;

  /// Throws IndexError.
  virtual std::int64_t label(std::int64_t index) const = 0;
  const EncodedImageOptions& options() const { return options_; }
  /// How often an image was replaced so far, in samples that are being prepared too. From any thread.
  std::int64_t skipped() const { return skipped_.load(std::memory_order_relaxed); }

 protected:
  /// Throws ValueError naming `op` for options that make no sense.
  EncodedImages(const char* op, EncodedImageOptions options);
  /// The file of image `index`, one of the set. Called from any thread. Throws IoError.
  virtual std::vector<std::byte> read(std::int64_t index) const = 0;

 private:
  std::vector<Tensor> empty_parts(std::int64_t count) const;
  /// Writes image `index`, or what replaces it, as the one at `place`.
  void put(std::vector<Tensor>& parts, std::int64_t place, std::int64_t index, SampleRandom& random) const;
  /// Writes image `index` to `pixels`.
  void decode(std::int64_t index, SampleRandom& random, std::uint8_t* pixels) const;

  EncodedImageOptions options_;
  Tensor mean_, stddev_;  ///< f32 [3]
  mutable std::atomic<std::int64_t> skipped_ = 0;
};

}  // namespace fornax::data
