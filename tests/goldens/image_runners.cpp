#include "fornax/ops/elementwise.h"
#include "fornax/ops/image.h"
#include "goldens/runners.h"

namespace fornax::test {
namespace {

/// Images and truths are recorded as integers; mean and std are in f32 whatever the result is in.
std::vector<Tensor> run_normalize_images(const Attrs& attrs, std::span<const Tensor> in) {
  return {normalize_images(in[0].to(u8), in[1].to(f32), in[2].to(f32),
                           {.dtype = in[1].dtype(),
                            .size = pair(attrs, "size"),
                            .offsets = optional_input(in, 3),
                            .flip = in.size() > 4 ? ne(in[4], 0) : Tensor()})};
}

}  // namespace

const GoldenOps& image_runners() {
  static const GoldenOps ops = {{"normalize_images", {run_normalize_images}}};
  return ops;
}

}  // namespace fornax::test
