#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "fornax/base/export.h"
#include "fornax/data/sharded_images.h"

namespace fornax::data {

/// How the records of a TFRecord file hold images.
struct TFRecordOptions {
  /// Names of the features, of which the first counts that a record has: those of TF-Slim's ImageNet, and of
  /// TensorFlow Datasets.
  std::vector<std::string> image = {"image/encoded", "image"}, label = {"image/class/label", "label"};
  /// Is added to labels: -1 where they count from 1, as those of TF-Slim's ImageNet do.
  std::int64_t label_offset = 0;
};

/// Images in TFRecord files, not compressed, whose records are tf.train.Example messages: each has a JPEG or
/// PNG file and a label. A record's checksum is compared when its image is read.
class FORNAX_API TFRecordDataset final : public ShardedImages {
 public:
  /// Scans the files. Throws IoError for one that cannot be read or a record without image or label,
  /// ValueError for options that make no sense.
  TFRecordDataset(std::vector<std::string> paths, EncodedImageOptions options, TFRecordOptions records = {});

 private:
  std::vector<std::byte> read(std::int64_t index) const override;

  TFRecordOptions records_;
};

}  // namespace fornax::data
