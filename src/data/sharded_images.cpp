#include "fornax/data/sharded_images.h"

#include <fmt/core.h>

#include <algorithm>
#include <deque>
#include <iterator>
#include <mutex>
#include <utility>

#include "base/file.h"
#include "data/shard_entry.h"
#include "fornax/base/error.h"
#include "fornax/base/parallel.h"

namespace fornax::data {
namespace {

/// Files of which those opened last are kept open. From any thread.
class ShardFiles {
 public:
  explicit ShardFiles(std::vector<std::string> paths) : paths_(std::move(paths)), files_(paths_.size()) {}

  std::size_t size() const { return paths_.size(); }
  const std::string& path(std::size_t shard) const { return paths_[shard]; }
  std::shared_ptr<const InputFile> open(std::size_t shard) const {
    constexpr std::size_t most = 64;  // a process may often have no more than 1024
    const std::lock_guard lock(mutex_);
    if (!files_[shard]) {
      files_[shard] = std::make_shared<const InputFile>(paths_[shard]);
      opened_.push_back(shard);
      if (opened_.size() > most) {
        files_[opened_.front()].reset();
        opened_.pop_front();
      }
    }
    return files_[shard];
  }

 private:
  std::vector<std::string> paths_;
  mutable std::mutex mutex_;
  mutable std::vector<std::shared_ptr<const InputFile>> files_;
  mutable std::deque<std::size_t> opened_;  ///< in the order in which they were opened
};

}  // namespace

struct ShardedImages::Shards {
  explicit Shards(std::vector<std::string> paths) : files(std::move(paths)) {}

  ShardFiles files;
  std::vector<ShardEntry> entries;
  std::vector<std::int64_t> sizes, ends;  ///< of each shard: how many entries, and where they end

  const ShardEntry& entry(std::int64_t index) const { return entries[static_cast<std::size_t>(index)]; }
  std::size_t shard_of(std::int64_t index) const {
    return static_cast<std::size_t>(std::ranges::upper_bound(ends, index) - ends.begin());
  }
};

ShardedImages::ShardedImages(const char* op, std::vector<std::string> paths, EncodedImageOptions options,
                             FunctionRef<std::vector<ShardEntry>(FileWindow& shard)> scan)
    : EncodedImages(op, std::move(options)) {
  if (paths.empty()) throw ValueError(op, "expected paths of shards, got none");
  const auto count = static_cast<std::int64_t>(paths.size());
  std::vector<std::vector<ShardEntry>> scanned(paths.size());
  parallel_for(0, count, 1, [&](std::int64_t first, std::int64_t last) {
    for (auto shard = static_cast<std::size_t>(first); shard < static_cast<std::size_t>(last); ++shard) {
      const InputFile file(paths[shard]);
      FileWindow window(file);
      scanned[shard] = scan(window);
    }
  });

  auto shards = std::make_unique<Shards>(std::move(paths));
  for (std::vector<ShardEntry>& entries : scanned) {
    shards->sizes.push_back(std::ssize(entries));
    std::ranges::move(entries, std::back_inserter(shards->entries));
    entries = {};  // its memory is free
    shards->ends.push_back(std::ssize(shards->entries));
  }
  if (shards->entries.empty())
    throw IoError(shards->files.path(0),
                  fmt::format("expected images in {} shards from this on, got none", shards->files.size()));
  shards_ = std::move(shards);
}

ShardedImages::~ShardedImages() = default;

std::int64_t ShardedImages::size() const { return std::ssize(shards_->entries); }

std::string ShardedImages::name(std::int64_t index) const {
  check_index(index);
  return fmt::format("{} {}", shards_->files.path(shards_->shard_of(index)), shards_->entry(index).name);
}

std::int64_t ShardedImages::label(std::int64_t index) const {
  check_index(index);
  return shards_->entry(index).label;
}

std::span<const std::int64_t> ShardedImages::shard_sizes() const { return shards_->sizes; }

std::vector<std::byte> ShardedImages::read(std::int64_t index) const {
  const ShardEntry& entry = shards_->entry(index);
  return shards_->files.open(shards_->shard_of(index))->read(entry.offset, entry.size);
}

}  // namespace fornax::data
