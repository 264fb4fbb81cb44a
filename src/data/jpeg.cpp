#include "data/jpeg.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstring>

#include "data/exif.h"
#include "data/longjmp.h"
#include "fornax/base/error.h"

namespace fornax::data {
namespace {

constexpr int exif_marker = JPEG_APP0 + 1;

/// More than any encoder writes; each is a pass over all coefficients, which a small file could ask for
/// without end.
constexpr int max_scans = 500;

/// CMYK as Adobe writes it, inverted: 255 is no ink.
void to_rgb(const std::uint8_t* cmyk, std::int64_t count, std::uint8_t* rgb) {
  for (; count > 0; --count, cmyk += 4, rgb += 3)
    for (int c = 0; c < 3; ++c) {
      const int product = (255 - cmyk[c]) * cmyk[3] + 128;  // rounded by 255 as Pillow does
      rgb[c] = static_cast<std::uint8_t>(cmyk[3] - ((product >> 8) + product) / 256);
    }
}

}  // namespace

template <class Body>
void JpegDecoder::attempt(const Body& body) {
  if (!completes(errors_.jump, body))
    throw IoError(file_, fmt::format("expected a sound JPEG file, got: {}", errors_.message));
}

void JpegDecoder::fail(j_common_ptr info) {
  auto& errors = *reinterpret_cast<Errors*>(info->err);
  errors.manager.format_message(info, errors.message);
  std::longjmp(errors.jump, 1);  // NOLINT(cert-err52-cpp): libjpeg does not return from errors
}

/// Levels below 0 are warnings, others tell what is being done.
void JpegDecoder::emit_message(j_common_ptr info, int level) {
  if (level < 0 && !reinterpret_cast<Errors*>(info->err)->allow_damage) fail(info);
}

void JpegDecoder::check_scans(j_common_ptr info) {
  if (reinterpret_cast<j_decompress_ptr>(info)->input_scan_number <= max_scans) return;
  auto& errors = *reinterpret_cast<Errors*>(info->err);
  std::strncpy(errors.message, "more than 500 scans", sizeof errors.message - 1);
  std::longjmp(errors.jump, 1);  // NOLINT(cert-err52-cpp): as above
}

JpegDecoder::JpegDecoder(std::span<const std::byte> bytes, std::string_view file,
                         const DecodeOptions& options)
    : file_(file) {
  jpeg_decompress_struct& info = handle_.info;
  info.err = jpeg_std_error(&errors_.manager);
  errors_.manager.error_exit = fail;
  errors_.manager.emit_message = emit_message;
  errors_.allow_damage = options.allow_damage;
  progress_.progress_monitor = check_scans;
  attempt([&] {
    jpeg_create_decompress(&info);
    info.progress = &progress_;
    jpeg_mem_src(&info, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
    if (options.exif_orientation) jpeg_save_markers(&info, exif_marker, 0xffff);
    jpeg_read_header(&info, TRUE);
  });
  if (height() * width() > options.max_pixels)
    throw IoError(file, fmt::format("expected an image of at most {} pixels, got one of {}x{}",
                                    options.max_pixels, height(), width()));
}

int JpegDecoder::orientation() const {
  for (const jpeg_marker_struct* marker = handle_.info.marker_list; marker; marker = marker->next)
    if (marker->marker == exif_marker)
      return exif_orientation(std::as_bytes(std::span(marker->data, marker->data_length)));
  return 1;
}

int JpegDecoder::colour_stretch() const {
  const auto [least, most] = std::minmax({handle_.info.max_h_samp_factor, handle_.info.max_v_samp_factor});
  return least * 2 > most ? 1 : least * 4 > most ? 2 : 4;
}

void JpegDecoder::start(int eighths, const Region& region) {
  // Columns of colour are interpolated from their neighbours: two pixels more on each side, and those that
  // are wanted come out as in the whole image.
  constexpr std::int64_t margin = 2;
  jpeg_decompress_struct& info = handle_.info;
  region_ = region;
  auto first = static_cast<JDIMENSION>(std::max<std::int64_t>(region.left - margin, 0));
  const std::int64_t last = std::min(region.left + region.width + margin, scaled(width(), eighths));
  auto columns = static_cast<JDIMENSION>(last - first);
  const auto top = static_cast<JDIMENSION>(region.top);
  const bool cmyk = info.jpeg_color_space == JCS_CMYK || info.jpeg_color_space == JCS_YCCK;
  attempt([&] {
    info.scale_num = static_cast<unsigned>(eighths);
    info.scale_denom = 8;
    info.out_color_space = cmyk ? JCS_CMYK : JCS_RGB;
    jpeg_start_decompress(&info);
    jpeg_crop_scanline(&info, &first, &columns);  // moves `first` to the left where it must
    if (top > 0) jpeg_skip_scanlines(&info, top);
  });
  first_column_ = first;
  row_.resize(std::size_t{info.output_width} * static_cast<std::size_t>(info.output_components));
  if (cmyk) rgb_.resize(static_cast<std::size_t>(region.width) * 3);
}

const std::uint8_t* JpegDecoder::next_row() {
  JSAMPROW row = row_.data();
  attempt([&] { jpeg_read_scanlines(&handle_.info, &row, 1); });
  const std::uint8_t* first = row + (region_.left - first_column_) * handle_.info.output_components;
  if (rgb_.empty()) return first;
  to_rgb(first, region_.width, rgb_.data());
  return rgb_.data();
}

}  // namespace fornax::data
