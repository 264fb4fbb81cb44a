#include "fornax/data/image_file.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/file.h"
#include "data/image_decode.h"
#include "data/jpeg.h"
#include "data/png.h"
#include "fornax/base/error.h"

namespace fornax::data {
namespace {

enum class Format : std::uint8_t { jpeg, png };

Format format_of(std::span<const std::byte> bytes, std::string_view file) {
  constexpr std::string_view jpeg = "\xff\xd8\xff", png = "\x89PNG\r\n\x1a\n";
  const auto begins_with = [bytes](std::string_view text) {
    return bytes.size() >= text.size() && std::memcmp(bytes.data(), text.data(), text.size()) == 0;
  };
  if (begins_with(jpeg)) return Format::jpeg;
  if (begins_with(png)) return Format::png;
  std::string first;
  for (const std::byte byte : bytes.first(std::min<std::size_t>(bytes.size(), 8)))
    first += fmt::format("{:02x}", std::to_integer<int>(byte));
  throw IoError(file, fmt::format("expected a JPEG or PNG file, got {}",
                                  first.empty() ? "an empty one" : "one that begins with " + first));
}

Tensor empty_image(std::int64_t height, std::int64_t width) {
  return empty({height, width, 3}, {.dtype = u8});
}

/// How an image is seen that is stored with an EXIF orientation.
struct Turn {
  bool lying = false;                            ///< what is seen as rows is stored as columns
  bool rows_back = false, columns_back = false;  ///< what is seen as rows (columns) runs backwards
};
Turn turn_of(int orientation) {
  const int corner = (orientation - 1) % 4;
  return {.lying = orientation >= 5, .rows_back = corner >= 2, .columns_back = corner == 1 || corner == 2};
}

/// The image [height, width, 3] as it is to be seen.
Tensor turned(const Tensor& stored, const Turn& turn) {
  const std::int64_t height = stored.shape()[0], width = stored.shape()[1];
  const std::int64_t rows = turn.lying ? width : height, columns = turn.lying ? height : width;
  const std::int64_t row_step = turn.lying ? 1 : width, column_step = turn.lying ? width : 1;
  Tensor seen = empty_image(rows, columns);
  const auto* from = stored.data<std::uint8_t>();
  auto* to = seen.data<std::uint8_t>();
  for (std::int64_t y = 0; y < rows; ++y)
    for (std::int64_t x = 0; x < columns; ++x, to += 3) {
      const std::int64_t pixel = (turn.rows_back ? rows - 1 - y : y) * row_step +
                                 (turn.columns_back ? columns - 1 - x : x) * column_step;
      std::copy_n(from + pixel * 3, 3, to);
    }
  return seen;
}

/// The axis of an image of this length, from its other end.
ResizeAxis backwards(const ResizeAxis& axis, std::int64_t length) {
  ResizeAxis back = axis;
  back.begin = length - axis.begin - axis.length;
  back.first = axis.size - axis.first - axis.count;
  return back;
}

/// The view of the stored image that, turned, is the view of the image that is seen.
ResizeView stored_view(const ResizeView& seen, const Turn& turn, std::int64_t height, std::int64_t width) {
  const ResizeAxis rows = turn.rows_back ? backwards(seen.rows, turn.lying ? width : height) : seen.rows;
  const ResizeAxis columns =
      turn.columns_back ? backwards(seen.columns, turn.lying ? height : width) : seen.columns;
  return turn.lying ? ResizeView{.rows = columns, .columns = rows}
                    : ResizeView{.rows = rows, .columns = columns};
}

Tensor decode_whole(JpegDecoder& jpeg) {
  const std::int64_t height = jpeg.height(), width = jpeg.width();
  Tensor image = empty_image(height, width);
  auto* pixels = image.data<std::uint8_t>();
  jpeg.start(8, {.height = height, .width = width});
  for (std::int64_t y = 0; y < height; ++y, pixels += width * 3)
    std::copy_n(jpeg.next_row(), width * 3, pixels);
  return jpeg.orientation() == 1 ? image : turned(image, turn_of(jpeg.orientation()));
}

Tensor decode_whole(PngDecoder& png) {
  Tensor image = empty_image(png.height(), png.width());
  png.read(image.data<std::uint8_t>());
  return image;
}

void resize_png(PngDecoder& png, const ResizeView& view, std::uint8_t* pixels) {
  const Tensor image = decode_whole(png);
  Resizer resizer(view, 3);
  const Region source = resizer.source();
  const std::int64_t stride = png.width() * 3;
  const auto* row = image.data<std::uint8_t>() + source.top * stride + source.left * 3;
  for (std::int64_t y = 0; y < source.height; ++y, row += stride) resizer.add(row);
  resizer.write(pixels);
}

/// The view of the stored image.
void resize_jpeg(JpegDecoder& jpeg, const ResizeView& view, bool reduce, std::uint8_t* pixels) {
  const int eighths = reduce ? std::min(fewest_eighths(view) * jpeg.colour_stretch(), 8) : 8;
  Resizer resizer(view, 3, eighths);
  const Region source = resizer.source();
  jpeg.start(eighths, source);
  for (std::int64_t y = 0; y < source.height; ++y) resizer.add(jpeg.next_row());
  resizer.write(pixels);
}

}  // namespace

Tensor decode_image(std::span<const std::byte> bytes, std::string_view file, const DecodeOptions& options) {
  Tensor image;
  if (format_of(bytes, file) == Format::jpeg) {
    JpegDecoder jpeg(bytes, file, options);
    image = decode_whole(jpeg);
  } else {
    PngDecoder png(bytes, file, options);
    image = decode_whole(png);
  }
  return image.permute({2, 0, 1});
}

Tensor read_image(const std::string& path, const DecodeOptions& options) {
  return decode_image(read_file(path), path, options);
}

void decode_resized(std::span<const std::byte> bytes, std::string_view file, const DecodeOptions& options,
                    bool reduce, FunctionRef<ResizeView(std::int64_t height, std::int64_t width)> choose,
                    std::uint8_t* pixels) {
  if (format_of(bytes, file) == Format::png) {
    PngDecoder png(bytes, file, options);
    return resize_png(png, choose(png.height(), png.width()), pixels);
  }
  JpegDecoder jpeg(bytes, file, options);
  const std::int64_t height = jpeg.height(), width = jpeg.width();
  if (jpeg.orientation() == 1) return resize_jpeg(jpeg, choose(height, width), reduce, pixels);
  Turn turn = turn_of(jpeg.orientation());
  const ResizeView seen = turn.lying ? choose(width, height) : choose(height, width);
  const ResizeView view = stored_view(seen, turn, height, width);
  const Tensor small = empty_image(view.rows.count, view.columns.count);
  resize_jpeg(jpeg, view, reduce, small.data<std::uint8_t>());
  turn.columns_back ^= seen.mirrored;
  std::ranges::copy(turned(small, turn).to_vector<std::uint8_t>(), pixels);
}

}  // namespace fornax::data
