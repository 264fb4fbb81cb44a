#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fornax/base/export.h"
#include "fornax/tensor/tensor.h"

namespace fornax::data {

struct DecodeOptions {
  std::int64_t max_pixels = 89'478'485;  ///< of the image, before memory is allocated for it; as Pillow's
  bool exif_orientation = true;          ///< turn a JPEG as its EXIF header says
  /// Take what libjpeg makes of a JPEG that it warns of, such as a truncated one; otherwise that is an error.
  bool allow_damage = false;
};

/// Decodes a JPEG (baseline or progressive; colour, grey, or CMYK as Adobe writes it) or a PNG (any depth,
/// palette and interlacing; of 16 bits the upper 8 are taken, alpha is dropped), told apart by their first
/// bytes: u8 [3, height, width] in RGB, whose memory is pixel by pixel (strides of [height, width, 3]), equal
/// to what Pillow's convert("RGB") gives. The bytes are not trusted: an IoError names `file`, what was
/// expected and what came.
FORNAX_API Tensor decode_image(std::span<const std::byte> bytes, std::string_view file,
                               const DecodeOptions& options = {});
/// Reads and decodes the file at `path`. Throws IoError.
FORNAX_API Tensor read_image(const std::string& path, const DecodeOptions& options = {});

/// The bytes of a PNG file of an image [C, height, width], grey (C = 1) or in RGB (3): u8, or floating from 0
/// (black, as is NaN) to 1, beyond which values are cut. Throws ShapeError, DTypeError. Waits for the device.
FORNAX_API std::vector<std::byte> encode_png(const Tensor& image);

}  // namespace fornax::data
