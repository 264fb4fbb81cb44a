#include <fmt/format.h>

#include "fornax/base/error.h"
#include "fornax/ops/image.h"
#include "ops/common/check.h"
#include "ops/normalize_images/normalize_images_op.h"

namespace fornax {

Tensor normalize_images(const Tensor& x, const Tensor& mean, const Tensor& std,
                        const NormalizeImagesOptions& options) {
  constexpr std::string_view op = "normalize_images";
  const Tensor &offsets = options.offsets, &flip = options.flip;
  const auto operands = [&] {
    return ops::describe({{"x", x}, {"mean", mean}, {"std", std}, {"offsets", offsets}, {"flip", flip}});
  };
  const auto expect_dtype = [&](const Tensor& tensor, DType dtype, std::string_view name) {
    if (tensor.defined() && tensor.dtype() != dtype)
      throw DTypeError(op, fmt::format("expected {} in {}, got {}", name, name_of(dtype), operands()));
  };
  ops::check_defined(op, x);
  ops::check_defined(op, mean, "mean");
  ops::check_defined(op, std, "std");
  expect_dtype(x, u8, "x");
  expect_dtype(mean, f32, "mean");
  expect_dtype(std, f32, "std");
  expect_dtype(offsets, i64, "offsets");
  expect_dtype(flip, boolean, "flip");
  if (!is_floating(options.dtype))
    throw DTypeError(op,
                     fmt::format("expected a floating dtype for the result, got {}", name_of(options.dtype)));
  if (x.rank() != 4) throw ShapeError(op, "expected x[N,C,H,W], got " + operands());
  const std::int64_t images = x.size(0), channels = mean.numel();
  if (mean.rank() != 1 || std.shape() != mean.shape() || (x.size(1) != channels && x.size(1) != 1))
    throw ShapeError(op, "expected a mean and a std for each of x's channels, got " + operands());
  if (offsets.defined() && offsets.shape() != Shape{images, 2})
    throw ShapeError(op, fmt::format("expected offsets of [{},2], got {}", images, operands()));
  if (flip.defined() && flip.shape() != Shape{images})
    throw ShapeError(op, fmt::format("expected flip of [{}], got {}", images, operands()));
  const Pair size = options.size.value_or(Pair(x.size(2), x.size(3)));
  if (size.h < 0 || size.w < 0)
    throw ValueError(op,
                     fmt::format("expected a size of 0 or more, got {}x{}; {}", size.h, size.w, operands()));
  for (const Tensor* other : {&mean, &std, &offsets, &flip})
    if (other->defined() && other->device() != x.device())
      throw DeviceError(op, "expected all on one device, got " + operands());

  Tensor y = empty({images, channels, size.h, size.w},
                   {.dtype = options.dtype, .device = x.device(), .format = MemoryFormat::channels_last});
  dispatch::run(ops::normalize_images_row,
                ops::NormalizeImages{y, x, mean.contiguous(), std.contiguous(),
                                     offsets.defined() ? offsets.contiguous() : offsets,
                                     flip.defined() ? flip.contiguous() : flip});
  return y;
}

}  // namespace fornax
