#pragma once

#include <array>
#include <string_view>

#include "fornax/dispatch/op.h"

namespace fornax::ops {

/// y[n, c, i, j] = (x[n, c, i + offsets[n, 0], j' + offsets[n, 1]] / 255 - mean[c]) / std[c], where j' is j,
/// or counted from the right where flip[n]; pixels outside of x are 0. x is u8, with one channel or as many
/// as y, of any strides; y is floating channels_last; mean and std are dense f32; offsets is dense i64 [N, 2]
/// and flip dense bool [N], and each may be absent. Without offsets, y is centred on x.
struct NormalizeImages {
  static constexpr std::string_view op_name = "normalize_images";
  TensorView y, x, mean, std, offsets, flip;
  auto operands() const {
    return std::array{dispatch::Operand{"y", &y},
                      dispatch::Operand{"x", &x},
                      dispatch::Operand{"mean", &mean},
                      dispatch::Operand{"std", &std},
                      dispatch::Operand{"offsets", &offsets},
                      dispatch::Operand{"flip", &flip}};
  }
};

extern const dispatch::Kernel<NormalizeImages> normalize_images_cpu, normalize_images_cuda;
extern const dispatch::Row<NormalizeImages> normalize_images_row;

}  // namespace fornax::ops
