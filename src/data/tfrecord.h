#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "data/shard_entry.h"
#include "fornax/data/tfrecord_dataset.h"

namespace fornax::data {

/// The records of a TFRecord file with their labels; an entry's bytes are a record's data and their checksum.
/// Reads what is about the images alone, and compares the checksums of lengths. Throws IoError naming the
/// file and what is wrong in it.
std::vector<ShardEntry> scan_tfrecord(FileWindow& file, const TFRecordOptions& options);

/// The image in the bytes of an entry. Throws IoError naming `record` unless they are those that were
/// written.
std::span<const std::byte> image_of(std::span<const std::byte> entry, std::string_view record,
                                    const TFRecordOptions& options);

}  // namespace fornax::data
