#include "fornax/ops/replayed.h"

#include "device/capture.h"

namespace fornax {

bool detail::is_captured(Device device) {
  const Capture* const capture = current_capture();
  return capture && capture->records(current_stream(device));
}

Tensor detail::replayed(DType dtype, const std::vector<std::byte>& first,
                        std::function<void(std::byte*)> next) {
  Capture::Place place = current_capture()->renewed(first, std::move(next));
  const auto count = static_cast<std::int64_t>(first.size() / size_of(dtype));
  return Tensor::from_storage(std::move(place.storage), place.offset, dtype, {count}, {1});
}

}  // namespace fornax
