#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "fornax/nn/activation.h"
#include "fornax/nn/layer.h"
#include "fornax/nn/linear.h"

namespace fornax::models {

struct VGGOptions {
  std::int64_t classes = 1000;
  std::int64_t in_channels = 3;
  double width = 1;         ///< scales all channels (to multiples of 8), for small runs; up to 64
  bool batch_norm = false;  ///< after each convolution: torchvision's vgg16_bn and so on
  double dropout = 0.5;     ///< after the first two linear layers
};

/// How many convolutions there are before each of the five poolings.
using VGGLayout = std::array<int, 5>;

/// The convolutions with what follows them. They are numbered as in torchvision's Sequential, where
/// activations and poolings count too: "0", "2", "5", ...
class FORNAX_API VGGFeatures final : public nn::Layer {
 public:
  VGGFeatures(const VGGLayout& layout, const VGGOptions& options);
  ~VGGFeatures() override;
  Tensor forward(const Tensor& x) override;

 private:
  struct Step;
  std::vector<std::unique_ptr<Step>> steps_;
};

/// The linear layers, "0", "3" and "6", with what is between them.
class FORNAX_API VGGClassifier final : public nn::Layer {
 public:
  explicit VGGClassifier(const VGGOptions& options);
  Tensor forward(const Tensor& x) override;

  nn::Child<nn::Linear> fc1;
  nn::Child<nn::Dropout> dropout1;
  nn::Child<nn::Linear> fc2;
  nn::Child<nn::Dropout> dropout2;
  nn::Child<nn::Linear> fc3;
};

/// Simonyan and Zisserman, "Very deep convolutional networks for large-scale image recognition", 2014: images
/// [N, in_channels, H, W] of 32 x 32 and more to logits [N, classes]. Parameters have torchvision's names
/// ("features.0.weight", "classifier.6.bias") and initial distributions. It works channels_last until it is
/// moved to another format.
class FORNAX_API VGG final : public nn::Layer {
 public:
  /// Throws ValueError for sizes below 1, and a width that is not above 0 and up to 64.
  VGG(const VGGLayout& layout, const VGGOptions& options);
  Tensor forward(const Tensor& x) override;

 protected:
  std::unique_ptr<nn::Module> make_alike() const override { return std::make_unique<VGG>(layout_, options_); }

 private:
  VGGLayout layout_;
  VGGOptions options_;

 public:
  nn::Child<VGGFeatures> features;
  nn::Child<VGGClassifier> classifier;
};

FORNAX_API std::unique_ptr<VGG> vgg11(const VGGOptions& options = {});
FORNAX_API std::unique_ptr<VGG> vgg13(const VGGOptions& options = {});
FORNAX_API std::unique_ptr<VGG> vgg16(const VGGOptions& options = {});
FORNAX_API std::unique_ptr<VGG> vgg19(const VGGOptions& options = {});

}  // namespace fornax::models
