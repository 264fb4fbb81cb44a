// What training uses beside the model, on a device: averaged weights, checkpoints of activations, data sets
// made of others, mixed batches and metrics.
#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "cuda/device_test.h"
#include "cuda/small_trainer.h"
#include "fornax/autograd/grad_mode.h"
#include "fornax/cuda/graph.h"
#include "fornax/data/derived_datasets.h"
#include "fornax/data/image_dataset.h"
#include "fornax/data/mixup.h"
#include "fornax/data/prefetcher.h"
#include "fornax/dispatch/autocast.h"
#include "fornax/nn/activation_checkpoint.h"
#include "fornax/ops/create.h"
#include "fornax/ops/dropout.h"
#include "fornax/ops/elementwise.h"
#include "fornax/ops/reduce.h"
#include "fornax/train/batch_size.h"
#include "fornax/train/ema.h"
#include "fornax/train/metrics.h"
#include "support/error_of.h"

namespace fornax::test {
namespace {

std::vector<float> on_host(const Tensor& x) { return x.detach().to(Device::cpu()).to_vector<float>(); }

class CudaTrainingTools : public DeviceTest {};

TEST_F(CudaTrainingTools, AveragesOfACapturedStepWarmUpAsThoseOfPlainOnes) {
  const auto averages = [&](bool captured) {
    Generator generator(1);
    const GeneratorGuard guard(generator);
    nn::Linear layer({.in_features = 3, .out_features = 2});
    layer.to(device_);
    train::ExponentialMovingAverage ema(layer, {.decay = 0.7, .warmup = true});
    const auto step = [&] {
      const NoGrad no_grad;
      for (Tensor& parameter : layer.parameters()) parameter.mul_(1.5);
      ema.update();
    };
    cuda::CudaGraph graph(device_, step);
    for (int i = 0; i < 6; ++i) {
      if (captured)
        graph.run();
      else
        step();
    }
    EXPECT_EQ(graph.is_captured(), captured);
    EXPECT_EQ(ema.updates(), 6);
    const auto applied = ema.apply();
    return on_host(layer.weight);
  };
  EXPECT_EQ(averages(true), averages(false));
}

TEST_F(CudaTrainingTools, TheBatchSizeIsWhatTheDevicesMemoryHolds) {
  const auto step = [&](std::int64_t samples) {
    const Tensor fixed = empty({4 << 20}, {.dtype = u8, .device = device_});
    const Tensor activations = empty({samples << 20}, {.dtype = u8, .device = device_});
  };
  EXPECT_EQ(train::find_batch_size(device_, step, {.memory = (4 + 32 + 1) << 20}), 32);
}

TEST_F(CudaTrainingTools, ABatchSizeWithWhichTheStepRunsOutOfMemoryIsHalved) {
  const auto up_to = [&](std::int64_t most) {
    return train::find_batch_size(device_,
                                  [&](std::int64_t samples) {
                                    if (samples > most)
                                      throw OutOfMemory("step", "expected memory, got none");
                                  },
                                  {.memory = 1 << 20});
  };
  EXPECT_EQ(up_to(16), 16);
  EXPECT_EQ(up_to(5), 4);  // which is found out while its memory is measured
  EXPECT_EQ(up_to(1), 1);
  EXPECT_EQ(error_of<OutOfMemory>([&] { up_to(0); }), "[step] expected memory, got none");
}

/// The gradients of two blocks with dropout between them.
std::vector<std::vector<float>> gradients(Device device, bool checkpointed) {
  Generator generator(5);
  const GeneratorGuard guard(generator);
  Block first, second;
  first.to(device, MemoryFormat::channels_last);
  second.to(device, MemoryFormat::channels_last);
  const Tensor x = randn({2, channels, 8, 8}).to(MemoryFormat::channels_last).to(device);
  const auto f = [&](const Tensor& in) { return second(dropout(first(in), 0.4, true)); };
  Tensor loss;
  {
    const amp::Autocast autocast(DeviceType::cuda, bf16);
    loss = mean(square((checkpointed ? nn::checkpoint(f, x) : f(x)).to(f32)));
  }
  loss.backward();
  std::vector<std::vector<float>> all{on_host(loss)};
  for (const nn::Module* block : {&first, &second}) {
    for (const Tensor& parameter : block->parameters()) all.push_back(on_host(parameter.grad()));
    for (const auto& [name, buffer] : block->named_buffers()) all.push_back(on_host(buffer.to(f32)));
  }
  return all;
}

TEST_F(CudaTrainingTools, ACheckpointGivesTheBitsOfAPlainCallInEveryOrderThatStreamsAllow) {
  const auto plain = gradients(device_, false);
  for (std::uint64_t seed = 1; seed <= last_seed; ++seed) {
    reorder(seed);
    EXPECT_EQ(gradients(device_, true), plain) << "seed " << seed;
  }
}

TEST_F(CudaTrainingTools, ACapturedCheckpointMustDrawNoRandomNumbers) {
  Tensor x = ones({8}, {.device = device_}).set_requires_grad();
  const auto captured = [&](double p) {
    cuda::CudaGraph graph(device_, [&] {
      x.set_grad({});
      sum(nn::checkpoint([p](const Tensor& in) { return dropout(in * in, p, true); }, x)).backward();
    });
    for (int i = 0; i < 3; ++i) graph.run();
    return on_host(x.grad());
  };
  EXPECT_EQ(captured(0), std::vector<float>(8, 2));
  EXPECT_THAT(error_of([&] { captured(0.5); }), testing::HasSubstr("[checkpoint] expected a function that "
                                                                   "draws no random numbers"));
}

TEST_F(CudaTrainingTools, BatchesOfSeveralSetsAreThoseOfTheCpu) {
  const auto images = [](std::uint64_t seed) {
    return std::make_shared<data::ImageDataset>(
        data::synthetic_images({.count = 9, .height = 6, .width = 5, .seed = seed}),
        data::ImageOptions{.crop_padding = 2, .flip = true, .mean = {0.4f}, .stddev = {0.3f}});
  };
  const auto set = std::make_shared<data::ConcatDataset>(std::vector<std::shared_ptr<const data::Dataset>>{
      images(1), std::make_shared<data::SubsetDataset>(images(2), std::vector<std::int64_t>{8, 1, 3})});
  const auto contents = [&](Device device) {
    data::DataLoader loader(set, {.batch_size = 5, .workers = 1, .shuffle = true, .pin_memory = true});
    std::vector<std::vector<float>> all;
    for (const auto& [x, label] : data::Prefetcher(loader, device)) {
      EXPECT_TRUE(x.is_contiguous(MemoryFormat::channels_last));
      all.push_back(on_host(x));
      all.push_back(on_host(label.to(f32)));
    }
    return all;
  };
  const auto expected = contents(Device::cpu());
  EXPECT_EQ(expected.size(), 6u);
  for (std::uint64_t seed = 1; seed <= last_seed; ++seed) {
    reorder(seed);
    EXPECT_EQ(contents(device_), expected) << "seed " << seed;
  }
}

TEST_F(CudaTrainingTools, MixedBatchesAndMetricsAreThoseOfTheCpu) {
  const auto results = [](Device device) {
    Generator generator(2);
    const GeneratorGuard guard(generator);
    const data::Batch batch{randn({4, 3, 6, 6}).to(device), randint(0, classes, {4}).to(device)};
    data::SampleRandom random(1, 0, 0);
    const data::MixedBatch cut = data::cutmix(batch, 1, random), mixed = data::mixup(batch, 1, random);
    train::ConfusionMatrix matrix(classes);
    train::RunningMean loss;
    for (const data::MixedBatch& b : {cut, mixed}) {
      matrix.update(b.x.select(2, 0).select(1, 0).narrow(1, 0, classes), b.other_label);
      loss.update(mean(b.x.select(3, 1).select(2, 1).select(1, 1)), 4);
    }
    std::vector<std::vector<float>> all{on_host(cut.x), on_host(mixed.x), on_host(matrix.counts().to(f32))};
    all.push_back({static_cast<float>(loss.value())});
    return all;
  };
  const auto expected = results(Device::cpu()), got = results(device_);
  ASSERT_EQ(got.size(), expected.size());
  for (std::size_t i = 0; i < got.size(); ++i)
    EXPECT_THAT(got[i], testing::Pointwise(testing::FloatNear(1e-6f), expected[i]));
}

#if defined(FORNAX_SIM)

TEST_F(CudaTrainingTools, NoUpdateAndNoCheckpointWaits) {
  Block block;
  block.to(device_, MemoryFormat::channels_last);
  train::ExponentialMovingAverage ema(block, {.decay = 0.5, .warmup = true});
  train::ConfusionMatrix matrix(classes);
  train::RunningMean mean_loss;
  const Tensor x = rand({2, channels, 8, 8}).to(MemoryFormat::channels_last).to(device_);
  const Tensor label = zeros({2}, {.dtype = i64, .device = device_});
  const auto step = [&] {
    const Tensor y = nn::checkpoint([&](const Tensor& in) { return dropout(block(in), 0.5, true); }, x);
    const Tensor logits = global_avg_pool2d(y).flatten(1).narrow(1, 0, classes);
    const Tensor loss = cross_entropy(logits, label);
    loss.backward();
    ema.update();
    const auto averaged = ema.apply();
    matrix.update(logits, label);
    mean_loss.update(loss, 2);
    data::SampleRandom random(1, 0, 0);
    (void)data::cutmix({x, label}, 1, random);
    (void)data::mixup({x, label}, 1, random);
  };
  step();
  const int waits = sim::host_waits();
  step();
  EXPECT_EQ(sim::host_waits(), waits);
  EXPECT_EQ(matrix.report().macro.support, 4);
  EXPECT_EQ(mean_loss.count(), 4);
}

#endif

}  // namespace
}  // namespace fornax::test
