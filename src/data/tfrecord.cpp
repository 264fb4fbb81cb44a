#include "data/tfrecord.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

#include "base/crc32c.h"
#include "data/protobuf.h"
#include "fornax/base/error.h"

namespace fornax::data {
namespace {

constexpr std::uint64_t crc_size = 4, header_size = 8 + crc_size;

std::uint64_t little_endian(std::span<const std::byte> bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) value = value << 8 | std::to_integer<std::uint64_t>(bytes[i]);
  return value;
}

/// Throws unless the last bytes are the checksum of those before.
void check_crc(std::span<const std::byte> guarded, std::string_view file, const char* what) {
  const auto bytes = guarded.first(guarded.size() - crc_size);
  const std::uint64_t stored = little_endian(guarded.last(crc_size));
  if (const std::uint32_t crc = masked_crc32c(bytes); crc != stored)
    throw IoError(file, fmt::format("expected {} of checksum {:08x}, got {:08x}: the file is corrupt", what,
                                    stored, crc));
}

/// A feature of tf.train.Example, found by its names.
struct Feature {
  const std::vector<std::string>& names;
  std::size_t name = names.size();  ///< which of them it has
  Extent message = {};
};

std::string_view text(FileWindow& file, Extent extent) {
  const auto bytes = file.at(extent.begin, extent.size());
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Makes `feature` an entry of the map of features if that is it.
void match(FileWindow& file, Extent key, Extent value, Feature& feature) {
  for (std::size_t i = 0; i <= feature.name && i < feature.names.size(); ++i)
    if (key.size() == feature.names[i].size() && text(file, key) == feature.names[i]) {
      feature.name = i;
      feature.message = value;
    }
}

struct Example {
  Extent image;
  std::int64_t label = 0;
};

/// Reads a message Example { Features features = 1; }, where
///   Features { map<string, Feature> feature = 1; }   an entry of a map is { key = 1; value = 2; }
///   Feature { oneof { BytesList bytes_list = 1; FloatList float_list = 2; Int64List int64_list = 3; } }
///   BytesList { repeated bytes value = 1; }   Int64List { repeated int64 value = 1; }
Example read_example(FileWindow& file, Extent message, const TFRecordOptions& options) {
  Feature image{options.image}, label{options.label};
  for_each_extent(file, message, 1, [&](Extent features) {
    for_each_extent(file, features, 1, [&](Extent entry) {
      Extent key, value;
      for_each_extent(file, entry, 1, [&](Extent found) { key = found; });
      for_each_extent(file, entry, 2, [&](Extent found) { value = found; });
      match(file, key, value, image);
      match(file, key, value, label);
    });
  });
  const auto fail = [&](const char* what, const Feature& feature, const char* got) {
    throw IoError(file.path(), fmt::format("expected one {} as feature {} of the record at offset {}, got {}",
                                           what, fmt::join(feature.names, " or "), message.begin, got));
  };

  std::optional<Extent> bytes;
  for_each_extent(file, image.message, 1, [&](Extent list) {
    for_each_extent(file, list, 1, [&](Extent found) {
      if (std::exchange(bytes, found)) fail("image", image, "several");
    });
  });
  if (!bytes) fail("image", image, "none");
  std::optional<std::int64_t> number;
  for_each_extent(file, label.message, 3, [&](Extent list) {
    for_each_int64(file, list, 1, [&](std::int64_t found) {
      if (std::exchange(number, found)) fail("label", label, "several");
    });
  });
  if (!number) fail("label", label, "none");
  std::int64_t counted = 0;
  if (__builtin_add_overflow(*number, options.label_offset, &counted) || counted < 0)
    throw IoError(file.path(),
                  fmt::format("expected a label of {} or more in the record at offset {}, got {}",
                              -options.label_offset, message.begin, *number));
  return {*bytes, counted};
}

}  // namespace

std::vector<ShardEntry> scan_tfrecord(FileWindow& file, const TFRecordOptions& options) {
  std::vector<ShardEntry> entries;
  for (std::uint64_t offset = 0; offset < file.size();) {
    const auto header = file.at(offset, header_size);
    check_crc(header, file.path(), fmt::format("a length at offset {}", offset).c_str());
    const std::uint64_t length = little_endian(header.first(8)), begin = offset + header_size,
                        rest = file.size() - begin;
    if (rest < crc_size || length > rest - crc_size)
      throw IoError(file.path(),
                    fmt::format("expected a record of {} bytes and its checksum at offset {}, got {} bytes: "
                                "the file is truncated",
                                length, begin, rest));
    const Example example = read_example(file, {begin, begin + length}, options);
    entries.push_back({begin, length + crc_size, example.label, fmt::format("record {}", entries.size())});
    offset = begin + length + crc_size;
  }
  return entries;
}

std::span<const std::byte> image_of(std::span<const std::byte> entry, std::string_view record,
                                    const TFRecordOptions& options) {
  check_crc(entry, record, "data");
  const auto data = entry.first(entry.size() - crc_size);
  FileWindow window(data, std::string(record));
  const Extent image = read_example(window, {0, data.size()}, options).image;
  return data.subspan(image.begin, image.size());
}

}  // namespace fornax::data
