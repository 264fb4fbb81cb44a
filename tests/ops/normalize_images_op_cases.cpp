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
  std::int64_t channels = 3;
};

constexpr float means[] = {0.5f, 0.25f, 0.125f, 0.3f, 0.7f}, deviations[] = {0.25f, 0.5f, 2.f, 0.3f, 0.7f};

OpCase image_case(const Setting& s, DType dtype) {
  const std::int64_t images = s.shape[0];
  OpCase op{.name = "normalize_images_" + s.name + "_" + std::string(name_of(dtype))};
  op.inputs = {hashed(s.shape, 1, 0, 256).to(u8)};
  op.dtypes = {f64};  // of other inputs; the result's is part of the case
  op.wants_grad = {false};
  op.finite_differences = false;
  op.run = [s, dtype, images](std::span<const Tensor> in) {
    NormalizeImagesOptions options{.dtype = dtype, .size = s.size};
    const auto there = [&](const Tensor& tensor) { return tensor.to(in[0].device()); };
    if (!s.offsets.empty()) options.offsets = there(from_span<std::int64_t>(s.offsets, {images, 2}));
    if (!s.flip.empty()) options.flip = there(from_span<std::uint8_t>(s.flip, {images}).to(boolean));
    const auto of_channels = [&](std::span<const float> values) {
      return there(from_span<float>(values.first(static_cast<std::size_t>(s.channels)), {s.channels}));
    };
    return normalize_images(in[0], of_channels(means), of_channels(deviations), options);
  };
  const std::vector<std::uint8_t> x = op.inputs[0].to_vector<std::uint8_t>();
  std::vector<double> y;
  for (std::int64_t n = 0; n < images; ++n)
    for (std::int64_t c = 0; c < s.channels; ++c)
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
  op.expected = from_span<double>(y, {images, s.channels, s.size.h, s.size.w}).to(dtype).to(f64);
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
    // More than one block, and a table too large for shared memory in f64.
    cases.push_back(image_case(
        {"of_five_channels", {2, 5, 17, 19}, {16, 18}, {0, 1, 1, 0}, {0, 1}, /*channels=*/5}, dtype));
    cases.push_back(image_case({"beyond", {3, 1, 3, 3}, {3, 3}, {5, 0, 0, -5, -1, 1}, {0, 1, 1}}, dtype));
  }
  return cases;
}

}  // namespace fornax::test
