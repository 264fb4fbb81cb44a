#include <cstdlib>
#include <vector>

#include "data/png.h"
#include "fornax/base/error.h"

/// Any bytes are either refused with an IoError or decoded into as many pixels as the header says.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace fornax::data;
  constexpr std::int64_t max_pixels = 1 << 16;
  try {
    PngDecoder png({reinterpret_cast<const std::byte*>(data), size}, "file", {.max_pixels = max_pixels});
    if (png.height() < 1 || png.width() < 1 || png.height() * png.width() > max_pixels) std::abort();
    std::vector<std::uint8_t> pixels(static_cast<std::size_t>(png.height() * png.width()) * 3);
    png.read(pixels.data());
  } catch (const fornax::IoError&) {  // refused
  }
  return 0;
}
