#pragma once

#include <optional>

#include "fornax/base/pair.h"
#include "fornax/nn/layer.h"

/// Pooling of images as layers; each is the op of its name (fornax/ops/pool.h).
namespace fornax::nn {

struct MaxPool2dOptions {
  Pair kernel_size = 1;
  std::optional<Pair> stride = {};  ///< left out: the kernel's size
  Pair padding = 0, dilation = 1;
  bool ceil_mode = false;
};
class FORNAX_API MaxPool2d final : public LayerWith<MaxPool2d, MaxPool2dOptions> {
 public:
  explicit MaxPool2d(const MaxPool2dOptions& options) : LayerWith(options) {}
  Tensor forward(const Tensor& x) override;
};

struct AvgPool2dOptions {
  Pair kernel_size = 1;
  std::optional<Pair> stride = {};  ///< left out: the kernel's size
  Pair padding = 0;
  bool ceil_mode = false;
  bool count_include_pad = true;
};
class FORNAX_API AvgPool2d final : public LayerWith<AvgPool2d, AvgPool2dOptions> {
 public:
  explicit AvgPool2d(const AvgPool2dOptions& options) : LayerWith(options) {}
  Tensor forward(const Tensor& x) override;
};

struct AdaptiveAvgPool2dOptions {
  Pair output_size = 1;
};
class FORNAX_API AdaptiveAvgPool2d final : public LayerWith<AdaptiveAvgPool2d, AdaptiveAvgPool2dOptions> {
 public:
  explicit AdaptiveAvgPool2d(const AdaptiveAvgPool2dOptions& options = {}) : LayerWith(options) {}
  Tensor forward(const Tensor& x) override;
};

struct AdaptiveMaxPool2dOptions {
  Pair output_size = 1;
};
class FORNAX_API AdaptiveMaxPool2d final : public LayerWith<AdaptiveMaxPool2d, AdaptiveMaxPool2dOptions> {
 public:
  explicit AdaptiveMaxPool2d(const AdaptiveMaxPool2dOptions& options = {}) : LayerWith(options) {}
  Tensor forward(const Tensor& x) override;
};

}  // namespace fornax::nn
