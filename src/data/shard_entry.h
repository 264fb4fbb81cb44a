#pragma once

#include <cstdint>
#include <string>

namespace fornax::data {

/// What a scan of a shard finds out of a sample.
struct ShardEntry {
  std::uint64_t offset = 0, size = 0;  ///< of its bytes, which lie within the shard
  std::int64_t label = 0;
  std::string name;  ///< in the shard
};

}  // namespace fornax::data
