#include "fornax/dispatch/tensor_view.h"

namespace fornax {

std::string to_string(const TensorView& view) {
  if (!view.defined()) return "undefined";
  std::string text(name_of(view.dtype));
  text += to_string(view.shape);
  if (!view.is_contiguous())
    text += view.is_channels_last() ? "channels_last" : "strides" + to_string(view.strides);
  return text + "@" + to_string(view.device);
}

}  // namespace fornax
