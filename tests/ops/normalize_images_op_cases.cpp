// Images against plain loops in double.
#include "fornax/ops/image.h"
#include "ops/op_cases.h"

namespace fornax::test {
namespace {

struct Setting {
  std::string name;
  Shape shape;
  Pair size;
  std::vector<std::int64_t> offsets = {};
  std::vector<std::uint8_t> flip = {};
};

constexpr float means[] = {0.5f, 0.25f, 0.125f}, deviations[] = {0.25f, 0.5f, 2.f};

OpCase image_case(const Setting& s, DType dtype) {
  const std::int64_t images = s.shape[0];
  OpCase op{.name = "normalize_images_" + s.name + "_" + std::string(name_of(dtype))};
  op.inputs = {hashed(s.shape, 1, 0, 256).to(u8)};
  op.dtypes = {f64};  // of other inputs; the result's is part of the case
  op.wants_grad = {false};
  op.finite_differences = false;
  op.run = [s, dtype, images](std::span<const Tensor> in) {
    NormalizeImagesOptions options{.dtype = dtype, .size = s.size};
    if (!s.offsets.empty()) options.offsets = from_span<std::int64_t>(s.offsets, {images, 2});
    if (!s.flip.empty()) options.flip = from_span<std::uint8_t>(s.flip, {images}).to(boolean);
    return normalize_images(in[0], from_span<float>(means, {3}), from_span<float>(deviations, {3}), options);
  };
  const std::vector<std::uint8_t> x = op.inputs[0].to_vector<std::uint8_t>();
  std::vector<double> y;
  for (std::int64_t n = 0; n < images; ++n)
    for (std::int64_t c = 0; c < 3; ++c)
      for (std::int64_t i = 0; i < s.size.h; ++i)
        for (std::int64_t j = 0; j < s.size.w; ++j) {
          const bool flip = !s.flip.empty() && s.flip[static_cast<std::size_t>(n)];
          std::int64_t row = i + (s.shape[2] - s.size.h) / 2,
                       column = (flip ? s.size.w - 1 - j : j) + (s.shape[3] - s.size.w) / 2;
          if (!s.offsets.empty()) {
            row = i + s.offsets[static_cast<std::size_t>(2 * n)];
            column = (flip ? s.size.w - 1 - j : j) + s.offsets[static_cast<std::size_t>(2 * n + 1)];
          }
          double value = 0;
          if (row >= 0 && row < s.shape[2] && column >= 0 && column < s.shape[3]) {
            const std::int64_t plane = n * s.shape[1] + (s.shape[1] == 1 ? 0 : c);
            value = x[static_cast<std::size_t>((plane * s.shape[2] + row) * s.shape[3] + column)];
          }
          y.push_back((value / 255 - means[c]) / deviations[c]);
        }
  op.expected = from_span<double>(y, {images, 3, s.size.h, s.size.w}).to(dtype).to(f64);
  return op;
}

}  // namespace

std::vector<OpCase> normalize_images_op_cases() {
  std::vector<OpCase> cases;
  for (const DType dtype : {f64, f32, f16, bf16}) {
    cases.push_back(image_case({"same_size", {2, 3, 5, 4}, {5, 4}}, dtype));
    cases.push_back(image_case({"grey_padded", {2, 1, 3, 5}, {7, 9}}, dtype));
    cases.push_back(
        image_case({"cropped_and_flipped", {3, 3, 6, 7}, {4, 5}, {1, 2, -2, -3, 4, 5}, {1, 1, 0}}, dtype));
    cases.push_back(image_case({"beyond", {3, 1, 3, 3}, {3, 3}, {5, 0, 0, -5, -1, 1}, {0, 1, 1}}, dtype));
  }
  return cases;
}

}  // namespace fornax::test
