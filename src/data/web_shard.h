#pragma once

#include <vector>

#include "base/file.h"
#include "data/shard_entry.h"

namespace fornax::data {

/// The images of a tar archive with their labels, grouped as WebDataset does. Reads headers and labels alone.
/// Throws IoError naming the archive and what is wrong in it.
std::vector<ShardEntry> scan_web_shard(FileWindow& archive);

}  // namespace fornax::data
