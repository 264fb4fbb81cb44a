#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "fornax/base/export.h"
#include "fornax/base/function_ref.h"
#include "fornax/data/encoded_images.h"

namespace fornax {
class FileWindow;
}

namespace fornax::data {

struct ShardEntry;

/// The files that a pattern names: `{0000..0146}` stands for each number of the range, with as many digits,
/// and `*`, `?` and `[]` for what they match (glob(7)). In the order of the ranges, and of the names where
/// one pattern matches several. Throws IoError where nothing matches, be it for one number of a range,
/// ValueError for a range that ends before it begins.
FORNAX_API std::vector<std::string> expand_shards(const std::string& pattern);

/// Images in shards: files that hold many of them each. When they are opened they are scanned for where the
/// images lie and what their labels are, several shards at once (num_threads()), without reading the images.
/// After that any order will do; but a disk or a network likes one in which few shards are read at a time, as
/// shard_sampler() gives it. At most 64 shards are kept open.
class FORNAX_API ShardedImages : public EncodedImages {
 public:
  ~ShardedImages() override;

  std::int64_t size() const final;
  /// The shard's path and what the image is called in it.
  std::string name(std::int64_t index) const final;
  std::int64_t label(std::int64_t index) const final;
  /// How many images each shard has: the first ones of the set are those of the first shard, and so on.
  std::span<const std::int64_t> shard_sizes() const;

 protected:
  /// Scans the files. Throws what `scan` throws, IoError for files that cannot be read or have no image all
  /// together, ValueError naming `op` for options that make no sense or no paths.
  ShardedImages(const char* op, std::vector<std::string> paths, EncodedImageOptions options,
                FunctionRef<std::vector<ShardEntry>(FileWindow& shard)> scan);
  /// The bytes of the sample that the scan found.
  std::vector<std::byte> read(std::int64_t index) const override;

 private:
  struct Shards;
  std::unique_ptr<const Shards> shards_;
};

}  // namespace fornax::data
