// Batches on their way to the device beside the work on earlier ones.
#include "fornax/data/prefetcher.h"

#include <algorithm>
#include <future>

#include "cuda/device_test.h"
#include "fornax/data/data_loader.h"
#include "fornax/ops/create.h"
#include "fornax/ops/elementwise.h"
#include "fornax/ops/reduce.h"
#include "fornax/ops/transfer.h"

namespace fornax {
namespace {

/// Samples that hold their index, and say when the last one is asked for.
class Numbers final : public data::Dataset {
 public:
  explicit Numbers(std::int64_t count) : count_(count) {}
  std::int64_t size() const override { return count_; }
  data::Sample get(std::int64_t index, data::SampleRandom&) const override {
    if (index == count_ - 1) last_begun_.set_value();
    return {full({1000}, static_cast<float>(index)), index};
  }
  std::future<void> last_begun() const { return last_begun_.get_future(); }

 private:
  std::int64_t count_;
  mutable std::promise<void> last_begun_;
};

class CudaPrefetcher : public test::DeviceTest {};

TEST_F(CudaPrefetcher, GivesTheBatchesOfTheLoaderInEveryOrderThatStreamsAllow) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    reorder(seed);
    data::DataLoader loader(std::make_shared<Numbers>(12),
                            {.batch_size = 2, .workers = 1, .pin_memory = seed % 2 == 0});
    double expected = 0;
    for (const auto& [x, label] : data::Prefetcher(loader, device_, {.depth = 3})) {
      EXPECT_EQ(x.device(), device_);
      EXPECT_EQ(sum(x).item(), 1000 * (2 * expected + 1)) << "seed " << seed;
      EXPECT_EQ(label.to(Device::cpu())[0].item(), expected);
      expected += 2;
    }
    EXPECT_EQ(expected, 12);
  }
}

#if defined(FORNAX_SIM)

TEST_F(CudaPrefetcher, CopiesOfTheNextBatchAndTheWorkOnThisOneAreNotOrdered) {
  const auto numbers = std::make_shared<Numbers>(5);
  data::DataLoader loader(numbers, {.batch_size = 1, .workers = 1, .ahead = 5, .pin_memory = true});
  data::Prefetcher batches(loader, device_, {.depth = 1});
  const std::future<void> last_begun = numbers->last_begun();
  auto batch = batches.begin();
  last_begun.wait();  // so the batches before the last are ready
  sim::start_trace();
  ++batch;  // hands out batch 1 and enqueues the copies of batch 2
  const Tensor first = batch->x * 2;
  ++batch;
  const Tensor second = batch->x * 2;

  std::vector<sim::TracedOperation> copies, kernels;
  for (const sim::TracedOperation& operation : sim::take_trace()) {
    if (operation.name == "copy to device") copies.push_back(operation);
    if (operation.name.find("elementwise") != std::string::npos) kernels.push_back(operation);
  }
  ASSERT_EQ(kernels.size(), 2u);
  // The copies that were enqueued before the work on batch 1, but for its own, are of batch 2: x, then label.
  const auto last =
      std::find_if(copies.rbegin(), copies.rend(), [&](const auto& copy) { return copy.id < kernels[0].id; });
  ASSERT_NE(last, copies.rend());
  EXPECT_FALSE(sim::happens_before(*last, kernels[0]));
  EXPECT_FALSE(sim::happens_before(kernels[0], *last));
  EXPECT_TRUE(sim::happens_before(*last, kernels[1]));
}

#endif

}  // namespace
}  // namespace fornax
