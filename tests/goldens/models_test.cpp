// Models against PyTorch's: logits, loss, every parameter's gradient, running statistics, and ten steps of
// SGD.
#include <fmt/core.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "fornax/autograd/grad_mode.h"
#include "fornax/models/mobilenet.h"
#include "fornax/models/resnet.h"
#include "fornax/models/vgg.h"
#include "fornax/ops/loss.h"
#include "fornax/optim/sgd.h"
#include "support/golden.h"

namespace fornax::test {
namespace {

using Make = std::unique_ptr<nn::Layer> (*)(std::int64_t classes);

const GoldenFile& goldens(const std::string& prefix) {
  static const GoldenFile models("models"), v1("models_v1"), others("models_vgg_mobilenet");
  if (prefix == "resnet50_v1") return v1;
  return prefix.starts_with("vgg") || prefix.starts_with("mobilenet") ? others : models;
}

/// fill() of scripts/goldens/resnet.py.
void fill(nn::Module& model, const std::string& prefix) {
  const State state = model.state();
  const char* last = state.contains("layer1.0.bn3.weight") ? ".bn3.weight" : ".bn2.weight";
  State numbers;
  for (const auto& [name, tensor] : state) {
    if (!is_floating(tensor.dtype())) continue;
    const Shape& shape = tensor.shape();
    double offset = 0, scale = 0.1;
    if (shape.rank() == 4) {
      scale = std::sqrt(6.0 / static_cast<double>(shape.product() / shape[0]));
    } else if (shape.rank() == 2) {
      scale = std::sqrt(1.0 / static_cast<double>(shape[1]));
    } else if (name.ends_with("running_var")) {
      offset = 1, scale = 0.5;
    } else if (name.ends_with(last)) {
      offset = 0.075, scale = 0.025;
    } else if (name.ends_with("weight")) {
      offset = 0.75, scale = 0.25;
    }
    numbers.add(name, golden_uniform(prefix + "/" + name, shape, offset, scale));
  }
  model.load_state(numbers, /*strict=*/false);
}

struct Batch {
  Tensor images, labels;
};

/// batch() of scripts/goldens/resnet.py.
Batch batch(const std::string& prefix, const nlohmann::json& options, DType dtype) {
  const std::int64_t count = options.at("count"), size = options.at("size");
  const GoldenHash hash(prefix + "/labels");
  std::vector<std::int64_t> labels(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = hash.integer(i, options.at("classes"));
  return {golden_uniform(prefix + "/images", {count, 3, size, size}, 0, 2).to(dtype),
          from_span<std::int64_t>(labels, {count})};
}

/// Holds tensors against rows of fingerprints; the allowed error is `tolerance` times the norm of each.
void expect_fingerprints(const std::string& prefix, const std::string& kind, double tolerance,
                         const std::function<Tensor(const std::string& name)>& find) {
  const std::vector<std::string> names = goldens(prefix).json(prefix + "/" + kind);
  const auto recorded = [&](const char* what) {
    return goldens(prefix).tensors().at(prefix + "/" + kind + "/" + what).to_vector<double>();
  };
  const std::vector<double> norms = recorded("norm"), projections = recorded("projection"),
                            samples = recorded("samples");
  constexpr std::size_t sample_count = 64;
  ASSERT_EQ(samples.size(), names.size() * sample_count);
  for (std::size_t row = 0; row < names.size(); ++row) {
    const std::string& name = names[row];
    const std::vector<double> values = find(name).to(f64).to_vector<double>();
    const GoldenHash signs(prefix + "/" + name + "/signs"), places(prefix + "/" + name + "/samples");
    double squares = 0, projection = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
      squares += values[i] * values[i];
      projection += values[i] * signs.sign(i);
    }
    const double allowed = tolerance * norms[row];
    EXPECT_NEAR(std::sqrt(squares), norms[row], allowed) << name << ": norm";
    EXPECT_NEAR(projection, projections[row], allowed * std::sqrt(static_cast<double>(values.size())))
        << name << ": projection";
    for (std::size_t i = 0; i < sample_count; ++i) {
      const auto place = static_cast<std::size_t>(places.integer(i, values.size()));
      EXPECT_NEAR(values[place], samples[row * sample_count + i], allowed) << name << " at " << place;
    }
  }
}

// As in scripts/goldens.
std::unique_ptr<nn::Layer> resnet18(std::int64_t classes) { return models::resnet18({.classes = classes}); }
std::unique_ptr<nn::Layer> resnet50(std::int64_t classes) { return models::resnet50({.classes = classes}); }
std::unique_ptr<nn::Layer> resnet50_v1(std::int64_t classes) {
  return models::resnet50(
      {.classes = classes, .width = 0.25, .stride_in_1x1 = true, .conv_bias = true, .bn_eps = 1.001e-5});
}
std::unique_ptr<nn::Layer> vgg16(std::int64_t classes) {
  return models::vgg16({.classes = classes, .width = 0.125, .dropout = 0});
}
std::unique_ptr<nn::Layer> vgg16_bn(std::int64_t classes) {
  return models::vgg16({.classes = classes, .width = 0.125, .batch_norm = true, .dropout = 0});
}
std::unique_ptr<nn::Layer> mobilenet_v2(std::int64_t classes) {
  return models::mobilenet_v2({.classes = classes, .dropout = 0});
}

struct Param {
  const char* name;
  Make make;
  DType dtype;
  double tolerance;
};

class ModelGolden : public ::testing::TestWithParam<Param> {};

TEST_P(ModelGolden, HasPyTorchsLogitsGradientsAndStatistics) {
  const std::string prefix = GetParam().name;
  const DType dtype = GetParam().dtype;
  const double tolerance = GetParam().tolerance;
  const nlohmann::json options = goldens(prefix).json(prefix);
  const std::unique_ptr<nn::Layer> model = GetParam().make(options.at("classes"));
  model->to(dtype);
  fill(*model, prefix);
  const auto [images, labels] = batch(prefix, options, dtype);
  const auto expect_golden = [&](const Tensor& got, const std::string& what) {
    expect_near_golden(got, goldens(prefix).tensors().at(prefix + "/" + what), tolerance, what);
  };
  {
    const NoGrad no_grad;
    model->eval();
    expect_golden((*model)(images), "eval_logits");
  }
  model->train();
  const Tensor logits = (*model)(images);
  const Tensor loss = cross_entropy(logits, labels);
  loss.backward();
  expect_golden(logits, "train_logits");
  expect_golden(loss, "loss");
  const State parameters = model->named_parameters(), buffers = model->named_buffers();
  expect_fingerprints(prefix, "gradients", tolerance,
                      [&](const std::string& name) { return parameters.at(name).grad(); });
  expect_fingerprints(prefix, "buffers", tolerance,
                      [&](const std::string& name) { return buffers.at(name); });
}

// In f32 some ReLU sees the other sign. It weighs more where few numbers are left, as in a MobileNet's last
// depthwise convolutions.
constexpr double exactly = 1e-12, nearly = 1e-4, coarsely = 2e-2;

INSTANTIATE_TEST_SUITE_P(
    Of, ModelGolden,
    ::testing::Values(Param{"resnet18", resnet18, f64, exactly}, Param{"resnet18", resnet18, f32, nearly},
                      Param{"resnet50", resnet50, f64, exactly}, Param{"resnet50", resnet50, f32, nearly},
                      Param{"resnet50_v1", resnet50_v1, f64, exactly},
                      Param{"resnet50_v1", resnet50_v1, f32, nearly}, Param{"vgg16", vgg16, f64, exactly},
                      Param{"vgg16", vgg16, f32, nearly}, Param{"vgg16_bn", vgg16_bn, f64, exactly},
                      Param{"vgg16_bn", vgg16_bn, f32, nearly},
                      Param{"mobilenet_v2", mobilenet_v2, f64, exactly},
                      Param{"mobilenet_v2", mobilenet_v2, f32, coarsely}),
    [](const auto& param_info) {
      return fmt::format("{}_{}", param_info.param.name, name_of(param_info.param.dtype));
    });

/// The loss before each step.
std::vector<double> losses(DType dtype) {
  const nlohmann::json options = goldens("trajectory").json("trajectory");
  const std::unique_ptr<nn::Layer> model = resnet50(options.at("classes"));
  model->to(dtype);
  fill(*model, "trajectory");
  const auto [images, labels] = batch("trajectory", options, dtype);
  optim::SGD optimizer(model->parameters(), {.lr = options.at("lr"),
                                             .momentum = options.at("momentum"),
                                             .weight_decay = options.at("weight_decay")});
  std::vector<double> values;
  for (int step = 0; step < options.at("steps"); ++step) {
    const Tensor loss = cross_entropy((*model)(images), labels);
    optimizer.zero_grad();
    loss.backward();
    optimizer.step();
    values.push_back(loss.item());
  }
  return values;
}

/// The largest difference of `a` from the exact losses.
double distance(std::span<const double> a) {
  const std::vector<double> exact =
      goldens("trajectory").tensors().at("trajectory/losses_f64").to_vector<double>();
  double largest = 0;
  for (std::size_t i = 0; i < exact.size(); ++i) largest = std::max(largest, std::abs(a[i] - exact[i]));
  return largest;
}

TEST(ResNetTrajectory, StaysWithin1e9OfPyTorchInDouble) { EXPECT_LT(distance(losses(f64)), 1e-9); }

TEST(ResNetTrajectory, StaysAsNearInSinglePrecisionAsTwiceWhatPyTorchDoes) {
  const Tensor pytorch = goldens("trajectory").tensors().at("trajectory/losses_f32");
  double its_own = 0;
  for (std::int64_t row = 0; row < pytorch.size(0); ++row)
    its_own = std::max(its_own, distance(pytorch.select(0, row).to_vector<double>()));
  EXPECT_LT(distance(losses(f32)), 2 * its_own);
}

}  // namespace
}  // namespace fornax::test
