#include "fornax/data/prefetcher.h"

#include <fmt/core.h>

#include <utility>
#include <vector>

#include "fornax/autograd/grad_mode.h"
#include "fornax/base/error.h"
#include "fornax/cuda/stream.h"
#include "fornax/ops/transfer.h"

namespace fornax::data {

Prefetcher::Prefetcher(DataLoader& loader, Device device, PrefetcherOptions options)
    : loader_(loader), device_(device), options_(options) {
  if (!device_.is_cpu()) copies_ = cuda::stream_from_pool(device_, cuda::StreamPriority::high);
  if (options_.depth < 1)
    throw ValueError("prefetcher", fmt::format("expected a depth of 1 or more, got {}", options_.depth));
}

Prefetcher::Iterator Prefetcher::begin() {
  waiting_.clear();
  loader_.start(/*in_parts=*/!device_.is_cpu());
  return Iterator(this);
}

bool Prefetcher::next(Batch& batch) {
  batch = {};
  if (waiting_.empty() && !fetch()) return false;
  const auto& first = waiting_.front();
  if (!device_.is_cpu()) {  // from here on the batch is the current stream's
    const Stream current = current_stream(device_);
    for (const Tensor& tensor : {first.batch.x, first.batch.label})
      tensor.storage()->move_home(current, first.joined);
  }
  batch = std::move(waiting_.front().batch);
  waiting_.pop_front();
  while (std::ssize(waiting_) < options_.depth && loader_.ready()) fetch();
  return true;
}

bool Prefetcher::fetch() {
  if (device_.is_cpu()) {
    Batch batch;
    if (!loader_.next(batch)) return false;
    waiting_.push_back({std::move(batch), {}});
    return true;
  }
  std::vector<Tensor> parts;
  if (!loader_.next(parts)) return false;
  const NoGrad no_grad;
  const StreamGuard guard(copies_);
  for (Tensor& part : parts) part = pin_memory(part).to(device_);
  Batch batch = loader_.join(parts);
  waiting_.push_back({std::move(batch), Event(copies_)});
  return true;
}

}  // namespace fornax::data
