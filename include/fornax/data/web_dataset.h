#pragma once

#include <string>
#include <vector>

#include "fornax/base/export.h"
#include "fornax/data/sharded_images.h"

namespace fornax::data {

/// Images in tar files, as WebDataset keeps them. Members whose names are equal up to the first dot behind
/// the last slash, and which follow one another, are a sample: its image is the member .jpg, .jpeg or .png
/// (in small or capital letters), its label the number in the member .cls; others are passed over. The
/// archives are not compressed; names may be as long as GNU tar or POSIX (pax) allow.
///
///     WebDataset train(expand_shards("imagenet/train-{0000..0146}.tar"), {.train = true});
class FORNAX_API WebDataset final : public ShardedImages {
 public:
  /// Scans the archives. Throws IoError for one that cannot be read or a sample without image or label,
  /// ValueError for options that make no sense.
  WebDataset(std::vector<std::string> paths, EncodedImageOptions options);
};

}  // namespace fornax::data
