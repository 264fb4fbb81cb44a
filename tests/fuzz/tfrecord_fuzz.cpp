#include <cstdlib>
#include <cstring>
#include <vector>

#include "base/crc32c.h"
#include "data/tfrecord.h"
#include "fornax/base/error.h"

namespace {

using fornax::data::TFRecordOptions;

void append_crc(std::vector<std::byte>& file, std::size_t from) {
  const std::uint32_t crc = fornax::masked_crc32c(std::span(file).subspan(from));
  for (int shift = 0; shift < 32; shift += 8) file.push_back(static_cast<std::byte>(crc >> shift));
}

/// Bytes are either refused with an IoError or a list of records that lie within them.
std::size_t scan(std::span<const std::byte> file) {
  fornax::FileWindow window(file, "file");
  const auto entries = fornax::data::scan_tfrecord(window, TFRecordOptions{});
  for (const auto& entry : entries)
    if (entry.offset > file.size() || entry.size > file.size() - entry.offset || entry.label < 0)
      std::abort();
  return entries.size();
}

}  // namespace

/// Any bytes, and the file of one record of them, with checksums that are right.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(data), size);
  try {
    scan(bytes);
  } catch (const fornax::IoError&) {  // refused
  }
  std::vector<std::byte> file(8);
  std::memcpy(file.data(), &size, 8);
  append_crc(file, 0);
  const std::size_t begin = file.size();
  file.insert(file.end(), bytes.begin(), bytes.end());
  append_crc(file, begin);
  try {
    if (scan(file) != 1) std::abort();
    const auto entry = std::span<const std::byte>(file).subspan(begin);
    const auto image = fornax::data::image_of(entry, "record", TFRecordOptions{});
    if (image.data() < entry.data() || image.data() + image.size() > entry.data() + size) std::abort();
  } catch (const fornax::IoError&) {  // refused
  }
  return 0;
}
