// A training step in which one call fails, at each of its positions: what is thrown, what is left behind, and
// that the next step goes on as if nothing had happened.
#include <cuda_runtime.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>

#include "cuda/device_test.h"
#include "cuda/small_trainer.h"
#include "fornax/base/error.h"
#include "fornax/cuda/memory.h"
#include "fornax/cuda/stream.h"
#include "fornax/cuda/timer.h"
#include "fornax/ops/create.h"
#include "fornax/ops/elementwise.h"
#include "fornax/ops/matmul.h"
#include "fornax/ops/optim_step.h"
#include "fornax/ops/reduce.h"
#include "fornax/ops/transfer.h"
#include "sim/census.h"
#include "support/error_of.h"

namespace fornax {
namespace {

using test::Rule;
using test::Sizes;
using test::Trainer;
using test::Values;
using testing::HasSubstr;

constexpr std::string_view partly = "partly applied";

/// What exists on the device and in libraries. Pinned memory and events are kept for the next user.
struct Census {
  std::size_t blocks = 0, pinned = 0;
  int events = 0, library_objects = 0;

  static Census take() {
    Census census{.events = sim::live_events(), .library_objects = sim::live_library_objects()};
    for (const sim::Allocation& allocation : sim::live_allocations())
      ++(allocation.is_pinned ? census.pinned : census.blocks);
    return census;
  }
};

/// Takes what the runtime keeps, so that the next user needs a new event and new pinned memory.
class Drained {
 public:
  explicit Drained(Device device) {
    // Memory first: taking it gives back the events of what was used before.
    const int blocks = sim::call_count("cudaHostAlloc");
    while (sim::call_count("cudaHostAlloc") == blocks) pinned_.push_back(pin_memory(zeros({16})));
    const int events = sim::call_count("cudaEventCreateWithFlags");
    while (sim::call_count("cudaEventCreateWithFlags") == events)
      events_.emplace_back(current_stream(device));
  }

 private:
  std::vector<Event> events_;
  std::vector<Tensor> pinned_;
};

/// What a call's failure comes to.
enum class Expected {
  error,     // an exception that names the call
  absorbed,  // nothing: somebody tries again, or nobody could be told
  either     // an exception, or nothing where a destructor made the call
};

class CudaFaults : public test::SimulatedDevice {
 protected:
  void SetUp() override {
    SimulatedDevice::SetUp();
    Trainer(device_).step();  // the runtime makes what it keeps, and libraries choose
    sim::take_report_text();
  }

  /// The parameters after 0, 1 and 2 undisturbed steps.
  std::vector<Values> undisturbed(Rule rule = Rule::sgd) {
    Trainer trainer(device_, rule);
    std::vector<Values> values{trainer.parameters()};
    for (int step = 0; step < 2; ++step) {
      trainer.step();
      values.push_back(trainer.parameters());
    }
    return values;
  }

  struct Fault {
    std::string_view api;
    cudaError_t error = cudaSuccess;
    int in_a_row = 1;
    bool is_cold = false;  // with nothing kept from earlier steps
  };
  struct Outcome {
    bool threw = false, was_applied_partly = false;
    std::string message;
  };

  /// How often a step makes this call.
  int positions(const Fault& fault, Rule rule = Rule::sgd) {
    Trainer trainer(device_, rule);
    std::optional<Drained> drained;
    if (fault.is_cold) drained.emplace(device_);
    sim::clear_call_counts();
    trainer.step();
    return sim::call_count(fault.api);
  }

  /// Fails the call number `position` of a trainer's first step, looks at everything, and goes on.
  Outcome disturb(const Fault& fault, int position, const std::vector<Values>& want, Rule rule = Rule::sgd) {
    SCOPED_TRACE(testing::Message() << fault.api << " number " << position);
    const Census before = Census::take();
    Outcome outcome;
    {
      Trainer trainer(device_, rule);
      {
        std::optional<Drained> drained;
        if (fault.is_cold) drained.emplace(device_);
        sim::clear_call_counts();
        for (int i = 0; i < fault.in_a_row; ++i) sim::fail_at(fault.api, position + i, fault.error);
        try {
          trainer.step();
        } catch (const Error& error) {
          outcome = {true, std::string_view(error.what()).find(partly) != std::string_view::npos,
                     error.what()};
        }
        EXPECT_GE(sim::call_count(fault.api), position) << "the fault did not strike";
      }
      EXPECT_EQ(cudaPeekAtLastError(), cudaSuccess) << "would surface in a library's next call";
      const Values now = trainer.parameters();
      if (!outcome.was_applied_partly) {
        EXPECT_EQ(now, want[outcome.threw ? 0 : 1]) << outcome.message;
      }
      EXPECT_NO_THROW(trainer.step());
      if (!outcome.was_applied_partly) {
        EXPECT_EQ(trainer.parameters(), want[outcome.threw ? 1 : 2]) << outcome.message;
      }
      EXPECT_GT(trainer.loss(), 0);
    }
    const Census after = Census::take();
    EXPECT_EQ(after.blocks, before.blocks) << outcome.message;
    EXPECT_EQ(after.library_objects, before.library_objects) << outcome.message;
    return outcome;
  }

  /// Each position of a step; gives how many of them were partly applied.
  int disturb_each(const Fault& fault, Expected expected, Rule rule = Rule::sgd) {
    const std::vector<Values> want = undisturbed(rule);
    const int count = positions(fault, rule);
    EXPECT_GT(count, 0) << fault.api;
    const Census before = Census::take();
    int partial = 0;
    for (int position = 1; position <= count && !HasFailure(); ++position) {
      const Outcome outcome = disturb(fault, position, want, rule);
      partial += outcome.was_applied_partly;
      if (expected != Expected::either) {
        EXPECT_EQ(outcome.threw, expected == Expected::error)
            << fault.api << " number " << position << ": " << outcome.message;
      }
      if (outcome.threw && fault.error != cudaErrorMemoryAllocation) {
        EXPECT_THAT(outcome.message, HasSubstr("[" + std::string(fault.api) + "]"));
      }
    }
    const Census after = Census::take();
    const int drained = fault.is_cold ? 2 * count + 2 : 0;  // a new one is made in each round
    EXPECT_LE(after.events, before.events + 2 + drained) << fault.api;
    EXPECT_LE(after.pinned, before.pinned + 2 + static_cast<std::size_t>(drained)) << fault.api;
    return partial;
  }
};

TEST_F(CudaFaults, Launches) { EXPECT_EQ(disturb_each({"launch"}, Expected::error), 0); }
TEST_F(CudaFaults, LaunchesOfAStepByGroups) {
  EXPECT_EQ(disturb_each({"launch"}, Expected::error, Rule::adamw), 1)
      << "the launch of the second group of two";
}
TEST_F(CudaFaults, Copies) { disturb_each({"cudaMemcpyAsync"}, Expected::error); }
TEST_F(CudaFaults, Allocations) { disturb_each({"cudaMallocAsync", cudaErrorInvalidValue}, Expected::error); }
TEST_F(CudaFaults, AllocationsThatSucceedWhenThePoolHasGivenBack) {
  disturb_each({"cudaMallocAsync", cudaErrorMemoryAllocation}, Expected::absorbed);
}
TEST_F(CudaFaults, AllocationsForWhichThereIsNoMemory) {
  disturb_each({.api = "cudaMallocAsync", .error = cudaErrorMemoryAllocation, .in_a_row = 2},
               Expected::error);
}
TEST_F(CudaFaults, Releases) { disturb_each({"cudaFreeAsync"}, Expected::absorbed); }
TEST_F(CudaFaults, EventRecords) { disturb_each({"cudaEventRecord"}, Expected::either); }
TEST_F(CudaFaults, EventWaits) { disturb_each({"cudaStreamWaitEvent"}, Expected::either); }
TEST_F(CudaFaults, EventQueries) { disturb_each({"cudaEventQuery"}, Expected::absorbed); }
TEST_F(CudaFaults, NewEvents) {
  disturb_each({.api = "cudaEventCreateWithFlags", .error = cudaErrorInvalidValue, .is_cold = true},
               Expected::either);
}
TEST_F(CudaFaults, PinnedAllocations) {
  disturb_each({.api = "cudaHostAlloc", .error = cudaErrorInvalidValue, .is_cold = true}, Expected::error);
  disturb_each({.api = "cudaHostAlloc", .error = cudaErrorMemoryAllocation, .in_a_row = 2, .is_cold = true},
               Expected::error);
}

TEST_F(CudaFaults, CallsOfLibraries) {
  sim::clear_call_counts();
  Trainer(device_).step();
  std::vector<std::string> apis;
  for (const auto& [api, count] : sim::call_counts())
    if (api.starts_with("cudnn") || api.starts_with("cublas")) apis.push_back(api);
  if (apis.empty()) GTEST_SKIP() << "this build has no stand-ins of libraries";
  EXPECT_THAT(apis, testing::IsSupersetOf({"cublasLtMatmul", "cudnnBackendExecute", "cudnnBackendFinalize"}));
  for (const std::string& api : apis) disturb_each({api}, Expected::error);
}

/// A failure while a library chooses is no choice: the next step asks again and runs the same kernels.
TEST_F(CudaFaults, CallsOfLibrariesThatChoose) {
  int problem = 0;
  const auto new_images = [&](std::int64_t batch) {  // for which nothing has been chosen yet
    ++problem;
    return Sizes{batch, 9 + problem % 8, 9 + problem / 8};
  };
  auto new_rows = [batch = std::int64_t{3}]() mutable { return batch++; };
  sim::clear_call_counts();
  Trainer(device_, Rule::sgd, new_images(new_rows())).step();
  const std::map<std::string, int> first = sim::call_counts();
  if (!first.contains("cudnnBackendExecute")) GTEST_SKIP() << "this build has no stand-ins of libraries";
  for (const std::string api : {"cublasLtMatmulAlgoGetHeuristic", "cudnnBackendFinalize"}) {
    const bool is_matmul = api.starts_with("cublas");
    for (int position = 1; position <= first.at(api) && !HasFailure(); ++position) {
      SCOPED_TRACE(testing::Message() << api << " number " << position);
      const int before = sim::live_library_objects();
      Trainer trainer(device_, Rule::sgd, new_images(is_matmul ? new_rows() : 2));
      sim::clear_call_counts();
      sim::fail_at(api, position);
      EXPECT_THAT(test::error_of<CudaError>([&] { trainer.step(); }), HasSubstr(api));
      if (position == 1 && !is_matmul) {
        EXPECT_EQ(sim::live_library_objects(), before);
      }
      trainer.step();
      sim::clear_call_counts();
      trainer.step();
      for (const char* run : {"cublasLtMatmul", "cudnnBackendExecute"})
        EXPECT_EQ(sim::call_count(run), first.at(run)) << run;
    }
  }
}

TEST_F(CudaFaults, AnUpdateOfTwoDtypesSaysThatItWasPartlyApplied) {
  const auto entry = [&](DType dtype) {
    const TensorOptions options{.dtype = dtype, .device = device_};
    return SgdEntry{ones({8}, options), ones({8}, options), {}, false};
  };
  const std::vector<SgdEntry> entries{entry(f64), entry(f32)};
  const std::uint32_t version = entries[0].parameter.version();
  sim::fail_at("launch", 1);
  EXPECT_THAT(test::error_of<CudaError>([&] { sgd_step(entries, {.lr = 1}); }),
              testing::Not(HasSubstr(partly)));
  EXPECT_EQ(sum(entries[0].parameter).item(), 8);
  sim::fail_at("launch", 2);
  EXPECT_THAT(test::error_of<CudaError>([&] { sgd_step(entries, {.lr = 1}); }),
              testing::AllOf(testing::StartsWith("[sgd_step]"), HasSubstr(partly), HasSubstr("[launch]")));
  EXPECT_EQ(sum(entries[0].parameter).item(), 0);
  EXPECT_EQ(sum(entries[1].parameter).item(), 8);
  EXPECT_GT(entries[0].parameter.version(), version);
}

TEST_F(CudaFaults, AKernelThatFailsHalfwayStillUsesItsTensors) {
  const Stream side = cuda::stream_from_pool(device_);
  for (std::uint64_t seed = 1; seed <= last_seed; ++seed) {
    reorder(seed);
    {
      const TensorOptions doubles{.dtype = f64, .device = device_};
      const std::vector<Tensor> tensors{ones({8}, doubles), ones({8}, {.device = device_})};
      const Tensor norm = ones({}, doubles);
      const StreamGuard guard(side);
      sim::fail_at("launch", 2);
      EXPECT_THROW(clip_by_norm_(tensors, norm, 0.5), CudaError);
    }  // freed after the launch that went well, else the device reports it
    EXPECT_EQ(sim::take_report_text(), "");
  }
}

TEST_F(CudaFaults, AStreamThatCannotBeMadeIsMadeLater) {
  const auto make = [&] {
    return cuda::native_handle(cuda::stream_from_pool(device_, cuda::StreamPriority::high));
  };
  std::set<void*> handles;
  int failed = 0;
  for (int i = 0; i < 32; ++i) {
    sim::fail_at("cudaStreamCreateWithPriority", 1, cudaErrorInvalidValue);
    try {
      handles.insert(make());  // another test has made it
    } catch (const CudaError&) {
      ++failed;
      handles.insert(make());
    }
    sim::reset();
  }
  EXPECT_GT(failed, 0);
  EXPECT_EQ(handles.size(), 32);
}

/// What works on tensors that were made before the device was lost.
class CudaDeviceLost : public CudaFaults {
 protected:
  static void expect_loss(const char* what, const std::function<void()>& call) {
    EXPECT_THAT(test::error_of<DeviceLost>(call), HasSubstr("cudaErrorIllegalAddress")) << what;
  }
  void expect_that_nothing_works(Trainer& trainer, const Tensor& x) {
    const Stream stream = current_stream(device_);
    expect_loss("step", [&] { trainer.step(); });
    expect_loss("allocation", [&] { empty({4}, {.device = device_}); });
    expect_loss("copy to", [&] { ones({4}).to(device_); });
    expect_loss("copy from", [&] { x.to(Device::cpu()); });
    expect_loss("item", [&] { sum(x).item(); });
    expect_loss("matmul", [&] { matmul(x, x); });
    expect_loss("in place", [&] { Tensor(x).add_(1); });
    expect_loss("event", [&] { Event event(stream); });
    expect_loss("synchronisation", [&] { stream.synchronize(); });
    expect_loss("statistics", [&] { cuda::memory_stats(device_); });
    expect_loss("cache", [&] { cuda::empty_cache(device_); });
    expect_loss("host copy", [&] { HostCopy copy(x); });
    expect_loss("timer", [&] { cuda::StreamTimer timer(stream); });
    expect_loss("pinned", [&] { pin_memory(zeros({1 << 20})); });
  }
};

TEST_F(CudaDeviceLost, IsNamedByEveryCallAfterEachLaunch) {
  const std::vector<Values> want = undisturbed();
  const int count = positions({"launch"});
  const Census before = Census::take();
  for (int position = 1; position <= count && !HasFailure(); ++position) {
    SCOPED_TRACE(testing::Message() << "launch number " << position);
    sim::set_schedule({position % 2 == 0 ? sim::Schedule::lazy : sim::Schedule::eager, 1});
    {
      Trainer trainer(device_);
      const Tensor x = ones({16, 16}, {.device = device_});
      sim::fail_at("launch", position, cudaErrorIllegalAddress);
      expect_loss("step", [&] {
        trainer.step();
        current_stream(device_).synchronize();
      });
      expect_that_nothing_works(trainer, x);
    }  // destructors say nothing
    sim::reset();
    Trainer again(device_);
    again.step();
    EXPECT_EQ(again.parameters(), want[1]);
  }
  EXPECT_EQ(Census::take().blocks, before.blocks);
}

TEST_F(CudaDeviceLost, IsWhyALibraryFailed) {
  const Tensor x = ones({16, 16}, {.device = device_});
  matmul(x, x);
  if (sim::call_count("cublasLtMatmul") == 0) GTEST_SKIP() << "this build has no stand-ins of libraries";
  for (const char* api : {"cublasLtMatmul", "cublasLtMatmulDescCreate"}) {
    sim::fail_at(api, 1, cudaErrorIllegalAddress);
    expect_loss(api, [&] { matmul(x, x); });
    sim::reset();
  }
  EXPECT_EQ(sum(matmul(x, x)).item(), 16 * 16 * 16);
}

using CudaDeviceLostDeathTest = CudaDeviceLost;

TEST_F(CudaDeviceLostDeathTest, LetsTheProcessEnd) {
  EXPECT_EXIT(
      {
        static Trainer trainer(device_);
        static Tensor used_by_two = ones({64}, {.device = device_});
        {
          const StreamGuard guard(cuda::stream_from_pool(device_));
          used_by_two += 1;
        }
        sim::fail_at("launch", 20, cudaErrorIllegalAddress);
        const std::string message = test::error_of<DeviceLost>([&] {
          trainer.step();
          current_stream(device_).synchronize();
        });
        std::exit(message.find("cudaErrorIllegalAddress") == std::string::npos);
      },
      testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace fornax
