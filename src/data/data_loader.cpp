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
  order_ = make_order();
  const auto samples = static_cast<std::int64_t>(order_.size());
  start_ = std::min(start_, samples);
  batches_ = batches_in(samples - start_);
  given_ = 0;
  wait_seconds_ = 0;
  if (options_.workers > 0)
    workers_ = std::make_unique<Workers>(options_.workers, options_.workers * options_.ahead, batches_,
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
  if (given_ == batches_) {
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
  const NoGrad no_grad;
  const std::int64_t first = start_ + number * options_.batch_size;
  const std::int64_t last = std::min(first + options_.batch_size, static_cast<std::int64_t>(order_.size()));
  const std::span<const std::int64_t> indices(order_.begin() + first, order_.begin() + last);
  std::vector<Tensor> tensors;
  if (in_parts_) {
    tensors = dataset_->get_parts(indices, random_);
  } else {
    const Batch batch = dataset_->get_batch(indices, random_);
    tensors = {batch.x, batch.label};
  }
  if (options_.pin_memory)
    for (Tensor& tensor : tensors) tensor = pin_memory(tensor);
  return tensors;
}

std::vector<std::int64_t> DataLoader::make_order() const {
  const std::int64_t size = dataset_->size();
  std::vector<std::int64_t> order = options_.sampler(size, random_);
  for (const std::int64_t index : order)
    if (index < 0 || index >= size)
      throw IndexError("data_loader", fmt::format("expected the sampler to give indices from 0 to {}, got {}",
                                                  size - 1, index));
  return order;
}

std::int64_t DataLoader::batches_in(std::int64_t samples) const {
  return (samples + (options_.drop_last ? 0 : options_.batch_size - 1)) / options_.batch_size;
}

std::int64_t DataLoader::batches() const {
  return batches_in(static_cast<std::int64_t>(begun_ ? order_.size() : make_order().size()));
}

std::pair<std::int64_t, std::int64_t> DataLoader::position(std::int64_t ahead) const {
  const std::int64_t given = given_ - ahead;
  if (begun_ && given == batches_) return {random_.epoch + 1, 0};
  return {random_.epoch, start_ + given * options_.batch_size};
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
