#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "fornax/base/export.h"
#include "fornax/data/dataset.h"

/// Data sets made of others. An example keeps the name and the random numbers that it has in its own set, and
/// what a set gives to go to a device (Dataset::get_parts) goes there as it does without them. All throw
/// ValueError where a set is null.
namespace fornax::data {

/// Some examples of a set, in an order of their own; one may come more than once.
class FORNAX_API SubsetDataset final : public Dataset {
 public:
  /// Throws IndexError for an index that the set does not have.
  SubsetDataset(std::shared_ptr<const Dataset> dataset, std::vector<std::int64_t> indices);
  std::int64_t size() const override { return static_cast<std::int64_t>(indices_.size()); }
  Sample get(std::int64_t index, SampleRandom& random) const override;
  std::string name(std::int64_t index) const override;
  SampleRandom random_of(std::int64_t index, const EpochRandom& random) const override;
  Batch get_batch(std::span<const std::int64_t> indices, const EpochRandom& random) const override;
  std::vector<Tensor> get_parts(std::span<const std::int64_t> indices,
                                const EpochRandom& random) const override;
  Batch join(std::span<const Tensor> parts) const override { return dataset_->join(parts); }

  /// Those of the other set.
  const std::vector<std::int64_t>& indices() const { return indices_; }

 private:
  std::int64_t of_set(std::int64_t index) const;
  std::vector<std::int64_t> of_set(std::span<const std::int64_t> indices) const;

  std::shared_ptr<const Dataset> dataset_;
  std::vector<std::int64_t> indices_;
};

/// Parts of a set that have no example in common, chosen at random: a function of its arguments alone. Throws
/// ValueError unless `lengths` are 0 or more and sum to the set's size.
FORNAX_API std::vector<std::shared_ptr<SubsetDataset>> random_split(
    const std::shared_ptr<const Dataset>& dataset, std::span<const std::int64_t> lengths,
    std::uint64_t seed = 0);
inline std::vector<std::shared_ptr<SubsetDataset>> random_split(const std::shared_ptr<const Dataset>& dataset,
                                                                std::initializer_list<std::int64_t> lengths,
                                                                std::uint64_t seed = 0) {
  return random_split(dataset, std::span(lengths.begin(), lengths.size()), seed);
}

/// The examples of several sets, one set after the other. Examples of one index in two sets have different
/// random numbers. A batch has rows of several sets, which must be of one shape and dtype (ShapeError,
/// DTypeError); on a device they are joined set by set and then brought into order, which is exact for
/// integers up to 2^53.
class FORNAX_API ConcatDataset final : public Dataset {
 public:
  /// Throws ValueError for no sets.
  explicit ConcatDataset(std::vector<std::shared_ptr<const Dataset>> datasets);
  std::int64_t size() const override { return ends_.back(); }
  Sample get(std::int64_t index, SampleRandom& random) const override;
  std::string name(std::int64_t index) const override;
  SampleRandom random_of(std::int64_t index, const EpochRandom& random) const override;
  Batch get_batch(std::span<const std::int64_t> indices, const EpochRandom& random) const override;
  /// Of each set of which the batch has rows: an empty tensor [set, count, 0], then the `count` parts that
  /// the set gives. Before them, if there are several such sets: for each row of the batch its row in all of
  /// theirs, i64 [n].
  std::vector<Tensor> get_parts(std::span<const std::int64_t> indices,
                                const EpochRandom& random) const override;
  Batch join(std::span<const Tensor> parts) const override;

 private:
  struct Place {
    std::size_t set;
    std::int64_t index;
  };
  struct Rows;
  Place place_of(std::int64_t index) const;
  Rows rows_by_set(std::span<const std::int64_t> indices) const;

  std::vector<std::shared_ptr<const Dataset>> datasets_;
  std::vector<std::int64_t> ends_;  ///< the first index behind each set
};

/// A function applied to each example of a set.
class FORNAX_API MappedDataset : public Dataset {
 public:
  /// Gets an example and the random numbers that are left of its own. Const calls may come from several
  /// threads at once.
  using Function = std::function<Sample(Sample sample, SampleRandom& random)>;

  MappedDataset(std::shared_ptr<const Dataset> dataset, Function function);
  std::int64_t size() const override { return dataset_->size(); }
  /// Throws what the other set and the function throw.
  Sample get(std::int64_t index, SampleRandom& random) const override;
  std::string name(std::int64_t index) const override { return dataset_->name(index); }
  SampleRandom random_of(std::int64_t index, const EpochRandom& random) const override {
    return dataset_->random_of(index, random);
  }

 private:
  std::shared_ptr<const Dataset> dataset_;
  Function function_;
};

}  // namespace fornax::data
