#include "fornax/data/derived_datasets.h"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "fornax/base/error.h"
#include "fornax/data/sampler.h"
#include "fornax/ops/embedding.h"
#include "fornax/ops/rearrange.h"

namespace fornax::data {
namespace {

std::shared_ptr<const Dataset> given(std::shared_ptr<const Dataset> dataset, const char* op) {
  if (!dataset) throw ValueError(op, "expected a data set, got none");
  return dataset;
}

/// Row order[i] of x as row i.
Tensor in_order(const Tensor& x, const Tensor& order) {
  const bool channels_last = x.suggested_format() == MemoryFormat::channels_last;
  const Tensor rows = channels_last ? x.permute({0, 2, 3, 1}) : x.contiguous();  // as they lie in memory
  const Tensor flat = rows.view({x.size(0), x.numel() / x.size(0)});
  const Tensor y = embedding(is_floating(x.dtype()) ? flat : flat.to(f64), order).to(x.dtype());
  const Tensor shaped = y.view(rows.shape());
  return channels_last ? shaped.permute({0, 3, 1, 2}) : shaped;
}

/// The batches of several sets as one, whose row i is row order[i] of theirs.
Batch merged(std::span<const Batch> batches, const Tensor& order) {
  if (batches.size() == 1) return batches[0];
  std::vector<Tensor> x, label;
  for (const Batch& batch : batches) {
    x.push_back(batch.x);
    label.push_back(batch.label);
  }
  return {in_order(concat(x), order), in_order(concat(label), order)};
}

/// The random numbers of a set among others.
EpochRandom random_of_set(const EpochRandom& random, std::size_t set) {
  constexpr std::uint64_t golden_ratio = 0x9E3779B97F4A7C15;
  return {random.seed + set * golden_ratio, random.epoch};
}

}  // namespace

SubsetDataset::SubsetDataset(std::shared_ptr<const Dataset> dataset, std::vector<std::int64_t> indices)
    : dataset_(given(std::move(dataset), "subset")), indices_(std::move(indices)) {
  for (const std::int64_t index : indices_)
    if (index < 0 || index >= dataset_->size())
      throw IndexError("subset",
                       fmt::format("expected indices from 0 to {}, got {}", dataset_->size() - 1, index));
}

std::int64_t SubsetDataset::of_set(std::int64_t index) const {
  check_index(index);
  return indices_[static_cast<std::size_t>(index)];
}

std::vector<std::int64_t> SubsetDataset::of_set(std::span<const std::int64_t> indices) const {
  std::vector<std::int64_t> all;
  all.reserve(indices.size());
  for (const std::int64_t index : indices) all.push_back(of_set(index));
  return all;
}

Sample SubsetDataset::get(std::int64_t index, SampleRandom& random) const {
  return dataset_->get(of_set(index), random);
}

std::string SubsetDataset::name(std::int64_t index) const { return dataset_->name(of_set(index)); }

SampleRandom SubsetDataset::random_of(std::int64_t index, const EpochRandom& random) const {
  return dataset_->random_of(of_set(index), random);
}

Batch SubsetDataset::get_batch(std::span<const std::int64_t> indices, const EpochRandom& random) const {
  return dataset_->get_batch(of_set(indices), random);
}

std::vector<Tensor> SubsetDataset::get_parts(std::span<const std::int64_t> indices,
                                             const EpochRandom& random) const {
  return dataset_->get_parts(of_set(indices), random);
}

std::vector<std::shared_ptr<SubsetDataset>> random_split(const std::shared_ptr<const Dataset>& dataset,
                                                         std::span<const std::int64_t> lengths,
                                                         std::uint64_t seed) {
  given(dataset, "random_split");
  std::int64_t left = dataset->size();
  bool is_split = true;
  for (const std::int64_t length : lengths) {
    is_split = is_split && length >= 0 && length <= left;
    if (is_split) left -= length;
  }
  if (!is_split || left != 0)
    throw ValueError("random_split", fmt::format("expected lengths of 0 or more that sum to {}, got [{}]",
                                                 dataset->size(), fmt::join(lengths, ",")));
  const std::vector<std::int64_t> order = random_sampler(dataset->size(), {.seed = seed});
  std::vector<std::shared_ptr<SubsetDataset>> parts;
  auto first = order.begin();
  for (const std::int64_t length : lengths) {
    parts.push_back(
        std::make_shared<SubsetDataset>(dataset, std::vector<std::int64_t>(first, first + length)));
    first += length;
  }
  return parts;
}

ConcatDataset::ConcatDataset(std::vector<std::shared_ptr<const Dataset>> datasets)
    : datasets_(std::move(datasets)) {
  if (datasets_.empty()) throw ValueError("concat_dataset", "expected at least one data set, got none");
  std::int64_t end = 0;
  for (const auto& dataset : datasets_) {
    end += given(dataset, "concat_dataset")->size();
    ends_.push_back(end);
  }
}

ConcatDataset::Place ConcatDataset::place_of(std::int64_t index) const {
  check_index(index);
  const auto set = static_cast<std::size_t>(std::ranges::upper_bound(ends_, index) - ends_.begin());
  return {set, index - (set == 0 ? 0 : ends_[set - 1])};
}

Sample ConcatDataset::get(std::int64_t index, SampleRandom& random) const {
  const Place place = place_of(index);
  return datasets_[place.set]->get(place.index, random);
}

std::string ConcatDataset::name(std::int64_t index) const {
  const Place place = place_of(index);
  return datasets_[place.set]->name(place.index);
}

SampleRandom ConcatDataset::random_of(std::int64_t index, const EpochRandom& random) const {
  const Place place = place_of(index);
  return datasets_[place.set]->random_of(place.index, random_of_set(random, place.set));
}

/// What a batch has of each set, and where.
struct ConcatDataset::Rows {
  struct OfSet {
    std::size_t set;
    std::vector<std::int64_t> indices;
  };
  std::vector<OfSet> sets;  ///< those with rows, in order
  Tensor order;             ///< i64 [n]: the row of each row of the batch among those of the sets
};

ConcatDataset::Rows ConcatDataset::rows_by_set(std::span<const std::int64_t> indices) const {
  std::vector<std::vector<std::int64_t>> of_set(datasets_.size());
  std::vector<Place> places;  // the index: of the row among those of its set
  places.reserve(indices.size());
  for (const std::int64_t index : indices) {
    const Place place = place_of(index);
    places.push_back({place.set, static_cast<std::int64_t>(of_set[place.set].size())});
    of_set[place.set].push_back(place.index);
  }
  Rows rows;
  std::vector<std::int64_t> first(datasets_.size());
  std::int64_t count = 0;
  for (std::size_t set = 0; set < of_set.size(); ++set) {
    first[set] = count;
    count += std::ssize(of_set[set]);
    if (!of_set[set].empty()) rows.sets.push_back({set, std::move(of_set[set])});
  }
  if (rows.sets.empty()) rows.sets.push_back({0, {}});
  rows.order = empty({count}, {.dtype = i64});
  std::ranges::transform(places, rows.order.data<std::int64_t>(),
                         [&](const Place& place) { return first[place.set] + place.index; });
  return rows;
}

Batch ConcatDataset::get_batch(std::span<const std::int64_t> indices, const EpochRandom& random) const {
  const Rows rows = rows_by_set(indices);
  std::vector<Batch> batches;
  for (const auto& [set, own] : rows.sets)
    batches.push_back(datasets_[set]->get_batch(own, random_of_set(random, set)));
  return merged(batches, rows.order);
}

std::vector<Tensor> ConcatDataset::get_parts(std::span<const std::int64_t> indices,
                                             const EpochRandom& random) const {
  const Rows rows = rows_by_set(indices);
  std::vector<Tensor> parts;
  if (rows.sets.size() > 1) parts.push_back(rows.order);
  for (const auto& [set, own] : rows.sets) {
    const std::vector<Tensor> more = datasets_[set]->get_parts(own, random_of_set(random, set));
    parts.push_back(empty({static_cast<std::int64_t>(set), std::ssize(more), 0}, {.dtype = u8}));
    parts.insert(parts.end(), more.begin(), more.end());
  }
  return parts;
}

Batch ConcatDataset::join(std::span<const Tensor> parts) const {
  const bool has_order = parts[0].rank() == 1;
  std::vector<Batch> batches;
  for (std::size_t at = has_order ? 1 : 0; at < parts.size();) {
    const Shape& mark = parts[at].shape();
    const auto count = static_cast<std::size_t>(mark[1]);
    batches.push_back(datasets_[static_cast<std::size_t>(mark[0])]->join(parts.subspan(at + 1, count)));
    at += 1 + count;
  }
  return merged(batches, has_order ? parts[0] : Tensor());
}

MappedDataset::MappedDataset(std::shared_ptr<const Dataset> dataset, Function function)
    : dataset_(given(std::move(dataset), "mapped_dataset")), function_(std::move(function)) {}

Sample MappedDataset::get(std::int64_t index, SampleRandom& random) const {
  return function_(dataset_->get(index, random), random);
}

}  // namespace fornax::data
