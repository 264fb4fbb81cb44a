#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "data/resizer.h"
#include "fornax/base/function_ref.h"
#include "fornax/data/image_file.h"

namespace fornax::data {

/// Decodes an image file and writes the view that `choose` wants of an image of this size, [rows.count,
/// columns.count, 3]. Of a JPEG only what the view needs is decoded; `reduce`: at 1/8, 1/4 or 1/2 of its size
/// where that is enough. An image that EXIF turns is turned when it is resized, which rounds otherwise than
/// the other way round. Throws IoError.
void decode_resized(std::span<const std::byte> bytes, std::string_view file, const DecodeOptions& options,
                    bool reduce, FunctionRef<ResizeView(std::int64_t height, std::int64_t width)> choose,
                    std::uint8_t* pixels);

}  // namespace fornax::data
