#include "fornax/data/prefetcher.h"

#include <fmt/core.h>

#include <utility>

#include "fornax/autograd/grad_mode.h"
#include "fornax/base/error.h"

namespace fornax::data {

Prefetcher::Prefetcher(DataLoader& loader, Device device, PrefetcherOptions options)
    : loader_(loader), device_(device), options_(options) {
  if (options_.depth < 1)
    throw ValueError("prefetcher", fmt::format("expected a depth of 1 or more, got {}", options_.depth));
}

Prefetcher::Iterator Prefetcher::begin() {
  waiting_.clear();
  loader_.start();
  return Iterator(this);
}

bool Prefetcher::next(Batch& batch) {
  batch = {};
  if (waiting_.empty() && !fetch()) return false;
  batch = std::move(waiting_.front());
  waiting_.pop_front();
  while (std::ssize(waiting_) < options_.depth && loader_.ready()) fetch();
  return true;
}

bool Prefetcher::fetch() {
  Batch batch;
  if (!loader_.next(batch)) return false;
  const NoGrad no_grad;
  waiting_.push_back({batch.x.to(device_), batch.label.to(device_)});
  return true;
}

}  // namespace fornax::data
