#include "fornax/data/web_dataset.h"

#include <utility>

#include "data/shard_entry.h"
#include "data/web_shard.h"

namespace fornax::data {

WebDataset::WebDataset(std::vector<std::string> paths, EncodedImageOptions options)
    : ShardedImages("web_dataset", std::move(paths), std::move(options),
                    [](FileWindow& shard) { return scan_web_shard(shard); }) {}

}  // namespace fornax::data
