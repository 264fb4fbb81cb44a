#include "fornax/data/tfrecord_dataset.h"

#include <utility>

#include "data/shard_entry.h"
#include "data/tfrecord.h"

namespace fornax::data {

TFRecordDataset::TFRecordDataset(std::vector<std::string> paths, EncodedImageOptions options,
                                 TFRecordOptions records)
    : ShardedImages("tfrecord_dataset", std::move(paths), std::move(options),
                    [&](FileWindow& shard) { return scan_tfrecord(shard, records); }),
      records_(std::move(records)) {}

std::vector<std::byte> TFRecordDataset::read(std::int64_t index) const {
  const std::vector<std::byte> entry = ShardedImages::read(index);
  const auto image = image_of(entry, name(index), records_);
  return {image.begin(), image.end()};
}

}  // namespace fornax::data
