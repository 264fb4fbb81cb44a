// Policy: places in double precision, values in f32 as torchvision has them; a pixel outside of the image is
// 0 before the fill.
#include <fmt/core.h>

#include <cmath>
#include <numbers>

#include "data/image_bytes.h"
#include "fornax/base/error.h"
#include "fornax/data/image_ops.h"

namespace fornax::data {
namespace {

/// Where the pixel at (x, y) from the centre comes from, from there too.
struct Inverse {
  double xx, xy, x0, yx, yy, y0;
};

/// torchvision's _get_inverse_affine_matrix.
Inverse inverse_of(const AffineOptions& o) {
  constexpr double degree = std::numbers::pi / 180;
  const double turn = o.angle * degree, sx = o.shear_x * degree, sy = o.shear_y * degree;
  const double a = std::cos(turn - sy) / std::cos(sy);
  const double b = -std::cos(turn - sy) * std::tan(sx) / std::cos(sy) - std::sin(turn);
  const double c = std::sin(turn - sy) / std::cos(sy);
  const double d = -std::sin(turn - sy) * std::tan(sx) / std::cos(sy) + std::cos(turn);
  Inverse m{d / o.scale, -b / o.scale, o.centre_x, -c / o.scale, a / o.scale, o.centre_y};
  const double x = -o.centre_x - o.translate_x, y = -o.centre_y - o.translate_y;
  m.x0 += m.xx * x + m.xy * y;
  m.y0 += m.yx * x + m.yy * y;
  return m;
}

/// The values of one channel at places between its pixels, with the share of them that is inside.
class Plane {
 public:
  Plane(const std::uint8_t* data, std::int64_t height, std::int64_t width)
      : data_(data), height_(height), width_(width) {}

  struct Value {
    float value = 0, inside = 0;
  };
  Value nearest(double y, double x) const {
    Value all;
    add(all, static_cast<std::int64_t>(std::nearbyint(y)), static_cast<std::int64_t>(std::nearbyint(x)), 1);
    return all;
  }
  Value bilinear(double y, double x) const {
    const double top = std::floor(y), left = std::floor(x);
    const auto down = static_cast<float>(y - top), right = static_cast<float>(x - left);
    const auto row = static_cast<std::int64_t>(top), column = static_cast<std::int64_t>(left);
    Value all;
    add(all, row, column, (1 - down) * (1 - right));
    add(all, row, column + 1, (1 - down) * right);
    add(all, row + 1, column, down * (1 - right));
    add(all, row + 1, column + 1, down * right);
    return all;
  }

 private:
  void add(Value& all, std::int64_t row, std::int64_t column, float weight) const {
    if (row < 0 || row >= height_ || column < 0 || column >= width_) return;
    all.value += weight * static_cast<float>(data_[row * width_ + column]);
    all.inside += weight;
  }

  const std::uint8_t* data_;
  std::int64_t height_, width_;
};

Tensor moved(const char* op, const Tensor& x, const Inverse& from, const Resampling& resampling) {
  const ImageBytes image(x, op);
  const std::vector<float>& fill = resampling.fill;
  if (fill.size() > 1 && static_cast<std::int64_t>(fill.size()) != image.channels)
    throw ValueError(op,
                     fmt::format("expected a fill of 1 or {} values, got {}", image.channels, fill.size()));
  for (const float value : fill)
    if (!(value >= 0 && value <= 255))
      throw ValueError(op, fmt::format("expected fills from 0 to 255, got {}", value));
  const bool is_nearest = resampling.interpolation == Interpolation::nearest;
  const double middle_x = 0.5 * static_cast<double>(image.width - 1);
  const double middle_y = 0.5 * static_cast<double>(image.height - 1);
  // Beyond these all is outside, however far: what converts to an integer is kept near.
  const auto near = [](double place, std::int64_t size) {
    return std::fmax(-2, std::fmin(place, static_cast<double>(size) + 1));
  };
  Tensor y = empty(x.shape(), {.dtype = u8});
  auto* out = y.data<std::uint8_t>();
  for (std::int64_t c = 0; c < image.channels; ++c) {
    const Plane plane(image.data + c * image.area, image.height, image.width);
    const float outside = fill.empty() ? 0 : fill[fill.size() == 1 ? 0 : static_cast<std::size_t>(c)];
    for (std::int64_t row = 0; row < image.height; ++row)
      for (std::int64_t column = 0; column < image.width; ++column) {
        const double dy = static_cast<double>(row) - middle_y, dx = static_cast<double>(column) - middle_x;
        const double from_y = near(from.yx * dx + from.yy * dy + from.y0 + middle_y, image.height);
        const double from_x = near(from.xx * dx + from.xy * dy + from.x0 + middle_x, image.width);
        auto [value, inside] = is_nearest ? plane.nearest(from_y, from_x) : plane.bilinear(from_y, from_x);
        // So does torchvision: zeros from outside are in `value` already.
        if (!fill.empty()) value = value * inside + (1 - inside) * outside;
        *out++ = to_byte(std::nearbyint(value));
      }
  }
  return y;
}

}  // namespace

Tensor rotate(const Tensor& x, double degrees, const Resampling& resampling) {
  return moved("rotate", x, inverse_of({.angle = -degrees}), resampling);
}

Tensor affine(const Tensor& x, const AffineOptions& options, const Resampling& resampling) {
  if (!(options.scale > 0))
    throw ValueError("affine", fmt::format("expected a scale above 0, got {}", options.scale));
  return moved("affine", x, inverse_of(options), resampling);
}

}  // namespace fornax::data
