#include "fornax/data/data_loader.h"

#include <fmt/core.h>

#include <algorithm>
#include <bit>
#include <chrono>
#include <exception>
#include <span>
#include <utility>

#include "data/workers.h"
#include "fornax/autograd/grad_mode.h"
#include "fornax/base/error.h"
#include "fornax/ops/transfer.h"
#include "fornax/profiler/range.h"

namespace fornax::data {

DataLoader::DataLoader(std::shared_ptr<const Dataset> dataset, DataLoaderOptions options)
    : dataset_(std::move(dataset)), options_(std::move(options)), random_{.seed = options_.seed} {
  if (!dataset_) throw ValueError("data_loader", "expected a data set, got none");
  if (options_.batch_size < 1 || options_.workers < 0 || options_.ahead < 1)
    throw ValueError("data_loader", fmt::format("expected batch_size of 1 or more, workers of 0 or more and "
                                                "ahead of 1 or more, got {}, {} and {}",
                                                options_.batch_size, options_.workers, options_.ahead));
  if (options_.shuffle && options_.sampler)
    throw ValueError("data_loader", "expected either shuffle or a sampler, got both");
  if (options_.batch_sampler &&
      (options_.batch_size != 1 || options_.shuffle || options_.drop_last || options_.sampler))
    throw ValueError("data_loader",
                     "expected no batch_size, shuffle, drop_last or sampler beside a batch_sampler, got one");
  if (!options_.sampler) options_.sampler = options_.shuffle ? random_sampler : sequential_sampler;
}

DataLoader::~DataLoader() = default;

DataLoader::Iterator DataLoader::begin() {
  start();
  return Iterator(this);
}

void DataLoader::start(bool in_parts) {
  open_ = false;
  workers_.reset();
  in_parts_ = in_parts;
  if (std::exchange(begun_, true)) {
    ++random_.epoch;
    start_ = 0;
  }
  order_ = make_order(start_);
  given_ = 0;
  wait_seconds_ = 0;
  if (options_.workers > 0)
    workers_ = std::make_unique<Workers>(options_.workers, options_.workers * options_.ahead, loop_batches(),
                                         [this](std::int64_t number) { return make(number); });
  open_ = true;
}

bool DataLoader::next(Batch& batch) {
  batch = {};  // its memory can be used again
  std::vector<Tensor> tensors;
  if (!next(tensors)) return false;
  batch = {std::move(tensors[0]), std::move(tensors[1])};
  return true;
}

bool DataLoader::next(std::vector<Tensor>& tensors) {
  if (!std::exchange(open_, false)) return false;
  if (given_ == loop_batches()) {
    workers_.reset();
    return false;
  }
  const auto begin = std::chrono::steady_clock::now();
  try {
    tensors = workers_ ? workers_->take() : make(given_);
  } catch (...) {
    workers_.reset();
    throw;
  }
  wait_seconds_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  ++given_;
  return open_ = true;
}

bool DataLoader::ready() const { return open_ && workers_ && workers_->ready(); }

std::vector<Tensor> DataLoader::make(std::int64_t number) const {
  const profiler::Range range("make batch");
  const NoGrad no_grad;
  const std::span<const std::int64_t> indices(order_.indices.begin() + first_of(number),
                                              order_.indices.begin() + first_of(number + 1));
  std::vector<Tensor> tensors;
  if (in_parts_ && !options_.collate) {
    tensors = dataset_->get_parts(indices, random_);
  } else {
    const Batch batch = options_.collate ? options_.collate(dataset_->get_samples(indices, random_))
                                         : dataset_->get_batch(indices, random_);
    tensors = {batch.x, batch.label};
  }
  if (options_.pin_memory)
    for (Tensor& tensor : tensors) tensor = pin_memory(tensor);
  return tensors;
}

Batch DataLoader::join(std::span<const Tensor> parts) const {
  return options_.collate ? Batch{parts[0], parts[1]} : dataset_->join(parts);
}

DataLoader::Order DataLoader::make_order(std::int64_t start) const {
  const std::int64_t size = dataset_->size();
  Order order;
  if (options_.batch_sampler) {
    for (const std::vector<std::int64_t>& batch : options_.batch_sampler(size, random_)) {
      if (batch.empty()) throw ValueError("data_loader", "expected batches with samples, got one without");
      order.indices.insert(order.indices.end(), batch.begin(), batch.end());
      if (std::ssize(order.indices) > start) order.ends.push_back(std::ssize(order.indices));
      ++order.batches;
    }
  } else {
    order.indices = options_.sampler(size, random_);
    const std::int64_t samples = std::ssize(order.indices),
                       rest = options_.drop_last ? options_.batch_size : 1;
    for (std::int64_t first = 0; samples - first >= rest; first += options_.batch_size) ++order.batches;
    for (std::int64_t first = start; samples - first >= rest; first += options_.batch_size)
      order.ends.push_back(std::min(first + options_.batch_size, samples));
  }
  for (const std::int64_t index : order.indices)
    if (index < 0 || index >= size)
      throw IndexError("data_loader", fmt::format("expected the sampler to give indices from 0 to {}, got {}",
                                                  size - 1, index));
  return order;
}

std::int64_t DataLoader::batches() const { return begun_ ? order_.batches : make_order(0).batches; }

std::int64_t DataLoader::first_of(std::int64_t number) const {
  return number == 0 ? start_ : order_.ends[static_cast<std::size_t>(number - 1)];
}

std::pair<std::int64_t, std::int64_t> DataLoader::position(std::int64_t ahead) const {
  const std::int64_t given = given_ - ahead;
  if (begun_ && given == loop_batches()) return {random_.epoch + 1, 0};
  return {random_.epoch, first_of(given)};
}

std::int64_t DataLoader::epoch() const { return position(0).first; }

State DataLoader::state(std::int64_t ahead) const {
  const auto [epoch, samples] = position(ahead);
  State state;
  state.add_int("seed", std::bit_cast<std::int64_t>(random_.seed));
  state.add_int("epoch", epoch);
  state.add_int("samples", samples);
  state.add_int("dataset_size", dataset_->size());
  return state;
}

void DataLoader::load_state(const State& state) {
  const std::int64_t seed = state.int_at("seed"), size = state.int_at("dataset_size");
  const std::int64_t epoch = state.int_at("epoch"), samples = state.int_at("samples");
  constexpr std::int64_t most_epochs = std::int64_t{1} << 32;  // what SampleRandom tells apart
  if (size != dataset_->size() || epoch < 0 || epoch >= most_epochs || samples < 0)
    throw ValueError(
        "data_loader",
        fmt::format(
            "expected the state of a loader over {} samples, got one over {} at sample {} of epoch {}",
            dataset_->size(), size, samples, epoch));
  open_ = begun_ = false;
  workers_.reset();
  random_ = {std::bit_cast<std::uint64_t>(seed), epoch};
  start_ = samples;
  given_ = 0;
}

}  // namespace fornax::data
