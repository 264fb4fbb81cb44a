#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "fornax/base/export.h"
#include "fornax/base/shape.h"
#include "fornax/data/dataset.h"
#include "fornax/data/images.h"

namespace fornax::data {

/// How images become tensors.
struct ImageOptions {
  std::int64_t shrink = 1;        ///< squares of so many pixels become their mean; a rim that fills none goes
  std::int64_t border = 0;        ///< zeros added on each side: 2 makes 28x28 images 32x32
  std::int64_t channels = 0;      ///< how often a grey image's one channel is repeated; 0: as the images are
  std::int64_t crop_padding = 0;  ///< each image is moved at random by up to so many pixels, zeros come in
  bool flip = false;              ///< each image is mirrored half of the time
  /// For each channel, or one for all: pixels become (byte / 255 - mean) / stddev. Zeros that come in do so
  /// before that.
  std::vector<float> mean = {0}, stddev = {1};
  MemoryFormat format = MemoryFormat::channels_last;  ///< of batches
};

/// Images in memory, one byte a value; x is f32 [n, channels, height, width]. A batch goes to a device in
/// bytes, with its random numbers; normalize_images() augments and normalises it there, or on the CPU.
class FORNAX_API ImageDataset final : public Dataset {
 public:
  /// Throws ValueError where options and images do not fit, or an image has no pixels.
  ImageDataset(Images images, ImageOptions options);

  std::int64_t size() const override { return images_.count; }
  /// One image, row-major. Throws IndexError.
  Sample get(std::int64_t index, SampleRandom& random) const override;
  /// Throws IndexError.
  Batch get_batch(std::span<const std::int64_t> indices, const EpochRandom& random) const override;
  /// Bytes [n, height, width, channels] of the images as they are kept, label, mean and stddev for each
  /// channel; if images are moved or mirrored, offsets and flip as normalize_images() takes them. Throws
  /// IndexError.
  std::vector<Tensor> get_parts(std::span<const std::int64_t> indices,
                                const EpochRandom& random) const override;
  Batch join(std::span<const Tensor> parts) const override;

  /// As they are kept: shrunk.
  const Images& images() const { return images_; }
  /// With the mean and stddev that are used.
  const ImageOptions& options() const { return options_; }
  /// [channels, height, width] of each x.
  Shape image_shape() const { return {channels_, height_, width_}; }

 private:
  bool augments() const { return options_.crop_padding > 0 || options_.flip; }
  std::vector<Tensor> empty_parts(std::int64_t count) const;
  /// Writes image `index` as the one at `place`.
  void put(std::vector<Tensor>& parts, std::int64_t place, std::int64_t index, SampleRandom& random) const;

  Images images_;
  ImageOptions options_;
  std::int64_t channels_ = 0, height_ = 0, width_ = 0;
  Tensor mean_, stddev_;  ///< f32 [channels]
};

/// The images of a directory; they throw as read_mnist, read_cifar10, read_cifar100 and ImageDataset do.
/// Where `options` has the default mean and stddev, they are those of the set's training images.
FORNAX_API std::shared_ptr<ImageDataset> mnist(const std::string& directory, Split split,
                                               ImageOptions options = {});
FORNAX_API std::shared_ptr<ImageDataset> fashion_mnist(const std::string& directory, Split split,
                                                       ImageOptions options = {});
FORNAX_API std::shared_ptr<ImageDataset> cifar10(const std::string& directory, Split split,
                                                 ImageOptions options = {});
FORNAX_API std::shared_ptr<ImageDataset> cifar100(const std::string& directory, Split split,
                                                  ImageOptions options = {},
                                                  Cifar100Labels labels = Cifar100Labels::fine);

struct SyntheticOptions {
  std::int64_t count = 1024, height = 32, width = 32, channels = 3, classes = 10;
  std::uint64_t seed = 0;
};
/// Images that can be learnt: each class has a random pattern, each image is its class' pattern half mixed
/// with noise. Label i is i modulo classes. The same options give the same images. Throws ValueError for
/// sizes below 1 or more than 256 classes.
FORNAX_API Images synthetic_images(const SyntheticOptions& options);

}  // namespace fornax::data
