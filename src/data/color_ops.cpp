// Policy: the float arithmetic of torchvision's tensor functions, operation by operation and in f32, so that
// bytes come out the same. What depends on a value alone goes through a table.
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "data/image_bytes.h"
#include "fornax/base/error.h"
#include "fornax/data/image_ops.h"

namespace fornax::data {

ImageBytes::ImageBytes(const Tensor& x, const char* op) {
  if (x.rank() != 3 || (x.size(0) != 1 && x.size(0) != 3))
    throw ShapeError(op, fmt::format("expected an image [1 or 3,height,width], got {}", describe(x)));
  if (x.dtype() != u8) throw DTypeError(op, fmt::format("expected an image of u8, got {}", describe(x)));
  if (!x.device().is_cpu())
    throw DeviceError(op, fmt::format("expected an image on the CPU, got {}", describe(x)));
  tensor = x.contiguous();
  data = tensor.data<std::uint8_t>();
  channels = x.size(0);
  height = x.size(1);
  width = x.size(2);
  area = height * width;
}

namespace {

void check_factor(const char* op, double factor) {
  if (!(factor >= 0 && std::isfinite(factor)))
    throw ValueError(op, fmt::format("expected a finite factor of 0 or more, got {}", factor));
}

/// Two values as torchvision's _blend mixes them.
struct Blend {
  explicit Blend(double factor) : own(static_cast<float>(factor)), other(static_cast<float>(1 - factor)) {}
  std::uint8_t operator()(float value, float towards) const { return to_byte(own * value + other * towards); }
  float own, other;
};

std::uint8_t grey(std::uint8_t r, std::uint8_t g, std::uint8_t b) {
  return static_cast<std::uint8_t>(0.2989f * static_cast<float>(r) + 0.587f * static_cast<float>(g) +
                                   0.114f * static_cast<float>(b));
}

std::uint8_t grey_at(const ImageBytes& image, std::int64_t at) {
  return image.channels == 1
             ? image.data[at]
             : grey(image.data[at], image.data[image.area + at], image.data[2 * image.area + at]);
}

struct Hsv {
  float h, s, v;
};

Hsv hsv_of(float r, float g, float b) {
  const float most = std::max({r, g, b}), least = std::min({r, g, b});
  const bool is_grey = most == least;
  const float range = most - least, divisor = is_grey ? 1.f : range;
  const float s = range / (is_grey ? 1.f : most);
  const float rc = (most - r) / divisor, gc = (most - g) / divisor, bc = (most - b) / divisor;
  float h;
  if (most == r)
    h = bc - gc;
  else if (most == g)
    h = 2.f + rc - bc;
  else
    h = 4.f + gc - rc;
  return {std::fmod(h / 6.f + 1.f, 1.f), s, most};
}

std::array<float, 3> rgb_of(const Hsv& colour) {
  const auto [h, s, v] = colour;
  const float sector = std::floor(h * 6.f), f = h * 6.f - sector;
  const auto unit = [](float value) { return std::clamp(value, 0.f, 1.f); };
  const float p = unit(v * (1.f - s)), q = unit(v * (1.f - s * f)), t = unit(v * (1.f - s * (1.f - f)));
  switch (static_cast<int>(sector) % 6) {
    case 0: return {v, t, p};
    case 1: return {q, v, p};
    case 2: return {p, v, t};
    case 3: return {p, q, v};
    case 4: return {t, p, v};
    default: return {v, p, q};
  }
}

}  // namespace

Tensor adjust_brightness(const Tensor& x, double factor) {
  check_factor("adjust_brightness", factor);
  const Blend blend(factor);
  return mapped(ImageBytes(x, "adjust_brightness"),
                [&](int value) { return blend(static_cast<float>(value), 0); });
}

Tensor adjust_contrast(const Tensor& x, double factor) {
  check_factor("adjust_contrast", factor);
  const ImageBytes image(x, "adjust_contrast");
  std::int64_t sum = 0;
  for (std::int64_t at = 0; at < image.area; ++at) sum += grey_at(image, at);
  const float mean = static_cast<float>(sum) / static_cast<float>(image.area);
  const Blend blend(factor);
  return mapped(image, [&](int value) { return blend(static_cast<float>(value), mean); });
}

Tensor adjust_saturation(const Tensor& x, double factor) {
  check_factor("adjust_saturation", factor);
  const ImageBytes image(x, "adjust_saturation");
  if (image.channels == 1) return x;
  const Blend blend(factor);
  Tensor y = empty(x.shape(), {.dtype = u8});
  auto* out = y.data<std::uint8_t>();
  for (std::int64_t at = 0; at < image.area; ++at) {
    const auto towards = static_cast<float>(grey_at(image, at));
    for (std::int64_t i = at; i < 3 * image.area; i += image.area)
      out[i] = blend(static_cast<float>(image.data[i]), towards);
  }
  return y;
}

Tensor adjust_hue(const Tensor& x, double turns) {
  if (!(turns >= -0.5 && turns <= 0.5))
    throw ValueError("adjust_hue", fmt::format("expected turns from -0.5 to 0.5, got {}", turns));
  const ImageBytes image(x, "adjust_hue");
  if (image.channels == 1) return x;
  Tensor y = empty(x.shape(), {.dtype = u8});
  auto* out = y.data<std::uint8_t>();
  const auto by = static_cast<float>(turns);
  for (std::int64_t at = 0; at < image.area; ++at) {
    const auto value = [&](std::int64_t channel) {
      return static_cast<float>(image.data[channel * image.area + at]) / 255.f;
    };
    Hsv colour = hsv_of(value(0), value(1), value(2));
    colour.h = std::fmod(colour.h + by, 1.f);
    if (colour.h < 0) colour.h += 1.f;
    const std::array<float, 3> rgb = rgb_of(colour);
    for (std::int64_t c = 0; c < 3; ++c)
      out[c * image.area + at] = to_byte(rgb[static_cast<std::size_t>(c)] * 255.f);
  }
  return y;
}

Tensor adjust_sharpness(const Tensor& x, double factor) {
  check_factor("adjust_sharpness", factor);
  const ImageBytes image(x, "adjust_sharpness");
  if (image.height <= 2 || image.width <= 2) return x;
  const Blend blend(factor);
  Tensor y = empty(x.shape(), {.dtype = u8});
  auto* out = y.data<std::uint8_t>();
  for (std::int64_t row = 0; row < image.channels * image.height; ++row) {
    const std::int64_t line = row % image.height;
    for (std::int64_t column = 0; column < image.width; ++column) {
      const std::int64_t at = row * image.width + column;
      int towards = image.data[at];
      if (line > 0 && line < image.height - 1 && column > 0 && column < image.width - 1) {
        int sum = 4 * image.data[at];  // weights 1 around 5 in the middle, 13 in all
        for (const std::int64_t above : {-image.width, std::int64_t{0}, image.width})
          for (const std::int64_t beside : {-1, 0, 1}) sum += image.data[at + above + beside];
        towards = (2 * sum + 13) / 26;
      }
      out[at] = blend(static_cast<float>(image.data[at]), static_cast<float>(towards));
    }
  }
  return y;
}

Tensor to_grayscale(const Tensor& x, std::int64_t channels) {
  if (channels != 1 && channels != 3)
    throw ValueError("to_grayscale", fmt::format("expected 1 or 3 channels, got {}", channels));
  const ImageBytes image(x, "to_grayscale");
  Tensor y = empty({channels, image.height, image.width}, {.dtype = u8});
  auto* out = y.data<std::uint8_t>();
  for (std::int64_t at = 0; at < image.area; ++at)
    for (std::int64_t i = at; i < channels * image.area; i += image.area) out[i] = grey_at(image, at);
  return y;
}

Tensor posterize(const Tensor& x, int bits) {
  if (bits < 0 || bits > 8) throw ValueError("posterize", fmt::format("expected 0 to 8 bits, got {}", bits));
  return mapped(ImageBytes(x, "posterize"),
                [&](int value) { return static_cast<std::uint8_t>(value & -(1 << (8 - bits))); });
}

Tensor solarize(const Tensor& x, double threshold) {
  return mapped(ImageBytes(x, "solarize"), [&](int value) {
    return static_cast<std::uint8_t>(value >= threshold ? 255 - value : value);
  });
}

Tensor invert(const Tensor& x) {
  return mapped(ImageBytes(x, "invert"), [](int value) { return static_cast<std::uint8_t>(255 - value); });
}

Tensor autocontrast(const Tensor& x) {
  const ImageBytes image(x, "autocontrast");
  Tensor y = empty(x.shape(), {.dtype = u8});
  if (image.area == 0) return y;
  for (std::int64_t c = 0; c < image.channels; ++c) {
    const std::uint8_t* in = image.data + c * image.area;
    const auto [least, most] = std::minmax_element(in, in + image.area);
    const bool is_flat = *least == *most;
    const float low = is_flat ? 0.f : static_cast<float>(*least);
    const float scale = is_flat ? 1.f : 255.f / (static_cast<float>(*most) - low);
    std::transform(in, in + image.area, y.data<std::uint8_t>() + c * image.area,
                   [&](std::uint8_t value) { return to_byte((static_cast<float>(value) - low) * scale); });
  }
  return y;
}

Tensor equalize(const Tensor& x) {
  const ImageBytes image(x, "equalize");
  Tensor y = empty(x.shape(), {.dtype = u8});
  for (std::int64_t c = 0; c < image.channels; ++c) {
    const std::uint8_t* in = image.data + c * image.area;
    std::array<std::int64_t, 256> count{};
    for (std::int64_t at = 0; at < image.area; ++at) ++count[in[at]];
    const auto last = std::find_if(count.rbegin(), count.rend(), [](std::int64_t n) { return n > 0; });
    const std::int64_t step = last == count.rend() ? 0 : (image.area - *last) / 255;
    std::array<std::uint8_t, 256> table;
    std::int64_t below = 0;
    for (std::size_t value = 0; value < 256; ++value) {
      table[value] = static_cast<std::uint8_t>(
          step == 0 ? static_cast<std::int64_t>(value)
                    : std::min<std::int64_t>(value == 0 ? 0 : (below + step / 2) / step, 255));
      below += count[value];
    }
    std::transform(in, in + image.area, y.data<std::uint8_t>() + c * image.area,
                   [&](std::uint8_t value) { return table[value]; });
  }
  return y;
}

}  // namespace fornax::data
