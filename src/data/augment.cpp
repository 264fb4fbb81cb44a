#include "fornax/data/augment.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <utility>

#include "data/image_check.h"
#include "data/resize_view.h"
#include "fornax/base/error.h"
#include "fornax/ops/rearrange.h"

namespace fornax::data {
namespace {

double uniform(SampleRandom& random, double low, double high) {
  return low + (high - low) * static_cast<double>(random.uniform());
}

using Function = Tensor (*)(const Tensor& x, double factor);
/// A change and the factors among which it chooses.
struct Jitter {
  Function change;
  double low, high;
};

}  // namespace

Transform center_crop(std::int64_t height, std::int64_t width) {
  if (height < 1 || width < 1)
    throw ValueError("center_crop", fmt::format("expected sizes of 1 or more, got {}x{}", height, width));
  return [=](const Tensor& x, SampleRandom&) {
    check_image(x, "center_crop");
    Tensor image = x;
    for (const auto& [axis, size] : {std::pair{1, height}, {2, width}}) {
      const std::int64_t lacks = std::max<std::int64_t>(size - image.size(axis), 0);
      if (lacks > 0) image = pad(image, {{axis, lacks / 2, (lacks + 1) / 2}});
      image = image.narrow(axis, center_begin(image.size(axis), size), size);
    }
    return image;
  };
}

Transform grayscale() {
  return [](const Tensor& x, SampleRandom&) { return to_grayscale(x, x.rank() == 3 ? x.size(0) : 1); };
}

Transform random_rotation(double degrees, Resampling resampling) {
  if (!(degrees >= 0 && std::isfinite(degrees)))
    throw ValueError("random_rotation", fmt::format("expected degrees of 0 or more, got {}", degrees));
  return [degrees, resampling = std::move(resampling)](const Tensor& x, SampleRandom& random) {
    return rotate(x, uniform(random, -degrees, degrees), resampling);
  };
}

Transform color_jitter(const ColorJitterOptions& o) {
  const std::array widths{o.brightness, o.contrast, o.saturation, o.hue};
  if (!std::ranges::all_of(widths, [](double w) { return w >= 0 && std::isfinite(w); }) || o.hue > 0.5)
    throw ValueError("color_jitter",
                     fmt::format("expected widths of 0 or more, of hue at most 0.5, got {}, {}, {} and {}",
                                 o.brightness, o.contrast, o.saturation, o.hue));
  const auto around_1 = [](Function change, double width) {
    return Jitter{change, std::max(1 - width, 0.), 1 + width};
  };
  std::vector<Jitter> jitters;
  if (o.brightness > 0) jitters.push_back(around_1(adjust_brightness, o.brightness));
  if (o.contrast > 0) jitters.push_back(around_1(adjust_contrast, o.contrast));
  if (o.saturation > 0) jitters.push_back(around_1(adjust_saturation, o.saturation));
  if (o.hue > 0) jitters.push_back({adjust_hue, -o.hue, o.hue});
  return [jitters = std::move(jitters)](const Tensor& x, SampleRandom& random) {
    std::vector<Jitter> order = jitters;
    for (std::size_t left = order.size(); left > 1; --left)
      std::swap(order[left - 1],
                order[static_cast<std::size_t>(random.below(static_cast<std::int64_t>(left)))]);
    Tensor image = x;
    for (const auto& [change, low, high] : order) image = change(image, uniform(random, low, high));
    return image;
  };
}

Transform random_erasing(RandomErasingOptions options) {
  const auto& [p, least_area, most_area, least_ratio, most_ratio, value] = options;
  if (!(p >= 0 && p <= 1 && least_area >= 0 && least_area <= most_area && most_area <= 1 && least_ratio > 0 &&
        least_ratio <= most_ratio && std::isfinite(most_ratio)) ||
      value.empty())
    throw ValueError("random_erasing",
                     fmt::format("expected p and areas in [0, 1], ratios above 0, the least of each first, "
                                 "and a value, got p={} areas {} to {}, ratios {} to {} and {} values",
                                 p, least_area, most_area, least_ratio, most_ratio, value.size()));
  return [options = std::move(options)](const Tensor& x, SampleRandom& random) {
    check_image(x, "random_erasing");
    const auto channels = static_cast<std::size_t>(x.size(0));
    const std::vector<float>& fill = options.value;
    if (fill.size() != 1 && fill.size() != channels)
      throw ValueError("random_erasing",
                       fmt::format("expected 1 or {} values, got {}", channels, fill.size()));
    if (random.uniform() >= options.p) return x;
    const double area = static_cast<double>(x.size(1) * x.size(2));
    constexpr int tries = 10;
    for (int i = 0; i < tries; ++i) {
      const double erased = area * uniform(random, options.least_area, options.most_area);
      const double ratio =
          std::exp(uniform(random, std::log(options.least_ratio), std::log(options.most_ratio)));
      const std::int64_t height = rounded(std::sqrt(erased * ratio)),
                         width = rounded(std::sqrt(erased / ratio));
      if (height >= x.size(1) || width >= x.size(2)) continue;
      const std::int64_t top = random.below(x.size(1) - height + 1);
      const std::int64_t left = random.below(x.size(2) - width + 1);
      Tensor image = x.clone();
      const Tensor place = image.narrow(1, top, height).narrow(2, left, width);
      for (std::size_t c = 0; c < channels; ++c)
        place.select(0, static_cast<std::int64_t>(c)).fill_(fill[fill.size() == 1 ? 0 : c]);
      return image;
    }
    return x;
  };
}

Transform trivial_augment_wide(int magnitudes, Resampling resampling) {
  if (magnitudes < 2)
    throw ValueError("trivial_augment_wide",
                     fmt::format("expected 2 magnitudes or more, got {}", magnitudes));
  return [magnitudes, resampling = std::move(resampling)](const Tensor& x, SampleRandom& random) -> Tensor {
    const double steps = magnitudes - 1;
    // From 0 to 1 in even steps; `sided` may be negative. Both are drawn only where they are used.
    const auto step = [&] { return static_cast<double>(random.below(magnitudes)); };
    const auto sided = [&](double most) {
      const double magnitude = most * step() / steps;
      return random.below(2) == 1 ? -magnitude : magnitude;
    };
    // About the upper left corner, as the reference.
    const auto sheared = [&](double AffineOptions::*shear) {
      AffineOptions options{.centre_x = -0.5 * static_cast<double>(x.size(2)),
                            .centre_y = -0.5 * static_cast<double>(x.size(1))};
      options.*shear = std::atan(sided(0.99)) * 180 / std::numbers::pi;
      return affine(x, options, resampling);
    };
    switch (random.below(14)) {
      case 0: return x;
      case 1: return sheared(&AffineOptions::shear_x);
      case 2: return sheared(&AffineOptions::shear_y);
      case 3: return affine(x, {.translate_x = std::trunc(sided(32))}, resampling);
      case 4: return affine(x, {.translate_y = std::trunc(sided(32))}, resampling);
      case 5: return rotate(x, sided(135), resampling);
      case 6: return adjust_brightness(x, 1 + sided(0.99));
      case 7: return adjust_saturation(x, 1 + sided(0.99));
      case 8: return adjust_contrast(x, 1 + sided(0.99));
      case 9: return adjust_sharpness(x, 1 + sided(0.99));
      case 10: return posterize(x, 8 - static_cast<int>(rounded(step() / (steps / 6))));
      case 11: return solarize(x, 255 - 255 * step() / steps);
      case 12: return autocontrast(x);
      default: return equalize(x);
    }
  };
}

}  // namespace fornax::data
