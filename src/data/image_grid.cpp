#include "fornax/data/image_grid.h"

#include <fmt/core.h>

#include <algorithm>

#include "fornax/autograd/grad_mode.h"
#include "fornax/base/error.h"
#include "fornax/ops/create.h"

namespace fornax::data {

Tensor make_grid(const Tensor& images, const GridOptions& options) {
  constexpr std::string_view op = "make_grid";
  const auto& [nrow, padding, pad_value] = options;
  if (images.rank() != 4 || images.size(0) < 1)
    throw ShapeError(op, fmt::format("expected images [N,C,height,width], got {}", describe(images)));
  if (nrow < 1 || padding < 0)
    throw ValueError(
        op, fmt::format("expected nrow of 1 or more and padding of 0 or more, got {} and {}", nrow, padding));
  const NoGrad no_grad;
  const std::int64_t count = images.size(0), height = images.size(2), width = images.size(3);
  const Tensor coloured =
      images.size(1) == 1 ? images.detach().expand({count, 3, height, width}) : images.detach();
  if (count == 1) return coloured[0];
  const std::int64_t columns = std::min(nrow, count), rows = (count + columns - 1) / columns;
  Tensor grid =
      full({coloured.size(1), rows * (height + padding) + padding, columns * (width + padding) + padding},
           pad_value, {.dtype = images.dtype(), .device = images.device()});
  for (std::int64_t i = 0; i < count; ++i)
    grid.narrow(1, i / columns * (height + padding) + padding, height)
        .narrow(2, i % columns * (width + padding) + padding, width)
        .copy_(coloured[i]);
  return grid;
}

}  // namespace fornax::data
