// The trainer on the device: what it computes, when it waits, and that it goes on where it was stopped.
#include "fornax/train/trainer.h"

#include <vector>

#include "cuda/device_test.h"
#include "cuda/small_trainer.h"
#include "fornax/cuda/math_mode.h"
#include "fornax/data/image_dataset.h"
#include "fornax/ops/create.h"
#include "fornax/train/report.h"
#include "support/files.h"

namespace fornax::test {
namespace {

constexpr std::int64_t images = 48, batch = 8;

class CudaTrainer : public DeviceTest {
 protected:
  /// A net, its data and its trainer.
  struct Training {
    Training(Device device, train::TrainerOptions options)
        : net(make_net(device)), trainer(*net, optimizer, with_device(std::move(options), device)) {}

    static std::unique_ptr<Net> make_net(Device device) {
      default_generator().manual_seed(5);
      auto net = std::make_unique<Net>();
      net->to(device);
      return net;
    }
    static train::TrainerOptions with_device(train::TrainerOptions options, Device device) {
      options.device = device;
      return options;
    }
    std::vector<float> weights() const {
      return net->state().at("fc.weight").to(Device::cpu()).to_vector<float>();
    }

    std::shared_ptr<data::ImageDataset> set = std::make_shared<data::ImageDataset>(
        data::synthetic_images({.count = images, .height = 8, .width = 8, .classes = classes}),
        data::ImageOptions{.crop_padding = 1, .flip = true, .mean = {0.5f}, .stddev = {0.25f}});
    data::DataLoader loader{set, {.batch_size = batch, .shuffle = true, .pin_memory = true}};
    data::DataLoader validation{set, {.batch_size = images, .pin_memory = true}};
    std::unique_ptr<Net> net;
    optim::SGD optimizer{net->named_parameters(), {.lr = 0.02, .momentum = 0.9}};
    train::Trainer trainer;
  };
};

TEST_F(CudaTrainer, FollowsTheCpu) {
  const train::TrainerOptions options{.epochs = 2, .accumulate = 2, .max_grad_norm = 1, .log_every = 1};
  Training cpu(Device::cpu(), options), device(device_, options);
  cpu.trainer.fit(cpu.loader, &cpu.validation);
  device.trainer.fit(device.loader, &device.validation);
  const std::vector<float> a = cpu.weights(), b = device.weights();
  for (std::size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], 1e-4f);
}

TEST_F(CudaTrainer, GoesOnToTheSameBits) {
  for (const DType amp : {bf16, f16}) {
    const TemporaryDirectory whole_directory, directory;
    const auto options = [&](const TemporaryDirectory& where, std::function<bool()> stop) {
      return train::TrainerOptions{
          .epochs = 2, .amp = amp, .checkpoints = {.directory = where.path()}, .stop = std::move(stop)};
    };
    Training whole(device_, options(whole_directory, {}));
    EXPECT_TRUE(whole.trainer.fit(whole.loader));
    {
      int steps = 0;
      Training run(device_, options(directory, [&] { return ++steps == 4; }));
      EXPECT_FALSE(run.trainer.fit(run.loader));
    }
    Training again(device_, options(directory, {}));
    EXPECT_EQ(again.trainer.resume()->step, 4);
    EXPECT_TRUE(again.trainer.fit(again.loader));
    EXPECT_EQ(read_text(directory / "latest.safetensors"), read_text(whole_directory / "latest.safetensors"));
  }
}

TEST_F(CudaTrainer, ACheckpointHoldsWhichPlansOfCudnnMeasuredFastest) {
  cuda::set_cudnn_benchmark(true);
  const TemporaryDirectory directory;
  const train::TrainerOptions options{.checkpoints = {.directory = directory.path()}};
  Training run(device_, options);
  cuda::set_cudnn_choices({});
  run.trainer.fit(run.loader);
  const cuda::CudnnChoices measured = cuda::cudnn_choices();
  cuda::set_cudnn_choices({});
  Training again(device_, options);
  again.trainer.resume();
  EXPECT_EQ(cuda::cudnn_choices(), measured);
  cuda::set_cudnn_benchmark(false);
  EXPECT_FALSE(Training(device_, options).trainer.checkpoint().parts.contains("cudnn"));
}

#if defined(FORNAX_SIM)  // which counts what waits
TEST_F(CudaTrainer, WaitsOnceInTheStepsThatItLogsAndAtTheEndOfAnEvaluation) {
  struct Waits final : train::Callback {
    void on_step_end(train::Trainer&, const train::StepInfo&) override {
      steps.push_back(sim::host_waits() - before);
      before = sim::host_waits();
    }
    void on_epoch_end(train::Trainer&, const train::Numbers&) override {
      evaluation = sim::host_waits() - before;
      before = sim::host_waits();
    }
    std::vector<int> steps;
    int before = 0, evaluation = 0;
  };
  Training run(device_, {.epochs = 2, .amp = f16, .max_grad_norm = 1, .log_every = 3});
  const auto& waits = run.trainer.add<Waits>();
  run.trainer.fit(run.loader, &run.validation);
  ASSERT_EQ(waits.steps.size(), 12u);
  const int before = sim::host_waits();
  (void)zeros({1}, {.device = device_}).item();
  const int one_read = sim::host_waits() - before;
  for (std::size_t i = 6; i < 12; ++i)  // the first epoch fills the pools
    EXPECT_EQ(waits.steps[i], (i + 1) % 3 == 0 ? one_read : 0) << "step " << i + 1;
  EXPECT_EQ(waits.evaluation, one_read);
}

TEST_F(CudaTrainer, AReportWaitsOnlyAtTheEndOfAnEpoch) {
  struct Waits final : train::Callback {
    void on_step_end(train::Trainer&, const train::StepInfo&) override { steps = sim::host_waits() - before; }
    void on_evaluation_begin(train::Trainer&) override { before = sim::host_waits(); }
    void on_epoch_begin(train::Trainer&, std::int64_t) override { before = sim::host_waits(); }
    void on_epoch_end(train::Trainer&, const train::Numbers&) override {
      evaluation = sim::host_waits() - before;
    }
    int before = 0, steps = 0, evaluation = 0;
  };
  const TemporaryDirectory directory;
  Training run(device_, {.epochs = 2, .log_every = 1000});
  data::DataLoader validation(run.set, {.batch_size = 16, .pin_memory = true});  // 3 batches
  const auto& waits = run.trainer.add<Waits>();
  run.trainer.add<train::Report>(directory / "report.html");
  run.trainer.fit(run.loader, &validation);
  const int before = sim::host_waits();
  (void)zeros({1}, {.device = device_}).item();
  EXPECT_EQ(waits.evaluation, sim::host_waits() - before);
  EXPECT_EQ(waits.steps, 0);
  EXPECT_NE(read_text(directory / "report.html").find("<h2>Confusions</h2>"), std::string::npos);
}
#endif

}  // namespace
}  // namespace fornax::test
