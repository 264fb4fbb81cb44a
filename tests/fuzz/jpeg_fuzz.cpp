#include <cstdlib>

#include "data/jpeg.h"
#include "fornax/base/error.h"

/// Any bytes are either refused with an IoError or decoded: a part of the image at a reduced size, chosen by
/// the last byte, with and without damage allowed. Pixels are read, so that none is missing.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace fornax::data;
  const std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(data), size);
  const int choice = size > 0 ? data[size - 1] : 0;
  try {
    JpegDecoder jpeg(bytes, "file", {.max_pixels = 1 << 16, .allow_damage = choice % 2 == 0});
    if (jpeg.orientation() < 1 || jpeg.orientation() > 8) std::abort();
    const int eighths = 1 << (choice / 2 % 4);
    const std::int64_t height = scaled(jpeg.height(), eighths), width = scaled(jpeg.width(), eighths);
    const std::int64_t top = height * (choice / 8 % 4) / 4, left = width * (choice / 32 % 4) / 4;
    const Region region{top, left, (height - top + 1) / 2, (width - left + 1) / 2};
    jpeg.start(eighths, region);
    volatile unsigned sum = 0;
    for (std::int64_t y = 0; y < region.height; ++y) {
      const std::uint8_t* row = jpeg.next_row();
      for (std::int64_t x = 0; x < region.width * 3; ++x) sum = sum + row[x];
    }
  } catch (const fornax::IoError&) {  // refused
  }
  return 0;
}
