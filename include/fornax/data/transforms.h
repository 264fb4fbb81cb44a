#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "fornax/base/export.h"
#include "fornax/data/derived_datasets.h"

/// Ways to vary and prepare images [channels, height, width] on the CPU, for any data set; ImageDataset has
/// the same built in and is faster. Each throws ShapeError or DTypeError naming itself where an image does
/// not fit.
namespace fornax::data {

using Transform = std::function<Tensor(const Tensor& x, SampleRandom& random)>;

/// A place of `height` x `width` at random in the image with `padding` zeros added on each side. Any dtype.
FORNAX_API Transform random_crop(std::int64_t height, std::int64_t width, std::int64_t padding);
/// The image or its mirror image, each half of the time. Any dtype.
FORNAX_API Transform random_flip();
/// (x - mean) / stddev for each channel, in f32. `x` is f32, or u8 which stands for x / 255. Throws
/// ValueError unless `mean` and `stddev` have the same length and no `stddev` is 0.
FORNAX_API Transform normalize(std::vector<float> mean, std::vector<float> stddev);

/// Another data set with transforms applied in order to x.
class FORNAX_API TransformedDataset final : public MappedDataset {
 public:
  TransformedDataset(std::shared_ptr<const Dataset> dataset, std::vector<Transform> transforms);
};

}  // namespace fornax::data
