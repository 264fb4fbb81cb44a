// A training step captured as a CUDA graph: its runs are the steps that would have been taken without it.
#include "fornax/cuda/graph.h"

#include <cmath>
#include <memory>
#include <optional>
#include <stdexcept>

#include "cuda/device_test.h"
#include "cuda/small_trainer.h"
#include "fornax/base/error.h"
#include "fornax/cuda/memory.h"
#include "fornax/ops/create.h"
#include "fornax/ops/dropout.h"
#include "fornax/ops/elementwise.h"
#include "fornax/ops/reduce.h"
#include "fornax/ops/replayed.h"
#include "support/error_of.h"

namespace fornax {
namespace {

using test::error_of;
using test::Net;
using test::Rule;
using test::Values;
using testing::HasSubstr;

/// A net with dropout, trained on other images and with another learning rate in each step.
class Training {
 public:
  Training(Device device, Rule rule, bool captured) : device_(device), random_(7), data_(5) {
    const GeneratorGuard guard(random_);
    net_ = std::make_unique<Net>();
    net_->to(device, MemoryFormat::channels_last);
    if (rule == Rule::sgd)
      optimizer_ = std::make_unique<optim::SGD>(net_->named_parameters(),
                                                optim::SGDOptions{.momentum = 0.9, .weight_decay = 1e-3});
    else
      optimizer_ = std::make_unique<optim::AdamW>(
          optim::no_decay_groups(net_->named_parameters(), optim::AdamWOptions{}));
    x_ = zeros({2, 3, 8, 8}, {.device = device, .format = MemoryFormat::channels_last});
    label_ = zeros({2}, {.dtype = i64, .device = device});
    if (captured) graph_.emplace(device, [this] { work(); });
  }

  void step() {
    const GeneratorGuard guard(random_);
    {
      const GeneratorGuard for_data(data_);
      x_.copy_(pin_memory(randn({2, 3, 8, 8})));
      label_.copy_(pin_memory(randint(0, test::classes, {2})));
    }
    optimizer_->set_lr(0.01 / ++steps_);
    run();
    losses_.push_back(loss_.clone());
  }

  /// A step with the images and the learning rate of the last.
  void run() {
    if (graph_)
      graph_->run();
    else
      work();
  }

  /// Parameters, running statistics and losses.
  Values values() const {
    Values all;
    for (const auto& [name, tensor] : net_->state())
      all.push_back(tensor.to(f32).to(Device::cpu()).to_vector<float>());
    for (const Tensor& loss : losses_) all.push_back({static_cast<float>(loss.item())});
    return all;
  }
  std::int64_t optimizer_steps() const { return optimizer_->state().int_at("parameters.fc.weight.step"); }
  std::int64_t draws() const { return random_.state().int_at("offset"); }
  bool is_captured() const { return graph_ && graph_->is_captured(); }
  optim::Optimizer& optimizer() { return *optimizer_; }

 private:
  void work() {
    const Tensor features = global_avg_pool2d(net_->block2((net_->block1(net_->stem(x_))))).flatten(1);
    const Tensor loss = cross_entropy(net_->fc(dropout(features, 0.5, true)), label_);
    optimizer_->zero_grad();
    loss.backward();
    optim::clip_grad_norm_(optimizer_->parameters(), 1);
    optimizer_->step();
    loss_ = loss.detach();
  }

  Device device_;
  Generator random_, data_;
  std::unique_ptr<Net> net_;
  std::unique_ptr<optim::Optimizer> optimizer_;
  Tensor x_, label_, loss_;
  std::vector<Tensor> losses_;
  int steps_ = 0;
  std::optional<cuda::CudaGraph> graph_;
};

class CudaGraph : public test::DeviceTest {
 protected:
  Values train(Rule rule, bool captured, int steps = 6) {
    Training training(device_, rule, captured);
    for (int i = 0; i < steps; ++i) training.step();
    EXPECT_EQ(training.is_captured(), captured);
    EXPECT_EQ(training.optimizer_steps(), steps);
    return training.values();
  }
};

TEST_F(CudaGraph, RunsOfAStepAreTheStepsWithoutIt) {
  for (const Rule rule : {Rule::sgd, Rule::adamw}) EXPECT_EQ(train(rule, true), train(rule, false));
}

TEST_F(CudaGraph, RunsTakeTheirRandomNumbersFromTheGenerator) {
  Training captured(device_, Rule::sgd, true), plain(device_, Rule::sgd, false);
  for (int i = 0; i < 5; ++i) {
    captured.step();
    plain.step();
    EXPECT_EQ(captured.draws(), plain.draws()) << i;
  }
}

TEST_F(CudaGraph, EachRandomOpDrawsAnewInEachRun) {
  Tensor normal, chance, order;
  const auto draw = [&] {
    normal = randn({64}, {.device = device_});
    chance = empty({64}, {.dtype = u8, .device = device_});
    bernoulli_(chance, 0.3);
    order = randperm(64, device_);
  };
  const auto values = [&] {
    return std::tuple(normal.to_vector<float>(), chance.to_vector<std::uint8_t>(),
                      order.to_vector<std::int64_t>());
  };
  Generator generator(3), same(3);
  cuda::CudaGraph graph(device_, draw, {.warm_up = 0});
  for (int run = 0; run < 4; ++run) {
    {
      const GeneratorGuard guard(generator);
      graph.run();
    }
    const auto got = values();
    const Tensor kept[] = {normal, chance, order};  // what the graph writes to
    const GeneratorGuard guard(same);
    draw();
    EXPECT_EQ(got, values()) << run;
    normal = kept[0], chance = kept[1], order = kept[2];
  }
}

TEST_F(CudaGraph, RunsInEveryOrderThatStreamsAllow) {
  const Values plain = train(Rule::adamw, false);
  for (std::uint64_t seed = 1; seed <= last_seed; ++seed) {
    reorder(seed);
    EXPECT_EQ(train(Rule::adamw, true), plain) << "seed " << seed;
  }
}

TEST_F(CudaGraph, ResultsMayBeReadOnOtherStreams) {
  const Stream side = cuda::stream_from_pool(device_);
  Tensor x = zeros({256}, {.device = device_}), y;
  cuda::CudaGraph graph(device_, [&] {
    x += 1;
    y = x * 2;
  });
  std::vector<Tensor> sums;
  for (int run = 0; run < 6; ++run) {
    graph.run();
    const StreamGuard guard(side);
    sums.push_back(sum(y));  // the next run waits until this has read y
  }
  for (int run = 0; run < 6; ++run) EXPECT_EQ(sums[static_cast<std::size_t>(run)].item(), 512. * (run + 1));
}

TEST_F(CudaGraph, WorkMayForkToOtherStreamsAndJoin) {
  const Stream side = cuda::stream_from_pool(device_);
  Tensor x = zeros({256}, {.device = device_}), y;
  cuda::CudaGraph graph(device_, [&] {
    x += 1;
    Event(current_stream(device_)).wait_on(side);
    {
      const StreamGuard guard(side);
      y = x * 2;
    }
    x += y;  // waits for the side stream
  });
  double want = 0;
  for (int run = 0; run < 4; ++run) {
    graph.run();
    want = 3 * (want + 1);
  }
  EXPECT_EQ(x.to_vector<float>(), std::vector<float>(256, static_cast<float>(want)));
}

TEST_F(CudaGraph, TensorsOutliveIt) {
  Tensor y;
  {
    const Tensor x = full({1000}, 3, {.device = device_});
    cuda::CudaGraph graph(device_, [&] { y = x * 2; });
    for (int run = 0; run < 4; ++run) graph.run();
  }
  EXPECT_EQ(sum(y).item(), 6000);
}

TEST_F(CudaGraph, WhatItUsesLivesAsLongAsIt) {
  Tensor y;
  std::optional<cuda::CudaGraph> graph;
  {
    Tensor x = full({1000}, 1, {.device = device_});
    graph.emplace(device_, [x, &y]() mutable { y = x += 1; });
    for (int run = 0; run < 3; ++run) graph->run();
  }
  graph->run();
  EXPECT_EQ(sum(y).item(), 5000);
}

TEST_F(CudaGraph, KeepsItsMemoryWhereTheWorkLeavesNothingOfIt) {
  Tensor x = zeros({100}, {.device = device_});
  cuda::CudaGraph graph(device_, [&] { x.copy_(x + 1); }, {.warm_up = 1});
  for (int i = 0; i < 4; ++i) {
    graph.run();
    const Tensor other = full({100}, 50, {.device = device_});  // in memory that was given back too early
  }
  EXPECT_EQ(x.to(Device::cpu()).to_vector<float>(), std::vector<float>(100, 4));
}

TEST_F(CudaGraph, WorkOnTheHostIsDoneInTheCapturedRunOnly) {
  int calls = 0;
  const Tensor x = zeros({8}, {.device = device_});
  cuda::CudaGraph graph(device_, [&] {
    ++calls;
    Tensor(x).add_(1);
  });
  for (int run = 0; run < 5; ++run) graph.run();
  EXPECT_EQ(calls, 3);
  EXPECT_EQ(x.to_vector<float>(), std::vector<float>(8, 5));
}

TEST_F(CudaGraph, NumbersOfYourOwnTravelBeforeEachRun) {
  int number = 0;
  Tensor seen;
  cuda::CudaGraph graph(device_, [&] {
    const std::vector<double> first{double(++number)};
    const Tensor in_memory =
        replayed<double>(device_, first, [&](std::span<double> to) { to[0] = ++number; });
    seen = in_memory.defined() ? in_memory * 2 : full({1}, 2. * number, {.dtype = f64, .device = device_});
  });
  for (int run = 1; run <= 5; ++run) {
    graph.run();
    EXPECT_EQ(seen.item(), 2. * run);
  }
}

TEST_F(CudaGraph, WhatCannotBeCapturedIsAnErrorThatSaysSo) {
  Tensor x = ones({8}, {.device = device_});
  double value = 0;
  cuda::CudaGraph waits(device_, [&] { value = sum(x += 1).item(); }, {.warm_up = 1});
  waits.run();
  EXPECT_EQ(value, 16);
  EXPECT_THAT(
      error_of<CudaError>([&] { waits.run(); }),
      testing::AllOf(HasSubstr("[CudaGraph] expected work that can be captured, got [cudaMemcpyAsync]"),
                     HasSubstr("nothing of it was enqueued")));
#if defined(FORNAX_SIM)
  EXPECT_EQ(sim::take_report_text(), "capture: a copy from or to pageable memory is captured\n");
#endif
  EXPECT_EQ(sum(x).item(), 16);
  EXPECT_FALSE(waits.is_captured());

  const Stream side = cuda::stream_from_pool(device_);
  cuda::CudaGraph strays(device_,
                         [&] {
                           const StreamGuard guard(side);
                           x += 1;
                         },
                         {.warm_up = 0});
  EXPECT_THAT(error_of<CudaError>([&] { strays.run(); }), HasSubstr("got work on another stream of cuda:0"));

  cuda::CudaGraph outer(device_, [&] { waits.run(); }, {.warm_up = 0});
  EXPECT_THAT(error_of<CudaError>([&] { outer.run(); }), HasSubstr("got a run inside of one"));
  x += 1;
  EXPECT_EQ(sum(x).item(), 24) << "the device is as it was";
}

TEST_F(CudaGraph, WhatTheWorkThrowsComesThrough) {
  bool fails = true;
  const Tensor x = ones({8}, {.device = device_});
  cuda::CudaGraph graph(device_,
                        [&] {
                          Tensor(x).add_(1);
                          if (fails) throw std::runtime_error("mine");
                        },
                        {.warm_up = 0});
  EXPECT_THROW(graph.run(), std::runtime_error);
  fails = false;
  graph.run();
  EXPECT_EQ(sum(x).item(), 16);
}

TEST_F(CudaGraph, OptimizersNeedAStepBeforeAndTheStateThatWasCaptured) {
  for (const Rule rule : {Rule::sgd, Rule::adamw}) {
    Training training(device_, rule, false);
    cuda::CudaGraph cold(device_, [&] { training.run(); }, {.warm_up = 0});
    EXPECT_THAT(error_of<ValueError>([&] { cold.run(); }),
                HasSubstr("expected a step before the one that is captured"));
  }
  Training training(device_, Rule::adamw, true);
  for (int i = 0; i < 4; ++i) training.step();
  training.optimizer().load_state(training.optimizer().state());
  EXPECT_THAT(error_of<ValueError>([&] { training.step(); }), HasSubstr("load states before the first run"));
}

TEST_F(CudaGraph, RefusesNoWorkAndDevicesThatAreNotThere) {
  EXPECT_THROW(cuda::CudaGraph(device_, nullptr), ValueError);
  EXPECT_THROW(cuda::CudaGraph(device_, [] {}, {.warm_up = -1}), ValueError);
  EXPECT_THROW(cuda::CudaGraph(Device::cuda(99), [] {}), DeviceError);
  EXPECT_THROW(cuda::CudaGraph(Device::cpu(), [] {}), DeviceError);
}

#if defined(FORNAX_SIM)

TEST_F(CudaGraph, ARunWaitsForNothingAndIsOneLaunch) {
  Training training(device_, Rule::adamw, true);
  for (int i = 0; i < 4; ++i) training.step();
  const int waits = sim::host_waits();
  sim::clear_call_counts();
  training.run();
  EXPECT_EQ(sim::host_waits(), waits);
  EXPECT_EQ(sim::call_count("cudaGraphLaunch"), 1);
  EXPECT_EQ(sim::call_count("launch"), 0);
  EXPECT_EQ(sim::call_count("cudaMallocAsync"), 0);
}

TEST_F(CudaGraph, GivesItsMemoryBack) {
  const auto blocks = [] {
    std::size_t count = 0;
    for (const sim::Allocation& allocation : sim::live_allocations()) count += !allocation.is_pinned;
    return count;
  };
  { Training(device_, Rule::sgd, false).step(); }
  const std::size_t before = blocks();
  { train(Rule::sgd, true); }
  EXPECT_EQ(blocks(), before);
}

TEST_F(CudaGraph, AFailureOfACallLeavesARunUndoneAndTheNextOneWorks) {
  for (const char* const call :
       {"cudaStreamBeginCapture", "cudaStreamEndCapture", "cudaGraphInstantiateWithFlags", "cudaGraphLaunch",
        "cudaMallocAsync", "cudaEventRecord"}) {
    Tensor x = zeros({64}, {.device = device_}), y;
    cuda::CudaGraph graph(device_, [&] {
      x += 1;
      y = x * 2;
    });
    for (int run = 0; run < 2; ++run) graph.run();
    const auto failing = [&] { return error_of<Error>([&] { graph.run(); }); };
    sim::fail_at(call, 1);
    EXPECT_THAT(failing(), HasSubstr(std::string_view(call) == "cudaMallocAsync" ? "bytes" : call)) << call;
    EXPECT_EQ(x.to_vector<float>(), std::vector<float>(64, 2)) << call;
    for (int run = 0; run < 2; ++run) graph.run();
    EXPECT_EQ(y.to_vector<float>(), std::vector<float>(64, 8)) << call;
  }
}

#endif

}  // namespace
}  // namespace fornax
