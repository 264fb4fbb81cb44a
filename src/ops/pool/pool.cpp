#include "fornax/ops/pool.h"

#include <fmt/format.h>

#include "fornax/autograd/node.h"
#include "fornax/base/error.h"
#include "ops/common/check.h"
#include "ops/pool/pool_op.h"

namespace fornax {
namespace {

using ops::PoolWindows;

struct MaxPool2dGrad final : autograd::Node {
  autograd::Saved index;
  Shape shape;
  MemoryFormat format = MemoryFormat::contiguous;
  PoolWindows windows;
  std::string_view name() const override { return "max_pool2d"; }
  Grads backward(const Tensor& dy) override {
    Tensor dx = empty(shape, {.dtype = dy.dtype(), .device = dy.device(), .format = format});
    dispatch::run(ops::max_pool2d_grad_row, ops::MaxPool2dGrad{dx, dy.to(format), index.get(*this), windows});
    return {dx};
  }
};

struct AvgPool2dGrad final : autograd::Node {
  Shape shape;
  MemoryFormat format = MemoryFormat::contiguous;
  PoolWindows windows;
  bool count_include_pad = true;
  std::string_view name() const override { return "avg_pool2d"; }
  Grads backward(const Tensor& dy) override {
    Tensor dx = empty(shape, {.dtype = dy.dtype(), .device = dy.device(), .format = format});
    dispatch::run(ops::avg_pool2d_grad_row,
                  ops::AvgPool2dGrad{dx, dy.to(format), windows, count_include_pad});
    return {dx};
  }
};

std::string to_text(Pair pair) { return fmt::format("{}x{}", pair.h, pair.w); }

void check_images(std::string_view op, const Tensor& x) {
  ops::check_floating(op, {{"x", x}});
  if (x.rank() != 4) throw ShapeError(op, "expected x[N,C,H,W], got " + describe(x));
}

std::int64_t windows_along(std::int64_t in, std::int64_t kernel, std::int64_t stride, std::int64_t padding,
                           std::int64_t dilation, bool ceil_mode) {
  const std::int64_t reach = in + 2 * padding - dilation * (kernel - 1) - 1;
  if (reach < 0) return 0;
  const std::int64_t windows = (reach + (ceil_mode ? stride - 1 : 0)) / stride + 1;
  return (windows - 1) * stride >= in + padding ? windows - 1 : windows;  // the last one starts inside
}

/// y's shape. Throws unless the windows fit.
Shape output_shape(std::string_view op, const Tensor& x, const PoolWindows& p, bool ceil_mode) {
  const auto fail = [&](std::string_view expected, Pair got) {
    throw ValueError(op, fmt::format("expected {}, got {}; x={}", expected, to_text(got), describe(x)));
  };
  if (p.kernel.h < 1 || p.kernel.w < 1) fail("a kernel of at least 1", p.kernel);
  if (p.stride.h < 1 || p.stride.w < 1) fail("a stride of at least 1", p.stride);
  if (p.dilation.h < 1 || p.dilation.w < 1) fail("a dilation of at least 1", p.dilation);
  const auto half = [](std::int64_t kernel, std::int64_t dilation) {
    return (dilation * (kernel - 1) + 1) / 2;
  };
  const Pair most{half(p.kernel.h, p.dilation.h), half(p.kernel.w, p.dilation.w)};
  if (p.padding.h < 0 || p.padding.w < 0 || p.padding.h > most.h || p.padding.w > most.w)
    fail(fmt::format("padding of 0 to half of the kernel, {}", to_text(most)), p.padding);
  const Shape y{x.size(0), x.size(1),
                windows_along(x.size(2), p.kernel.h, p.stride.h, p.padding.h, p.dilation.h, ceil_mode),
                windows_along(x.size(3), p.kernel.w, p.stride.w, p.padding.w, p.dilation.w, ceil_mode)};
  if (y[2] < 1 || y[3] < 1)
    throw ShapeError(op, fmt::format("expected images that hold a window of {} with padding {}, got {}",
                                     to_text(p.kernel), to_text(p.padding), describe(x)));
  return y;
}

/// Windows that cover the image evenly; `size` is y's.
PoolWindows adaptive_windows(std::string_view op, const Tensor& x, Pair size) {
  if (size.h < 1 || size.w < 1)
    throw ValueError(op,
                     fmt::format("expected a size of at least 1, got {}; x={}", to_text(size), describe(x)));
  if (x.size(2) < 1 || x.size(3) < 1)
    throw ShapeError(op, "expected images of at least one pixel, got " + describe(x));
  const auto longest = [](std::int64_t in, std::int64_t out) {
    if (in % out == 0) return in / out;
    return std::min(in, in / out + 2);  // a start rounded down, an end rounded up
  };
  return {.kernel = {longest(x.size(2), size.h), longest(x.size(3), size.w)}, .adaptive = true};
}

Tensor max_pool(const Tensor& images, const Shape& shape, const PoolWindows& windows) {
  const MemoryFormat format = images.suggested_format();
  const Tensor x = images.to(format);
  Tensor y = empty(shape, {.dtype = x.dtype(), .device = x.device(), .format = format}), index;
  if (autograd::needs_grad({{x}})) {
    const DType dtype = windows.kernel.h * windows.kernel.w <= 256 ? u8 : i32;
    index = empty(shape, {.dtype = dtype, .device = x.device(), .format = MemoryFormat::channels_last});
  }
  dispatch::run(ops::max_pool2d_row, ops::MaxPool2d{y, index, x, windows});
  autograd::record<MaxPool2dGrad>(y, {x}, [&](MaxPool2dGrad& node) {
    node.index.save(index);
    node.shape = x.shape();
    node.format = format;
    node.windows = windows;
  });
  return y;
}

Tensor avg_pool(const Tensor& images, const Shape& shape, const PoolWindows& windows,
                bool count_include_pad) {
  const MemoryFormat format = images.suggested_format();
  const Tensor x = images.to(format);
  Tensor y = empty(shape, {.dtype = x.dtype(), .device = x.device(), .format = format});
  dispatch::run(ops::avg_pool2d_row, ops::AvgPool2d{y, x, windows, count_include_pad});
  autograd::record<AvgPool2dGrad>(y, {x}, [&](AvgPool2dGrad& node) {
    node.shape = x.shape();
    node.format = format;
    node.windows = windows;
    node.count_include_pad = count_include_pad;
  });
  return y;
}

}  // namespace

Tensor max_pool2d(const Tensor& x, Pair kernel, const MaxPool2dParams& params) {
  check_images("max_pool2d", x);
  const PoolWindows windows{.kernel = kernel,
                            .stride = params.stride.value_or(kernel),
                            .padding = params.padding,
                            .dilation = params.dilation};
  return max_pool(x, output_shape("max_pool2d", x, windows, params.ceil_mode), windows);
}

Tensor avg_pool2d(const Tensor& x, Pair kernel, const AvgPool2dParams& params) {
  check_images("avg_pool2d", x);
  const PoolWindows windows{
      .kernel = kernel, .stride = params.stride.value_or(kernel), .padding = params.padding};
  return avg_pool(x, output_shape("avg_pool2d", x, windows, params.ceil_mode), windows,
                  params.count_include_pad);
}

Tensor adaptive_avg_pool2d(const Tensor& x, Pair size) {
  check_images("adaptive_avg_pool2d", x);
  const PoolWindows windows = adaptive_windows("adaptive_avg_pool2d", x, size);
  return avg_pool(x, {x.size(0), x.size(1), size.h, size.w}, windows, true);
}

Tensor adaptive_max_pool2d(const Tensor& x, Pair size) {
  check_images("adaptive_max_pool2d", x);
  const PoolWindows windows = adaptive_windows("adaptive_max_pool2d", x, size);
  return max_pool(x, {x.size(0), x.size(1), size.h, size.w}, windows);
}

}  // namespace fornax
