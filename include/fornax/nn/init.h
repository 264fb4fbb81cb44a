#pragma once

#include <cstdint>

#include "fornax/base/export.h"
#include "fornax/tensor/tensor.h"

/// Initial values of parameters. Each function overwrites its tensor, also one that requires grad, and gives
/// it back; those that draw use the thread's default_generator(). All throw DTypeError unless the tensor is
/// floating, except for constant_, zeros_ and ones_.
namespace fornax::nn::init {

/// How many inputs an output of a weight [out, in, ...] has, and how many outputs an input has: the size of
/// `in` or `out` times the elements of what follows.
struct Fan {
  std::int64_t in = 0, out = 0;
};
/// Throws ShapeError for a rank below 2.
FORNAX_API Fan fan_of(const Shape& weight);

/// What follows the layer.
enum class Nonlinearity { linear, sigmoid, tanh, relu, leaky_relu, selu };
/// The factor that keeps the variance through it, as PyTorch's calculate_gain: 1, 1, 5/3, sqrt(2),
/// sqrt(2 / (1 + slope^2)), 3/4.
FORNAX_API double gain(Nonlinearity nonlinearity, double negative_slope = 0.01);

/// Whether to keep the variance of activations (in) or of gradients (out).
enum class FanMode { in, out };
struct KaimingOptions {
  double a = 0;  ///< slope of a leaky ReLU
  FanMode mode = FanMode::in;
  Nonlinearity nonlinearity = Nonlinearity::leaky_relu;
};
/// Uniform in +-gain * sqrt(3 / fan) (He et al., "Delving deep into rectifiers", 2015). This and the next
/// three are for weights [out, in, ...]: they throw ShapeError for a rank below 2.
FORNAX_API Tensor kaiming_uniform_(Tensor tensor, const KaimingOptions& options = {});
/// Normal with deviation gain / sqrt(fan).
FORNAX_API Tensor kaiming_normal_(Tensor tensor, const KaimingOptions& options = {});
/// Uniform in +-gain * sqrt(6 / (fan in + fan out)) (Glorot and Bengio, 2010).
FORNAX_API Tensor xavier_uniform_(Tensor tensor, double gain = 1);
/// Normal with deviation gain * sqrt(2 / (fan in + fan out)).
FORNAX_API Tensor xavier_normal_(Tensor tensor, double gain = 1);

FORNAX_API Tensor uniform_(Tensor tensor, double low = 0, double high = 1);
FORNAX_API Tensor normal_(Tensor tensor, double mean = 0, double deviation = 1);
/// Normal, of which only the part in [low, high] is drawn. Throws ValueError unless low < high and the part
/// is within 5 deviations of the mean.
FORNAX_API Tensor trunc_normal_(Tensor tensor, double mean = 0, double deviation = 1, double low = -2,
                                double high = 2);
FORNAX_API Tensor constant_(Tensor tensor, double value);
FORNAX_API Tensor zeros_(Tensor tensor);
FORNAX_API Tensor ones_(Tensor tensor);

}  // namespace fornax::nn::init
