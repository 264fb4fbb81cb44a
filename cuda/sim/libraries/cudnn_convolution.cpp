// Policy: image by image and group by group, the windows are unfolded into a matrix and multiplied by Eigen,
// in f32 or, for f64, in f64; results are rounded once.
#include "sim/libraries/cudnn_convolution.h"

#include <Eigen/Core>
#include <chrono>
#include <string>
#include <type_traits>

#include "fornax/base/dtype.h"
#include "sim/simulator.h"

namespace fornax::sim {
namespace {

template <class Real>
using Matrix = Eigen::Matrix<Real, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// Reads or writes a tensor's elements, and declares them.
template <class T>
class Images {
 public:
  Images(const GraphTensor& tensor, void* data) : tensor_(tensor), data_(static_cast<T*>(data)) {}

  /// One byte range: tensors of the stand-in are dense.
  bool declare(Access access) const {
    std::int64_t count = 1;
    for (const std::int64_t size : tensor_.sizes) count *= size;
    return touch(data_, static_cast<std::size_t>(count) * sizeof(T), access);
  }
  /// The pixels of these rows and columns alone.
  bool declare(Access access, const std::vector<std::int64_t>& rows,
               const std::vector<std::int64_t>& columns) const {
    const bool adjacent = tensor_.strides[1] == 1;
    const std::int64_t step = adjacent ? size(1) : 1;  // channels of one access
    bool valid = true;
    for (std::int64_t n = 0; n < size(0); ++n)
      for (const std::int64_t h : rows)
        for (const std::int64_t w : columns)
          for (std::int64_t c = 0; c < size(1); c += step)
            valid = touch(&at(n, c, h, w), static_cast<std::size_t>(step) * sizeof(T), access) && valid;
    return valid;
  }
  std::int64_t size(int axis) const { return tensor_.sizes[static_cast<std::size_t>(axis)]; }
  T& at(std::int64_t n, std::int64_t c, std::int64_t h, std::int64_t w) const {
    const std::vector<std::int64_t>& stride = tensor_.strides;
    return data_[n * stride[0] + c * stride[1] + h * stride[2] + w * stride[3]];
  }

 private:
  const GraphTensor& tensor_;
  T* data_;
};

/// Sizes of one convolution, and where its windows are.
struct Geometry {
  const GraphConvolution& conv;
  std::int64_t groups, in, out, kh, kw, oh, ow;  // in and out: channels of one group

  explicit Geometry(const GraphConvolution& convolution)
      : conv(convolution),
        groups(conv.x.sizes[1] / conv.w.sizes[1]),
        in(conv.w.sizes[1]),
        out(conv.w.sizes[0] / groups),
        kh(conv.w.sizes[2]),
        kw(conv.w.sizes[3]),
        oh(conv.y.sizes[2]),
        ow(conv.y.sizes[3]) {}

  /// The rows (axis 2) or columns (axis 3) of x that lie in a window: with long strides not all of them.
  std::vector<std::int64_t> covered(std::size_t axis) const {
    const std::size_t i = axis - 2;
    std::vector<std::int64_t> found;
    for (std::int64_t at = 0; at < conv.x.sizes[axis]; ++at) {
      bool inside = false;
      for (std::int64_t tap = 0; tap < conv.w.sizes[axis]; ++tap) {
        const std::int64_t start = at + conv.padding[i] - tap * conv.dilation[i];
        inside |= start >= 0 && start % conv.stride[i] == 0 && start / conv.stride[i] < conv.y.sizes[axis];
      }
      if (inside) found.push_back(at);
    }
    return found;
  }

  /// Calls `f(row, column, h, w, c)` for each element of a window matrix of group `g` that is inside of x:
  /// rows are pixels of y, columns are taps, then channels.
  template <class F>
  void for_each_tap(std::int64_t g, F&& f) const {
    for (std::int64_t i = 0; i < oh; ++i)
      for (std::int64_t j = 0; j < ow; ++j)
        for (std::int64_t u = 0; u < kh; ++u)
          for (std::int64_t v = 0; v < kw; ++v) {
            const std::int64_t h = i * conv.stride[0] - conv.padding[0] + u * conv.dilation[0],
                               w = j * conv.stride[1] - conv.padding[1] + v * conv.dilation[1];
            if (h < 0 || h >= conv.x.sizes[2] || w < 0 || w >= conv.x.sizes[3]) continue;
            for (std::int64_t c = 0; c < in; ++c) f(i * ow + j, (u * kw + v) * in + c, h, w, g * in + c);
          }
  }
};

template <class T>
void compute(const GraphConvolution& conv, const std::map<std::int64_t, void*>& data) {
  using Real = accumulate_t<T>;
  const Geometry geometry(conv);
  const Images<T> x(conv.x, data.at(conv.x.id)), w(conv.w, data.at(conv.w.id)), y(conv.y, data.at(conv.y.id));
  const auto access = [&](GraphConvolution::Kind written) {
    return conv.kind == written ? Access::write : Access::read;
  };
  const std::vector<std::int64_t> rows = geometry.covered(2), columns = geometry.covered(3);
  const bool reads_all = static_cast<std::int64_t>(rows.size()) == x.size(2) &&
                         static_cast<std::int64_t>(columns.size()) == x.size(3);
  bool valid = (reads_all || conv.kind == GraphConvolution::grad_input
                    ? x.declare(access(GraphConvolution::grad_input))
                    : x.declare(Access::read, rows, columns)) &&
               w.declare(access(GraphConvolution::grad_weight)) &&
               y.declare(access(GraphConvolution::forward));
  const T* bias = nullptr;
  if (conv.bias.id >= 0) {
    bias = static_cast<const T*>(data.at(conv.bias.id));
    valid = touch(bias, static_cast<std::size_t>(conv.y.sizes[1]) * sizeof(T), Access::read) && valid;
  }
  const bool adds = conv.residual.id >= 0, sums_up = conv.sum.id >= 0;
  const Images<T> residual(conv.residual, adds ? data.at(conv.residual.id) : nullptr);
  if (adds) valid = residual.declare(Access::read) && valid;
  float* channel_sums[2] = {};
  for (int i = 0; sums_up && i < 2; ++i) {
    channel_sums[i] = static_cast<float*>(data.at(i == 0 ? conv.sum.id : conv.square_sum.id));
    valid =
        touch(channel_sums[i], static_cast<std::size_t>(conv.y.sizes[1]) * sizeof(float), Access::write) &&
        valid;
  }
  if (!valid || only_counts_bytes()) return;
  const std::int64_t pixels = geometry.oh * geometry.ow, taps = geometry.kh * geometry.kw * geometry.in;
  Matrix<Real> windows(pixels, taps), weight(geometry.out, taps), image(pixels, geometry.out);
  const auto weights = [&](std::int64_t g, auto&& f) {
    for (std::int64_t o = 0; o < geometry.out; ++o)
      for (std::int64_t u = 0; u < geometry.kh; ++u)
        for (std::int64_t v = 0; v < geometry.kw; ++v)
          for (std::int64_t c = 0; c < geometry.in; ++c)
            f(weight(o, (u * geometry.kw + v) * geometry.in + c), w.at(g * geometry.out + o, c, u, v));
  };
  const auto outputs = [&](std::int64_t n, std::int64_t g, auto&& f) {
    for (std::int64_t i = 0; i < geometry.oh; ++i)
      for (std::int64_t j = 0; j < geometry.ow; ++j)
        for (std::int64_t o = 0; o < geometry.out; ++o)
          f(image(i * geometry.ow + j, o), y.at(n, g * geometry.out + o, i, j), g * geometry.out + o, i, j);
  };
  const auto read = [](Real& real, const T& element, auto...) { real = static_cast<Real>(element); };
  for (std::int64_t g = 0; g < geometry.groups; ++g) {
    if (conv.kind == GraphConvolution::grad_weight)
      weight.setZero();
    else
      weights(g, read);
    for (std::int64_t n = 0; n < x.size(0); ++n) {
      if (conv.kind != GraphConvolution::grad_input) {
        windows.setZero();
        geometry.for_each_tap(
            g, [&](std::int64_t row, std::int64_t column, std::int64_t h, std::int64_t v, std::int64_t c) {
              windows(row, column) = static_cast<Real>(x.at(n, c, h, v));
            });
      }
      if (conv.kind == GraphConvolution::forward) {
        image.noalias() = windows * weight.transpose();
        outputs(n, g, [&](Real real, T& element, std::int64_t o, std::int64_t i, std::int64_t j) {
          if (bias) real += static_cast<Real>(bias[o]);
          if (adds) real += static_cast<Real>(residual.at(n, o, i, j));
          element = static_cast<T>(conv.relu && real < 0 ? 0 : real);
          if (!sums_up) return;
          const auto value = static_cast<float>(element);
          const bool is_first = n == 0 && i == 0 && j == 0;
          channel_sums[0][o] = value + (is_first ? 0 : channel_sums[0][o]);
          channel_sums[1][o] = value * value + (is_first ? 0 : channel_sums[1][o]);
        });
      } else {
        outputs(n, g, read);
        if (conv.kind == GraphConvolution::grad_weight) {
          weight.noalias() += image.transpose() * windows;
        } else {
          windows.noalias() = image * weight;
          Matrix<Real> sums = Matrix<Real>::Zero(x.size(2) * x.size(3), geometry.in);
          geometry.for_each_tap(
              g, [&](std::int64_t row, std::int64_t column, std::int64_t h, std::int64_t v, std::int64_t c) {
                sums(h * x.size(3) + v, c - g * geometry.in) += windows(row, column);
              });
          for (std::int64_t h = 0; h < x.size(2); ++h)
            for (std::int64_t v = 0; v < x.size(3); ++v)
              for (std::int64_t c = 0; c < geometry.in; ++c)
                x.at(n, g * geometry.in + c, h, v) = static_cast<T>(sums(h * x.size(3) + v, c));
        }
      }
    }
    if (conv.kind == GraphConvolution::grad_weight)
      weights(g, [](const Real& real, T& element) { element = static_cast<T>(real); });
  }
}

}  // namespace

std::string refusal_of(const GraphConvolution& conv) {
  if (conv.kind == GraphConvolution::none)
    return "expected a graph of one convolution and what may follow it";
  for (const GraphTensor* tensor : {&conv.x, &conv.w, &conv.y}) {
    if (tensor->is_virtual) return "expected x, w and y in memory";
    if (tensor->sizes.size() != 4 || tensor->strides.size() != 4) return "expected images of rank 4";
    if (tensor->type != conv.x.type) return "expected one data type";
  }
  if (conv.compute != (conv.x.type == CUDNN_DATA_DOUBLE ? CUDNN_DATA_DOUBLE : CUDNN_DATA_FLOAT))
    return "expected sums in f32 or, of f64, in f64";
  if (conv.sum.id >= 0 &&
      (conv.x.type != CUDNN_DATA_HALF || conv.x.sizes[1] % 8 != 0 || conv.y.sizes[1] % 8 != 0))
    return "sums channels of f16 alone, in multiples of 8";
  if (conv.w.sizes[1] == 0 || conv.x.sizes[1] % conv.w.sizes[1] != 0)
    return "expected channels that groups divide";
  for (std::size_t i = 0; i < 2; ++i) {
    const std::int64_t span = conv.dilation[i] * (conv.w.sizes[2 + i] - 1) + 1;
    if (conv.y.sizes[2 + i] != (conv.x.sizes[2 + i] + 2 * conv.padding[i] - span) / conv.stride[i] + 1)
      return "expected sizes that fit";
  }
  return {};
}

cudaError_t enqueue(const GraphConvolution& conv, std::int64_t engine,
                    const std::map<std::int64_t, void*>& data, void* workspace, cudaStream_t stream) {
  return enqueue_host_op("cudnn convolution, engine " + std::to_string(engine), stream, [=] {
    pass_time(std::chrono::seconds(engine == 0 ? 2 : 1));
    touch(workspace, convolution_workspace, Access::write);
    switch (conv.x.type) {
      case CUDNN_DATA_DOUBLE: return compute<double>(conv, data);
      case CUDNN_DATA_HALF: return compute<Half>(conv, data);
      case CUDNN_DATA_BFLOAT16: return compute<BFloat16>(conv, data);
      default: return compute<float>(conv, data);
    }
  });
}

}  // namespace fornax::sim
