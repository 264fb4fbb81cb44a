// The real cuDNN, without a device, judges what the backend describes to it: its plans are made for devices
// that are known by their properties alone.
#include <fmt/core.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <ostream>
#include <string>

#include "fornax/base/error.h"
#include "fornax/cuda/math_mode.h"
#include "ops/conv2d/conv2d_graph.h"
#include "support/convolution_layers.h"

namespace fornax::test {
namespace {

using ops::ConvolutionKind, ops::ConvolutionProblem;

constexpr ConvolutionKind kinds[] = {ConvolutionKind::forward, ConvolutionKind::grad_input,
                                     ConvolutionKind::grad_weight};
constexpr const char* kind_names[] = {"forward", "grad_input", "grad_weight"};

cuda::Descriptor describe_device(const std::string& name) {
  std::ifstream file(std::string(FORNAX_DEVICES) + "/" + name + ".json");
  const std::string json(std::istreambuf_iterator<char>(file), {});
  cuda::Descriptor device(CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR);
  device.set_raw(CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, CUDNN_TYPE_CHAR, json.size(), json.data())
      .finalize();
  return device;
}

/// The layer's operand at this batch in channels_last; where it lies matters for its alignment only.
TensorView view_of(Shape shape, DType dtype) {
  alignas(256) static char somewhere[256];
  return {.data = somewhere,
          .dtype = dtype,
          .shape = shape,
          .strides = strides_of(shape, MemoryFormat::channels_last)};
}

/// What follows the product, apart from a bias that the layer has itself.
struct Epilogue {
  bool bias = false, residual = false, relu = false, statistics = false;
};

ConvolutionProblem problem_of(const ConvolutionLayer& layer, ConvolutionKind kind, DType dtype,
                              std::int64_t batch, const Epilogue& epilogue = {}) {
  Shape x = layer.x, y = layer.y;
  x[0] = y[0] = batch;
  ops::ConvolutionEpilogue operands{.relu = epilogue.relu, .statistics = epilogue.statistics};
  if ((layer.bias && kind == ConvolutionKind::forward) || epilogue.bias)
    operands.bias = view_of({1, y[1], 1, 1}, dtype);
  if (epilogue.residual) operands.residual = view_of(y, dtype);
  return convolution_problem(kind, view_of(x, dtype), view_of(layer.w, dtype), view_of(y, dtype),
                             layer.params, operands);
}

struct On {
  const char* device;
  DType dtype;
  bool tf32 = false;
  std::string name() const {
    return fmt::format("{}_{}", device, tf32 ? std::string_view("tf32") : name_of(dtype));
  }
};
void PrintTo(const On& on, std::ostream* out) { *out << on.name(); }

class CudnnPlans : public testing::TestWithParam<On> {
 protected:
  void SetUp() override {
    ASSERT_TRUE(cuda::cudnn()) << "its header is here, but libcudnn.so.9 cannot be opened";
  }
};

TEST_P(CudnnPlans, AreFoundForEveryConvolutionOfTheModels) {
  const auto& [device_name, dtype, tf32] = GetParam();
  const cuda::Descriptor device = describe_device(device_name);
  cuda::set_allow_tf32(tf32);
  int asked = 0;
  for (const ConvolutionLayer& layer : convolution_layers())
    for (const ConvolutionKind kind : kinds)
      for (const std::int64_t batch : {1, 32, 256}) {
        std::string why;
        ++asked;
        EXPECT_FALSE(
            convolution_plans(problem_of(layer, kind, dtype, batch), nullptr, &device, 1, &why).empty())
            << layer.name << ' ' << kind_names[static_cast<int>(kind)] << " batch " << batch
            << " x=" << to_string(layer.x) << " w=" << to_string(layer.w) << ": " << why;
      }
  cuda::set_allow_tf32(false);
  RecordProperty("asked", asked);
  EXPECT_GT(asked, 500);
}

TEST_P(CudnnPlans, TakeBiasResidualAndReluIntoTheForwardPass) {
  const auto& [device_name, dtype, tf32] = GetParam();
  const cuda::Descriptor device = describe_device(device_name);
  cuda::set_allow_tf32(tf32);
  for (const ConvolutionLayer& layer : convolution_layers())
    for (const bool residual : {false, true}) {
      std::string why;
      EXPECT_FALSE(convolution_plans(problem_of(layer, ConvolutionKind::forward, dtype, 32,
                                                {.bias = true, .residual = residual, .relu = true}),
                                     nullptr, &device, 1, &why)
                       .empty())
          << layer.name << (residual ? " with a residual" : "") << ": " << why;
    }
  cuda::set_allow_tf32(false);
}

constexpr On on_devices[] = {{"t4", f16},      {"t4", f32},  // it has neither bf16 nor TF32
                             {"a100", f16},    {"a100", bf16},    {"a100", f32},    {"a100", f32, true},
                             {"h100", f16},    {"h100", bf16},    {"h100", f32},    {"h100", f32, true},
                             {"rtx4090", f16}, {"rtx4090", bf16}, {"rtx4090", f32}, {"rtx4090", f32, true}};
INSTANTIATE_TEST_SUITE_P(On, CudnnPlans, testing::ValuesIn(on_devices),
                         [](const auto& param) { return param.param.name(); });

TEST(CudnnPlan, SumsForBatchNormWhileItConvolvesInF16) {
  ASSERT_TRUE(cuda::cudnn());
  for (const char* device_name : {"a100", "h100", "rtx4090"}) {
    const cuda::Descriptor device = describe_device(device_name);
    for (const ConvolutionLayer& layer : convolution_layers()) {
      if (!layer.name.starts_with("resnet")) continue;
      std::string why;
      const bool found =
          !convolution_plans(problem_of(layer, ConvolutionKind::forward, f16, 32, {.statistics = true}),
                             nullptr, &device, 1, &why)
               .empty();
      // The three colours of the first layer do not fill 16 bytes.
      EXPECT_EQ(found, layer.x[1] % 8 == 0) << device_name << ' ' << layer.name << ": " << why;
    }
  }
}

TEST(CudnnPlan, IsRefusedForAConvolutionThatDoesNotAddUp) {
  ASSERT_TRUE(cuda::cudnn());
  const cuda::Descriptor device = describe_device("a100");
  ConvolutionLayer layer{"", {1, 64, 56, 56}, {64, 64, 3, 3}, {1, 64, 56, 56}, false, {.padding = 1}};
  const auto plans = [&](std::string* why) {
    return convolution_plans(problem_of(layer, ConvolutionKind::forward, f16, 1), nullptr, &device, 1, why);
  };
  std::string why;
  EXPECT_FALSE(plans(&why).empty()) << why;
  layer.y = {1, 64, 57, 56};  // a row more than there is
  EXPECT_THROW(plans(&why), CudaError);
}

}  // namespace
}  // namespace fornax::test
