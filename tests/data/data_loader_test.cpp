#include "fornax/data/data_loader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <latch>
#include <stdexcept>

#include "fornax/base/parallel.h"
#include "fornax/data/prefetcher.h"
#include "support/error_of.h"

namespace fornax::data {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

/// x is a random number of the sample, label its index; `broken` cannot be made.
struct Numbers final : Dataset {
  explicit Numbers(std::int64_t size, std::int64_t broken = -1) : count(size), bad(broken) {}
  std::int64_t size() const override { return count; }
  Sample get(std::int64_t index, SampleRandom& random) const override {
    if (index == bad) throw std::runtime_error("it is broken");
    return {tensor<float>({random.uniform()}), index};
  }
  std::string name(std::int64_t index) const override { return "number " + std::to_string(index); }
  std::int64_t count, bad;
};

/// Everything that identifies the batches of a loop: labels and random numbers.
template <class Loader>
std::vector<std::pair<std::vector<std::int64_t>, std::vector<float>>> contents(Loader& loader) {
  std::vector<std::pair<std::vector<std::int64_t>, std::vector<float>>> all;
  for (const auto& [x, label] : loader)
    all.emplace_back(label.template to_vector<std::int64_t>(), x.template to_vector<float>());
  return all;
}
template <class Loader>
std::vector<std::vector<std::int64_t>> labels(Loader&& loader) {
  std::vector<std::vector<std::int64_t>> all;
  for (const auto& [x, label] : loader) all.push_back(label.template to_vector<std::int64_t>());
  return all;
}

std::shared_ptr<Numbers> numbers(std::int64_t size, std::int64_t broken = -1) {
  return std::make_shared<Numbers>(size, broken);
}

TEST(DataLoader, GivesBatchesInOrder) {
  DataLoader loader(numbers(5), {.batch_size = 2});
  EXPECT_EQ(loader.batches(), 3);
  EXPECT_THAT(labels(loader), ElementsAre(ElementsAre(0, 1), ElementsAre(2, 3), ElementsAre(4)));
  DataLoader full(numbers(5), {.batch_size = 2, .drop_last = true});
  EXPECT_EQ(full.batches(), 2);
  EXPECT_THAT(labels(full), ElementsAre(ElementsAre(0, 1), ElementsAre(2, 3)));
}

TEST(DataLoader, ShufflesAnewEachEpoch) {
  DataLoader loader(numbers(100), {.batch_size = 100, .shuffle = true, .seed = 3});
  const auto first = labels(loader), second = labels(loader);
  EXPECT_NE(first, second);
  for (auto epoch : {first, second}) {
    std::sort(epoch[0].begin(), epoch[0].end());
    EXPECT_EQ(epoch[0], sequential_sampler(100, {}));
  }
}

TEST(DataLoader, GivesTheSameBatchesWhateverTheNumberOfWorkers) {
  DataLoader reference(numbers(103), {.batch_size = 8, .shuffle = true, .seed = 9});
  const auto epoch0 = contents(reference), epoch1 = contents(reference);
  EXPECT_NE(epoch0, epoch1);
  for (const int workers : {1, 2, 5}) {
    DataLoader loader(numbers(103), {.batch_size = 8, .workers = workers, .shuffle = true, .seed = 9});
    EXPECT_EQ(contents(loader), epoch0) << workers;
    EXPECT_EQ(contents(loader), epoch1) << workers;
  }
}

TEST(DataLoader, GoesOnWhereAStateWasTaken) {
  for (const int workers : {0, 3}) {
    const DataLoaderOptions options{.batch_size = 4, .workers = workers, .shuffle = true, .seed = 11};
    DataLoader loader(numbers(18), options);
    (void)contents(loader);  // epoch 0
    std::vector<State> states = {loader.state()};
    std::vector<std::pair<std::vector<std::int64_t>, std::vector<float>>> epoch1;
    for (const auto& [x, label] : loader) {
      epoch1.emplace_back(label.to_vector<std::int64_t>(), x.to_vector<float>());
      states.push_back(loader.state());
    }
    for (std::size_t done = 0; done < epoch1.size(); ++done) {
      DataLoader resumed(numbers(18), {.batch_size = 4, .shuffle = true, .seed = 12345});
      resumed.load_state(states[done]);
      EXPECT_EQ(resumed.epoch(), 1);
      const auto rest = contents(resumed);
      EXPECT_TRUE(std::equal(rest.begin(), rest.end(), epoch1.begin() + static_cast<std::ptrdiff_t>(done),
                             epoch1.end()));
    }
    EXPECT_EQ(states.back().int_at("epoch"), 2);  // after the last batch the next epoch begins
    EXPECT_EQ(states.back().int_at("samples"), 0);
  }
}

TEST(DataLoader, RefusesTheStateOfAnotherDataSet) {
  DataLoader other(numbers(7), {});
  DataLoader loader(numbers(18), {});
  EXPECT_EQ(
      test::error_of([&] { loader.load_state(other.state()); }),
      "[data_loader] expected the state of a loader over 18 samples, got one over 7 at sample 0 of epoch 0");
}

TEST(DataLoader, ALoopThatIsLeftEndsAndTheNextOneStartsTheNextEpoch) {
  for (const int workers : {0, 2}) {
    DataLoader loader(numbers(100), {.batch_size = 2, .workers = workers});
    for (const auto& batch : loader) {
      EXPECT_THAT(batch.label.to_vector<std::int64_t>(), ElementsAre(0, 1));
      break;
    }
    EXPECT_EQ(loader.epoch(), 0);
    EXPECT_EQ(labels(loader).size(), 50u);
    EXPECT_EQ(loader.epoch(), 2);
  }
}

TEST(DataLoader, IsDestroyedWhileItsWorkersAreBusy) {
  for (int i = 0; i < 20; ++i) {
    DataLoader loader(numbers(100'000), {.batch_size = 1, .workers = 4});
    EXPECT_EQ(loader.begin()->x.numel(), 1);
  }
}

TEST(DataLoader, AnErrorSurfacesAtItsBatchWithTheSamplesName) {
  for (const int workers : {0, 1, 4}) {
    DataLoader loader(numbers(40, 17), {.batch_size = 4, .workers = workers});
    int batches = 0;
    EXPECT_EQ(test::error_of([&] {
                for ([[maybe_unused]] const auto& batch : loader) ++batches;
              }),
              "[dataset] expected to get 'number 17', got: it is broken");
    EXPECT_EQ(batches, 4) << workers;
    EXPECT_EQ(loader.state().int_at("samples"), 16);
  }
}

TEST(DataLoader, TakesAnySampler) {
  DataLoader loader(
      numbers(10),
      {.batch_size = 3, .workers = 2, .sampler = [](std::int64_t size, const EpochRandom& random) {
         return std::vector<std::int64_t>{size - 1, random.epoch, 4, 4};
       }});
  EXPECT_EQ(loader.batches(), 2);
  EXPECT_THAT(labels(loader), ElementsAre(ElementsAre(9, 0, 4), ElementsAre(4)));
  EXPECT_THAT(labels(loader), ElementsAre(ElementsAre(9, 1, 4), ElementsAre(4)));
  DataLoader wrong(numbers(10),
                   {.sampler = [](std::int64_t size, const EpochRandom&) { return std::vector{size}; }});
  EXPECT_EQ(test::error_of([&] { wrong.begin(); }),
            "[data_loader] expected the sampler to give indices from 0 to 9, got 10");
}

/// Batches of 1, 2, 3, ... samples in random order.
std::vector<std::vector<std::int64_t>> growing(std::int64_t size, const EpochRandom& random) {
  const std::vector<std::int64_t> order = random_sampler(size, random);
  std::vector<std::vector<std::int64_t>> batches;
  for (auto first = order.begin(); first != order.end();) {
    const auto last = first + std::min(std::ssize(batches) + 1, order.end() - first);
    batches.emplace_back(first, last);
    first = last;
  }
  return batches;
}

TEST(DataLoader, TakesTheBatchesOfABatchSampler) {
  for (const int workers : {0, 3}) {
    DataLoader loader(numbers(12), {.workers = workers, .seed = 5, .batch_sampler = growing});
    EXPECT_EQ(loader.batches(), 5);
    for (std::int64_t epoch = 0; epoch < 2; ++epoch)
      EXPECT_EQ(labels(loader), growing(12, {.seed = 5, .epoch = epoch}));
  }
  DataLoader empty(numbers(1), {.batch_sampler = [](std::int64_t, const EpochRandom&) {
                     return std::vector<std::vector<std::int64_t>>{{0}, {}};
                   }});
  EXPECT_EQ(test::error_of([&] { empty.begin(); }),
            "[data_loader] expected batches with samples, got one without");
}

TEST(DataLoader, GoesOnWithTheNextBatchOfABatchSampler) {
  const DataLoaderOptions options{.workers = 2, .seed = 5, .batch_sampler = growing};
  DataLoader loader(numbers(12), options);
  std::vector<State> states = {loader.state()};
  std::vector<std::vector<std::int64_t>> epoch;
  for (const auto& [x, label] : loader) {
    epoch.push_back(label.to_vector<std::int64_t>());
    states.push_back(loader.state());
  }
  for (std::size_t done = 0; done < epoch.size(); ++done) {
    DataLoader resumed(numbers(12), options);
    resumed.load_state(states[done]);
    EXPECT_EQ(labels(resumed), std::vector(epoch.begin() + static_cast<std::ptrdiff_t>(done), epoch.end()));
    EXPECT_EQ(resumed.batches(), 5);
  }
  EXPECT_EQ(states.back().int_at("epoch"), 1);
}

TEST(DataLoader, GoesOnWithinAnEpochOfAnySampler) {
  const DataLoaderOptions options{
      .batch_size = 3, .seed = 5, .sampler = weighted_random_sampler(std::vector<double>(10, 1), 17)};
  DataLoader loader(numbers(10), options), resumed(numbers(10), options);
  auto batch = loader.begin();
  ++batch;
  resumed.load_state(loader.state());
  std::vector<std::vector<std::int64_t>> rest;
  while (++batch != std::default_sentinel) rest.push_back(batch->label.to_vector<std::int64_t>());
  EXPECT_EQ(rest.size(), 4u);
  EXPECT_EQ(labels(resumed), rest);
}

TEST(DataLoader, MakesBatchesByACollateFunction) {
  const Collate collate = [](std::span<const Sample> samples) {
    std::vector<float> targets;
    for (const Sample& sample : samples) targets.push_back(static_cast<float>(sample.label) / 2);
    return Batch{tensor<float>({static_cast<float>(samples.size())}),
                 from_span<float>(targets, {static_cast<std::int64_t>(samples.size())})};
  };
  for (const int workers : {0, 2}) {
    DataLoader loader(numbers(5), {.batch_size = 3, .workers = workers, .collate = collate});
    std::vector<std::vector<float>> x, label;
    for (const Batch& batch : Prefetcher(loader, Device::cpu())) {
      x.push_back(batch.x.to_vector<float>());
      label.push_back(batch.label.to_vector<float>());
    }
    EXPECT_THAT(x, ElementsAre(ElementsAre(3), ElementsAre(2)));
    EXPECT_THAT(label, ElementsAre(ElementsAre(0, 0.5, 1), ElementsAre(1.5, 2)));
  }
  DataLoader broken(numbers(5, 2), {.batch_size = 3, .collate = collate});
  EXPECT_EQ(test::error_of<SampleError>([&] { broken.begin(); }),
            "[dataset] expected to get 'number 2', got: it is broken");
}

TEST(DataLoader, AnEmptyDataSetGivesNoBatches) {
  for (const int workers : {0, 2}) {
    DataLoader loader(numbers(0), {.workers = workers, .shuffle = true});
    EXPECT_THAT(labels(loader), IsEmpty());
  }
}

TEST(DataLoader, KernelsInWorkersUseOneThread) {
  struct Pieces final : Dataset {
    std::int64_t size() const override { return 8; }
    Sample get(std::int64_t, SampleRandom&) const override {
      std::atomic<std::int64_t> pieces = 0;
      parallel_for(0, 1000, 1, [&](std::int64_t, std::int64_t) { ++pieces; });
      return {tensor<float>({0}), pieces};
    }
  };
  DataLoader loader(std::make_shared<Pieces>(), {.batch_size = 8, .workers = 2});
  EXPECT_THAT(labels(loader), ElementsAre(testing::Each(1)));
}

TEST(DataLoader, MeasuresTheTimeSpentOnData) {
  struct Slow final : Dataset {
    std::int64_t size() const override { return 1; }
    Sample get(std::int64_t, SampleRandom&) const override {
      using Clock = std::chrono::steady_clock;
      const Clock::time_point begin = Clock::now();
      while (Clock::now() == begin) continue;  // as short as can be measured
      return {tensor<float>({0}), 0};
    }
  };
  DataLoader loader(std::make_shared<Slow>(), {});
  EXPECT_EQ(loader.wait_seconds(), 0);
  (void)labels(loader);
  EXPECT_GT(loader.wait_seconds(), 0);
}

TEST(DataLoader, RefusesOptionsThatMakeNoSense) {
  const auto refusal = [](DataLoaderOptions options) {
    return test::error_of([&] { DataLoader(numbers(1), options); });
  };
  EXPECT_EQ(refusal({.batch_size = 0}),
            "[data_loader] expected batch_size of 1 or more, workers of 0 or more and ahead of 1 or more, "
            "got 0, 0 and 2");
  EXPECT_EQ(refusal({.shuffle = true, .sampler = sequential_sampler}),
            "[data_loader] expected either shuffle or a sampler, got both");
  const std::string beside =
      "[data_loader] expected no batch_size, shuffle, drop_last or sampler beside a batch_sampler, got one";
  EXPECT_EQ(refusal({.batch_size = 2, .batch_sampler = growing}), beside);
  EXPECT_EQ(refusal({.shuffle = true, .batch_sampler = growing}), beside);
  EXPECT_EQ(refusal({.drop_last = true, .batch_sampler = growing}), beside);
  EXPECT_EQ(refusal({.sampler = random_sampler, .batch_sampler = growing}), beside);
  EXPECT_EQ(test::error_of([] { DataLoader(nullptr, {}); }), "[data_loader] expected a data set, got none");
}

TEST(Prefetcher, GivesTheLoadersBatches) {
  for (const int workers : {0, 3}) {
    DataLoader reference(numbers(50), {.batch_size = 4, .shuffle = true});
    DataLoader loader(numbers(50), {.batch_size = 4, .workers = workers, .shuffle = true});
    for (int epoch = 0; epoch < 2; ++epoch) {
      Prefetcher prefetcher(loader, Device::cpu(), {.depth = 3});
      EXPECT_EQ(contents(prefetcher), contents(reference));
    }
  }
}

TEST(Prefetcher, ItsStateLeavesOutTheBatchesThatWait) {
  DataLoader loader(numbers(40), {.batch_size = 4, .workers = 2, .ahead = 4});
  Prefetcher prefetcher(loader, Device::cpu(), {.depth = 5});
  std::int64_t used = 0;
  for ([[maybe_unused]] const auto& batch : prefetcher) {
    ++used;
    EXPECT_EQ(prefetcher.state().int_at("samples"), used < 10 ? 4 * used : 0);
    EXPECT_EQ(prefetcher.state().int_at("epoch"), used < 10 ? 0 : 1);
  }
  EXPECT_EQ(used, 10);
}

TEST(Prefetcher, TakesWhatIsReadyBeforeItIsAskedFor) {
  struct Counted final : Dataset {
    std::int64_t size() const override { return 10; }
    Sample get(std::int64_t index, SampleRandom&) const override {
      if (index < 4) begun.count_down();
      return {tensor<float>({0}), index};
    }
    mutable std::latch begun{4};
  };
  const auto set = std::make_shared<Counted>();
  DataLoader loader(set, {.batch_size = 1, .workers = 1, .ahead = 4});
  Prefetcher prefetcher(loader, Device::cpu());
  auto batch = prefetcher.begin();
  set->begun.wait();  // the one worker is at the fourth batch: the third one is ready
  ++batch;
  EXPECT_EQ(prefetcher.state().int_at("samples"), 2);
  EXPECT_GE(loader.state().int_at("samples"), 3);
}

TEST(Prefetcher, AnErrorSurfacesAtItsBatch) {
  DataLoader loader(numbers(40, 17), {.batch_size = 4, .workers = 3, .ahead = 3});
  int batches = 0;
  EXPECT_THROW(
      {
        for ([[maybe_unused]] const auto& batch : Prefetcher(loader, Device::cpu(), {.depth = 4})) ++batches;
      },
      SampleError);
  EXPECT_EQ(batches, 4);
}

TEST(Prefetcher, NeedsADepth) {
  DataLoader loader(numbers(1), {});
  EXPECT_EQ(test::error_of([&] { Prefetcher(loader, Device::cpu(), {.depth = 0}); }),
            "[prefetcher] expected a depth of 1 or more, got 0");
}

}  // namespace
}  // namespace fornax::data
