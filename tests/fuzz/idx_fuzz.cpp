#include <cstdlib>

#include "fornax/base/error.h"
#include "fornax/data/idx.h"

/// Any bytes, plain or gzip, are either refused with an IoError or parsed into as many values as the sizes
/// say.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const auto array = fornax::data::parse_idx({reinterpret_cast<const std::byte*>(data), size}, "file");
    if (static_cast<std::size_t>(array.shape.product()) != array.values.size()) std::abort();
  } catch (const fornax::IoError&) {  // refused
  }
  return 0;
}
