#include "fornax/data/image_ops.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <map>

#include "fornax/base/error.h"
#include "fornax/ops/create.h"
#include "support/error_of.h"
#include "support/golden.h"

namespace fornax::data {
namespace {

using test::GoldenCase;

Resampling resampling_of(const nlohmann::json& attrs) {
  Resampling resampling;
  if (attrs.at("interpolation") == "bilinear") resampling.interpolation = Interpolation::bilinear;
  if (!attrs.at("fill").is_null()) resampling.fill = attrs.at("fill").get<std::vector<float>>();
  return resampling;
}

Tensor affine_of(const Tensor& x, const nlohmann::json& attrs) {
  AffineOptions options{.angle = attrs.at("angle"),
                        .translate_x = attrs.at("translate")[0],
                        .translate_y = attrs.at("translate")[1],
                        .scale = attrs.at("scale"),
                        .shear_x = attrs.at("shear")[0],
                        .shear_y = attrs.at("shear")[1]};
  if (const auto& centre = attrs.at("center"); !centre.is_null()) {
    options.centre_x = centre[0].get<double>() - 0.5 * static_cast<double>(x.size(2));
    options.centre_y = centre[1].get<double>() - 0.5 * static_cast<double>(x.size(1));
  }
  return affine(x, options, resampling_of(attrs));
}

using Runner = Tensor (*)(const Tensor& x, const nlohmann::json& attrs);
const std::map<std::string, Runner>& runners() {
  using J = const nlohmann::json&;
  static const std::map<std::string, Runner> all{
      {"adjust_brightness", [](const Tensor& x, J a) { return adjust_brightness(x, a.at("factor")); }},
      {"adjust_contrast", [](const Tensor& x, J a) { return adjust_contrast(x, a.at("factor")); }},
      {"adjust_saturation", [](const Tensor& x, J a) { return adjust_saturation(x, a.at("factor")); }},
      {"adjust_sharpness", [](const Tensor& x, J a) { return adjust_sharpness(x, a.at("factor")); }},
      {"adjust_hue", [](const Tensor& x, J a) { return adjust_hue(x, a.at("factor")); }},
      {"to_grayscale", [](const Tensor& x, J a) { return to_grayscale(x, a.at("channels")); }},
      {"posterize", [](const Tensor& x, J a) { return posterize(x, a.at("bits")); }},
      {"solarize", [](const Tensor& x, J a) { return solarize(x, a.at("threshold")); }},
      {"invert", [](const Tensor& x, J) { return invert(x); }},
      {"autocontrast", [](const Tensor& x, J) { return autocontrast(x); }},
      {"equalize", [](const Tensor& x, J) { return equalize(x); }},
      {"rotate", [](const Tensor& x, J a) { return rotate(x, a.at("angle"), resampling_of(a)); }},
      {"affine", affine_of},
  };
  return all;
}

/// To the byte, but for values between pixels, which torchvision sums in an order of its own: those may be
/// one level apart.
TEST(ImageOps, GiveTheBytesOfTorchvision) {
  std::map<std::string, int> cases;
  for (const GoldenCase& golden : test::GoldenFile("transforms").cases()) {
    const bool is_summed = golden.attrs.value("interpolation", "") == "bilinear";
    const Tensor got = runners().at(golden.op)(golden.inputs[0], golden.attrs);
    ASSERT_EQ(got.shape(), golden.outputs[0].shape());
    const auto bytes = got.to_vector<std::uint8_t>(), want = golden.outputs[0].to_vector<std::uint8_t>();
    int most = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i) most = std::max(most, std::abs(bytes[i] - want[i]));
    EXPECT_LE(most, is_summed ? 1 : 0) << golden.op << '/' << golden.name;
    ++cases[golden.op];
  }
  EXPECT_EQ(cases.size(), runners().size());
}

TEST(ImageOps, RefuseOtherImages) {
  EXPECT_EQ(test::error_of<DTypeError>([] {
              invert(zeros({3, 2, 2}));
            }),
            "[invert] expected an image of u8, got f32[3,2,2]@cpu");
  EXPECT_EQ(test::error_of<ShapeError>([] {
              rotate(zeros({2, 2, 2}, {.dtype = u8}), 1);
            }),
            "[rotate] expected an image [1 or 3,height,width], got u8[2,2,2]@cpu");
  EXPECT_EQ(test::error_of<ShapeError>([] {
              equalize(zeros({2, 2}, {.dtype = u8}));
            }),
            "[equalize] expected an image [1 or 3,height,width], got u8[2,2]@cpu");
}

TEST(ImageOps, RefuseFactorsOutOfRange) {
  const Tensor x = zeros({3, 2, 2}, {.dtype = u8});
  const auto refusal = [](auto&& f) { return test::error_of<ValueError>(f); };
  EXPECT_EQ(refusal([&] { adjust_contrast(x, -0.1); }),
            "[adjust_contrast] expected a finite factor of 0 or more, got -0.1");
  EXPECT_EQ(refusal([&] { adjust_brightness(x, std::numeric_limits<double>::quiet_NaN()); }),
            "[adjust_brightness] expected a finite factor of 0 or more, got nan");
  EXPECT_EQ(refusal([&] { adjust_hue(x, 0.6); }), "[adjust_hue] expected turns from -0.5 to 0.5, got 0.6");
  EXPECT_EQ(refusal([&] { posterize(x, 9); }), "[posterize] expected 0 to 8 bits, got 9");
  EXPECT_EQ(refusal([&] { to_grayscale(x, 2); }), "[to_grayscale] expected 1 or 3 channels, got 2");
  EXPECT_EQ(refusal([&] { affine(x, {.scale = 0}); }), "[affine] expected a scale above 0, got 0");
  EXPECT_EQ(refusal([&] {
              rotate(x, 1, {.fill = {1, 2}});
            }),
            "[rotate] expected a fill of 1 or 3 values, got 2");
  EXPECT_EQ(refusal([&] { rotate(x, 1, {.fill = {256}}); }),
            "[rotate] expected fills from 0 to 255, got 256");
}

TEST(ImageOps, FindNothingFarOutside) {
  const Tensor x = full({1, 3, 3}, 9, {.dtype = u8});
  for (const Interpolation interpolation : {Interpolation::nearest, Interpolation::bilinear}) {
    const Resampling filled{.interpolation = interpolation, .fill = {7}};
    for (const double far : {1e3, -1e300, std::numeric_limits<double>::infinity()})
      EXPECT_EQ(affine(x, {.translate_x = far}, filled).to_vector<std::uint8_t>(),
                std::vector<std::uint8_t>(9, 7));
  }
}

TEST(ImageOps, TakeEmptyImagesAndViews) {
  const Tensor none = zeros({3, 0, 4}, {.dtype = u8});
  for (const auto& f :
       {+[](const Tensor& x) { return autocontrast(x); }, +[](const Tensor& x) { return equalize(x); },
        +[](const Tensor& x) { return adjust_contrast(x, 2); },
        +[](const Tensor& x) { return rotate(x, 30); }})
    EXPECT_EQ(f(none).shape(), none.shape());
  const Tensor columns = tensor<std::uint8_t>({1, 2, 3, 4, 5, 6}, {1, 2, 3}).transpose(1, 2);
  EXPECT_EQ(invert(columns).to_vector<std::uint8_t>(),
            (std::vector<std::uint8_t>{254, 251, 253, 250, 252, 249}));
}

}  // namespace
}  // namespace fornax::data
