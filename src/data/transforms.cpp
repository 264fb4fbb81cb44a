#include "fornax/data/transforms.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "data/image_check.h"
#include "fornax/base/error.h"

namespace fornax::data {
namespace {

Tensor checked_image(const Tensor& x, const char* op) {
  check_image(x, op);
  return x.contiguous();
}

template <class T>
T* elements(const Tensor& x) {
  return static_cast<TensorView>(x).ptr<T>();
}

}  // namespace

void check_image(const Tensor& x, const char* op) {
  if (x.rank() != 3)
    throw ShapeError(op, fmt::format("expected an image [channels,height,width], got {}", describe(x)));
  if (!x.device().is_cpu())
    throw DeviceError(op, fmt::format("expected an image on the CPU, got {}", describe(x)));
}

Transform random_crop(std::int64_t height, std::int64_t width, std::int64_t padding) {
  if (height < 1 || width < 1 || padding < 0)
    throw ValueError("random_crop",
                     fmt::format("expected sizes of 1 or more and padding of 0 or more, got {}x{} and {}",
                                 height, width, padding));
  return [=](const Tensor& x, SampleRandom& random) {
    const Tensor image = checked_image(x, "random_crop");
    const Shape from = image.shape(), to{from[0], height, width};
    const std::int64_t room_y = from[1] + 2 * padding - height, room_x = from[2] + 2 * padding - width;
    if (room_y < 0 || room_x < 0)
      throw ShapeError("random_crop",
                       fmt::format("expected an image of at least {}x{} with padding {}, got {}", height,
                                   width, padding, describe(x)));
    // Where the crop begins in the image, and which part of the crop the image covers.
    const std::int64_t top = random.below(room_y + 1) - padding, left = random.below(room_x + 1) - padding;
    const std::int64_t first_x = std::clamp<std::int64_t>(-left, 0, width);
    const std::int64_t last_x = std::clamp<std::int64_t>(from[2] - left, first_x, width);
    Tensor crop = empty(to, {.dtype = image.dtype()});
    const auto size = static_cast<std::int64_t>(size_of(image.dtype()));
    const auto* in = elements<const std::byte>(image);
    auto* out = elements<std::byte>(crop);
    std::memset(out, 0, static_cast<std::size_t>(crop.numel() * size));
    for (std::int64_t c = 0; c < to[0]; ++c) {
      for (std::int64_t y = 0; y < height; ++y) {
        if (top + y < 0 || top + y >= from[1] || first_x == last_x) continue;
        std::memcpy(out + ((c * height + y) * width + first_x) * size,
                    in + ((c * from[1] + top + y) * from[2] + left + first_x) * size,
                    static_cast<std::size_t>((last_x - first_x) * size));
      }
    }
    return crop;
  };
}

Transform random_flip() {
  return [](const Tensor& x, SampleRandom& random) {
    Tensor image = checked_image(x, "random_flip");
    if (random.below(2) == 0) return image;
    Tensor flipped = empty(image.shape(), {.dtype = image.dtype()});
    const std::int64_t width = image.shape()[2];
    visit_dtype(image.dtype(), [&]<class T>(std::type_identity<T>) {
      const T* in = elements<const T>(image);
      T* out = elements<T>(flipped);
      for (std::int64_t row = 0; row < image.numel(); row += width)
        std::reverse_copy(in + row, in + row + width, out + row);
    });
    return flipped;
  };
}

Transform normalize(std::vector<float> mean, std::vector<float> stddev) {
  if (mean.size() != stddev.size() || std::ranges::find(stddev, 0.f) != stddev.end())
    throw ValueError(
        "normalize",
        fmt::format("expected as many means as standard deviations, none of them 0, got {} and {}",
                    mean.size(), stddev.size()));
  return [mean = std::move(mean), stddev = std::move(stddev)](const Tensor& x, SampleRandom&) {
    const Tensor image = checked_image(x, "normalize");
    const auto channels = static_cast<std::int64_t>(mean.size());
    if (image.shape()[0] != channels)
      throw ShapeError("normalize", fmt::format("expected {} channels, got {}", channels, describe(x)));
    if (image.dtype() != u8 && image.dtype() != f32)
      throw DTypeError("normalize", fmt::format("expected an image of u8 or f32, got {}", describe(x)));
    Tensor out = empty(image.shape());
    const std::int64_t area = image.shape()[1] * image.shape()[2];
    const auto run = [&]<class T>(const T* in, double unit) {  // rounded once, as by normalize_images()
      float* to = out.data<float>();
      for (std::int64_t c = 0; c < channels; ++c) {
        const double channel_mean = mean[static_cast<std::size_t>(c)],
                     channel_stddev = stddev[static_cast<std::size_t>(c)];
        for (std::int64_t at = c * area; at < (c + 1) * area; ++at)
          to[at] = static_cast<float>((in[at] / unit - channel_mean) / channel_stddev);
      }
    };
    if (image.dtype() == u8)
      run(image.data<std::uint8_t>(), 255.);
    else
      run(image.data<float>(), 1.);
    return out;
  };
}

TransformedDataset::TransformedDataset(std::shared_ptr<const Dataset> dataset,
                                       std::vector<Transform> transforms)
    : MappedDataset(std::move(dataset),
                    [transforms = std::move(transforms)](Sample sample, SampleRandom& random) {
                      for (const Transform& transform : transforms) sample.x = transform(sample.x, random);
                      return sample;
                    }) {}

}  // namespace fornax::data
