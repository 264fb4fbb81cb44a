// Batches on their way to the device beside the work on earlier ones.
#include "fornax/data/prefetcher.h"

#include <algorithm>
#include <future>

#include "cuda/device_test.h"
#include "fornax/data/data_loader.h"
#include "fornax/data/image_dataset.h"
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
  for (std::uint64_t seed = 1; seed <= last_seed; ++seed) {
    reorder(seed);
    data::DataLoader loader(std::make_shared<Numbers>(12),
                            {.batch_size = 2, .workers = 1, .pin_memory = seed % 4 < 2});
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

/// 12 colour images, which are moved and mirrored at random.
data::DataLoader image_loader(std::int64_t batch_size) {
  const data::ImageOptions options{
      .border = 1, .crop_padding = 3, .flip = true, .mean = {0.4f, 0.5f, 0.6f}, .stddev = {0.25f}};
  return {std::make_shared<data::ImageDataset>(data::synthetic_images({.count = 12, .height = 6, .width = 5}),
                                               options),
          {.batch_size = batch_size, .workers = 1, .shuffle = true, .pin_memory = true, .seed = 3}};
}

TEST_F(CudaPrefetcher, ImagesThatAreMadeOfBytesOnTheDeviceAreThoseOfTheCpu) {
  std::vector<std::vector<float>> expected;
  data::DataLoader on_cpu = image_loader(4);
  for (int epoch = 0; epoch < 2; ++epoch)
    for (const auto& [x, label] : on_cpu) expected.push_back(x.to_vector<float>());
  EXPECT_NE(expected[0], expected[3]);
  for (std::uint64_t seed = 1; seed <= last_seed; ++seed) {
    reorder(seed);
    data::DataLoader loader = image_loader(4);
    data::Prefetcher batches(loader, device_);
    std::vector<State> states;
    for (std::size_t epoch = 0, i = 0; epoch < 2; ++epoch) {
      for (const auto& [x, label] : batches) {
        EXPECT_TRUE(x.is_contiguous(MemoryFormat::channels_last));
        EXPECT_EQ(x.to(Device::cpu()).to_vector<float>(), expected[i++]) << "seed " << seed;
        states.push_back(batches.state());
      }
    }
    data::DataLoader resumed = image_loader(4);
    resumed.load_state(states[3]);
    std::size_t i = 4;
    for (const auto& [x, label] : data::Prefetcher(resumed, device_))
      EXPECT_EQ(x.to(Device::cpu()).to_vector<float>(), expected[i++]) << "seed " << seed;
    EXPECT_EQ(i, expected.size());
  }
}

#if defined(FORNAX_SIM)

TEST_F(CudaPrefetcher, AnImageTakesItsBytesToTheDeviceAndTheHostWaitsForNothing) {
  data::DataLoader loader = image_loader(12);
  data::Prefetcher batches(loader, device_);
  sim::start_trace();
  const int waits = sim::host_waits();
  const auto batch = batches.begin();
  EXPECT_EQ(sim::host_waits(), waits);
  std::uint64_t copied = 0;
  for (const sim::TracedOperation& operation : sim::take_trace())
    if (operation.name == "copy to device") copied += operation.bytes_written;
  const std::uint64_t bytes_of_image = 6 * 5 * 3, label = 8, offsets = 2 * 8, flip = 1,
                      statistics = 2 * 3 * 4;
  EXPECT_EQ(copied, 12 * (bytes_of_image + label + offsets + flip) + statistics);
}

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
