#pragma once

#include <cstdint>
#include <deque>
#include <iterator>

#include "fornax/base/export.h"
#include "fornax/data/data_loader.h"

namespace fornax::data {

struct PrefetcherOptions {
  int depth = 2;  ///< batches that are held ready beyond the one in use
};

/// The batches of one loop over a loader, on a device. Takes up to `depth` batches from the loader's workers
/// as soon as they are ready, so that their way to the device is over when they are asked for.
///
///     for (const auto& [x, label] : Prefetcher(loader, device, {.depth = 2})) ...
///
/// On a CUDA device the parts of each batch (Dataset::get_parts: of images their bytes) are copied on a
/// stream of its own from page-locked memory (see DataLoaderOptions::pin_memory; others are copied there
/// first) and joined on that stream, so that later batches are made ready beside the work on this one;
/// nothing waits but the stream that uses a batch, for that batch. An exception of the loader surfaces at its
/// batch. On the CPU it only looks ahead.
class FORNAX_API Prefetcher {
 public:
  using Iterator = BatchIterator<Prefetcher>;

  /// `loader` must outlive this. Throws ValueError for a depth below 1, DeviceError for a device that does
  /// not exist.
  Prefetcher(DataLoader& loader, Device device, PrefetcherOptions options = {});

  /// Starts the loader's next loop.
  Iterator begin();
  std::default_sentinel_t end() const { return {}; }

  /// The loader's state, with the batches that wait here as not handed out: what a checkpoint holds.
  State state() const { return loader_.state(static_cast<std::int64_t>(waiting_.size())); }

 private:
  friend Iterator;

  struct Waiting {
    Batch batch;
    Event joined;
  };

  bool next(Batch& batch);
  /// Takes one batch from the loader; false at the end.
  bool fetch();

  DataLoader& loader_;
  Device device_;
  PrefetcherOptions options_;
  Stream copies_;  ///< on a CUDA device: where batches are copied and joined
  std::deque<Waiting> waiting_;
};

}  // namespace fornax::data
