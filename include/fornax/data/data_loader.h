#pragma once

#include <cstdint>
#include <functional>
#include <iterator>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "fornax/base/export.h"
#include "fornax/data/batch_iterator.h"
#include "fornax/data/dataset.h"
#include "fornax/data/sampler.h"
#include "fornax/tensor/state.h"

namespace fornax::data {

/// Makes a batch of samples.
using Collate = std::function<Batch(std::span<const Sample> samples)>;

struct DataLoaderOptions {
  std::int64_t batch_size = 1;
  int workers = 0;          ///< threads that make batches; 0: the calling thread makes them when asked
  int ahead = 2;            ///< batches that each worker may be ahead
  bool shuffle = false;     ///< random_sampler instead of sequential_sampler
  bool drop_last = false;   ///< leave out a last batch that is not full
  bool pin_memory = false;  ///< batches in page-locked memory, from which they go to a device without a wait
  std::uint64_t seed = 0;   ///< of order and augmentation
  Sampler sampler = {};     ///< if given, the order; `shuffle` must be false
  /// If given, the order in batches; then there must be no batch_size (but 1), shuffle, drop_last or sampler.
  BatchSampler batch_sampler = {};
  /// If given, makes the batches, which it may do on several threads at once, of Dataset::get(); x and label
  /// may be anything on the CPU. Otherwise Dataset::get_batch() makes them, which is faster for images in
  /// memory.
  Collate collate = {};
};

/// Batches of a data set, epoch after epoch. For a seed they are the same whatever the number of workers.
///
///     DataLoader loader(images, {.batch_size = 32, .workers = 2, .shuffle = true});
///     for (const auto& [x, label] : loader) ...
///
/// Each begin() starts the next epoch from its beginning (the first one, or the one that load_state() gave,
/// at its position) and ends a loop that is still under way. If a sample cannot be made, the loop that
/// reaches its batch throws SampleError, with its name, whatever the number of workers, and is over. A loader
/// is used by one thread.
class FORNAX_API DataLoader {
 public:
  using Iterator = BatchIterator<DataLoader>;

  /// Throws ValueError for options that make no sense.
  DataLoader(std::shared_ptr<const Dataset> dataset, DataLoaderOptions options);
  /// Stops and joins the workers; each first ends the batch it is making.
  ~DataLoader();
  DataLoader(const DataLoader&) = delete;
  DataLoader& operator=(const DataLoader&) = delete;

  Iterator begin();
  std::default_sentinel_t end() const { return {}; }

  /// Batches of a whole epoch.
  std::int64_t batches() const;
  /// The epoch to which the next batch belongs, from 0.
  std::int64_t epoch() const;
  /// Seconds that the current or last loop waited for its batches, or made them.
  double wait_seconds() const { return wait_seconds_; }
  const Dataset& dataset() const { return *dataset_; }

  /// Where the loader stands after the batches that it has handed out; a loader over the same data set that
  /// loads it goes on with the next one. `ahead` of the last batches count as not handed out: Prefetcher
  /// holds them.
  State state(std::int64_t ahead = 0) const;
  /// Throws ValueError if the state is not that of a loader over a data set of this size.
  void load_state(const State& state);

 private:
  class Workers;
  friend Iterator;
  friend class Prefetcher;

  /// Begins a loop over batches, or over what they are made of on a device.
  void start(bool in_parts = false);
  /// Gives the next batch of the loop under way, x and label or its parts; false at its end.
  bool next(std::vector<Tensor>& tensors);
  bool next(Batch& batch);
  std::int64_t loop_batches() const { return std::ssize(order_.ends); }
  /// Samples of the epoch before batch `number` of the loop.
  std::int64_t first_of(std::int64_t number) const;
  /// True if next() would give a batch without waiting for it or making it.
  bool ready() const;
  std::vector<Tensor> make(std::int64_t number) const;
  /// The batch whose parts these are, on their device.
  Batch join(std::span<const Tensor> parts) const;
  struct Order {
    std::vector<std::int64_t> indices;
    std::vector<std::int64_t> ends;  ///< where each batch of the loop ends
    std::int64_t batches = 0;        ///< of the whole epoch
  };
  /// Of the epoch, for a loop that begins with sample `start` of it.
  Order make_order(std::int64_t start) const;
  /// Epoch and samples of it before the next batch, `ahead` batches back.
  std::pair<std::int64_t, std::int64_t> position(std::int64_t ahead) const;

  std::shared_ptr<const Dataset> dataset_;
  DataLoaderOptions options_;
  EpochRandom random_;                 ///< seed and epoch of the loop under way or, before the first, of that
  std::int64_t start_ = 0;             ///< samples of the epoch before the loop
  bool begun_ = false, open_ = false;  ///< whether there was a loop; whether one is under way
  bool in_parts_ = false;              ///< whether the loop gives the parts of batches
  Order order_;                        ///< of the loop under way
  std::int64_t given_ = 0;             ///< batches of the loop that were handed out
  double wait_seconds_ = 0;
  std::unique_ptr<Workers> workers_;  ///< while a loop is under way
};

}  // namespace fornax::data
