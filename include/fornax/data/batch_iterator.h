#pragma once

#include <cstddef>
#include <iterator>

#include "fornax/data/dataset.h"

namespace fornax::data {

/// An input iterator over what `Source::next(Batch&)` gives until it returns false; ends at
/// std::default_sentinel.
template <class Source>
class BatchIterator {
 public:
  using value_type = Batch;
  using difference_type = std::ptrdiff_t;

  /// Takes the first batch.
  explicit BatchIterator(Source* source) : source_(source) { ++*this; }

  const Batch& operator*() const { return batch_; }
  const Batch* operator->() const { return &batch_; }
  BatchIterator& operator++() {
    if (!source_->next(batch_)) source_ = nullptr;
    return *this;
  }
  void operator++(int) { ++*this; }
  friend bool operator==(const BatchIterator& it, std::default_sentinel_t) { return it.source_ == nullptr; }

 private:
  Source* source_;
  Batch batch_;
};

}  // namespace fornax::data
