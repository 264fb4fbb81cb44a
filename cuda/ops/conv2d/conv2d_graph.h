#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "libraries/cudnn_graph.h"
#include "ops/conv2d/conv2d_op.h"

/// How the three convolutions are described to cuDNN; apart from running them, so that what cuDNN accepts can
/// be tested for any device.
namespace fornax::ops {

enum class ConvolutionKind : std::uint8_t { forward, grad_input, grad_weight };

/// What a forward does besides: see Conv2dForward and Conv2dStatistics.
struct ConvolutionEpilogue {
  TensorView bias = {}, residual = {};
  bool relu = false, statistics = false;
};

/// A convolution as cuDNN tells them apart; compared as words by the cache of plans.
struct ConvolutionProblem {
  std::int64_t kind, dtype, has_bias, has_residual, relu, statistics;
  std::array<std::int64_t, 4> x_sizes, x_strides, w_sizes, w_strides, y_sizes, y_strides;
  std::array<std::int64_t, 2> stride, padding, dilation;
  std::int64_t alignment;
  std::int64_t allow_tf32, allow_nondeterministic;
  friend auto operator<=>(const ConvolutionProblem&, const ConvolutionProblem&) = default;
};

/// `x`, `w` and `y` are the images, the weight and the result of the forward convolution, or their gradients.
ConvolutionProblem convolution_problem(ConvolutionKind kind, const TensorView& x, const TensorView& w,
                                       const TensorView& y, const Conv2dParams& params,
                                       const ConvolutionEpilogue& epilogue = {});

/// The names under which tensors are bound. Sums and sums of squares are f32, over all but the channel.
enum ConvolutionTensor : std::int64_t {
  id_x = 1,
  id_w,
  id_y,
  id_bias,
  id_residual,
  id_sum,
  id_square_sum,
  id_first_virtual
};

/// Plans that cuDNN supports, best first; see cuda::find_plans.
std::vector<cuda::Plan> convolution_plans(const ConvolutionProblem& problem, cudnnHandle_t handle,
                                          const cuda::Descriptor* device, std::size_t wanted,
                                          std::string* refused = nullptr);

}  // namespace fornax::ops
