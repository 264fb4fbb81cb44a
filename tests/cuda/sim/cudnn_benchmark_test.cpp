// The stand-in proposes a plan that is slow by the device's clock, and then a faster one.
#include <string>
#include <vector>

#include "cuda/device_test.h"
#include "fornax/cuda/graph.h"
#include "fornax/cuda/math_mode.h"
#include "fornax/ops/conv2d.h"
#include "fornax/ops/random.h"
#include "sim/simulator.h"
#include "support/error_of.h"

namespace fornax {
namespace {

class CudnnBenchmark : public test::DeviceTest {
 protected:
  CudnnBenchmark() { cuda::set_cudnn_benchmark(true); }
  ~CudnnBenchmark() override { cuda::set_cudnn_benchmark(false); }

  Tensor image(const Shape& shape) const {
    return rand(shape, {.device = device_, .format = MemoryFormat::channels_last});
  }
};

/// The engines of cuDNN that run in `work`, in order: "001", say. None where cuDNN has no stand-in.
template <class F>
std::string engines(F&& work) {
  sim::start_trace();
  work();
  std::string names;
  for (const sim::TracedOperation& operation : sim::take_trace())
    if (operation.name.starts_with("cudnn")) names += operation.name.back();
  return names;
}

TEST_F(CudnnBenchmark, MeasuresAConvolutionOnceAndKeepsTheFastestPlan) {
  const Tensor x = image({2, 8, 5, 6}), w = image({3, 8, 1, 1}), other = image({1, 8, 5, 6});
  Tensor y;
  const auto run = [&] { y = conv2d(x, w); };
  cuda::set_cudnn_benchmark(false);
  const std::string proposed = engines(run);
  if (proposed.empty()) GTEST_SKIP() << "cuDNN has no stand-in in this build";
  EXPECT_EQ(proposed, "0");
  const std::vector<float> want = y.to_vector<float>();
  cuda::set_cudnn_benchmark(true);
  EXPECT_EQ(engines(run), "000011111") << "a run and three timed ones of each, and that of the fastest";
  EXPECT_EQ(y.to_vector<float>(), want);
  const int waits = sim::host_waits();
  EXPECT_EQ(engines(run), "1");
  EXPECT_EQ(sim::host_waits(), waits);
  EXPECT_EQ(engines([&] { conv2d(other, w); }), "000011111") << "another problem";
  cuda::set_cudnn_benchmark(false);
  EXPECT_EQ(engines(run), "0");
}

TEST_F(CudnnBenchmark, TakesOverWhatAnotherProcessHasMeasured) {
  const Tensor x = image({2, 8, 7, 6}), w = image({3, 8, 1, 1});
  const auto run = [&] { conv2d(x, w); };
  cuda::set_cudnn_choices({});
  if (engines(run).empty()) GTEST_SKIP() << "cuDNN has no stand-in in this build";
  cuda::CudnnChoices choices = cuda::cudnn_choices();
  ASSERT_EQ(choices.size(), 1u);
  auto& [name, place] = *choices.begin();
  EXPECT_TRUE(name.starts_with("Fornax simulated device: ")) << name;
  EXPECT_EQ(place, 1);
  const auto ran_with = [&](std::int64_t chosen) {
    cuda::set_cudnn_choices({{name, chosen}});
    return engines(run);
  };
  EXPECT_EQ(ran_with(1), "1");
  EXPECT_EQ(ran_with(0), "0");
  EXPECT_EQ(ran_with(7), "000011111") << "there is no eighth proposal";
  EXPECT_EQ(ran_with(std::int64_t{1} << 60), "000011111");
  EXPECT_EQ(cuda::cudnn_choices(), choices);
  EXPECT_EQ(test::error_of<ValueError>([&] { ran_with(-1); }),
            "[set_cudnn_choices] expected places of 0 or more, got -1");
}

TEST_F(CudnnBenchmark, MeasuresNothingWhileAGraphCaptures) {
  const Tensor x = image({2, 8, 4, 6}), w = image({3, 8, 1, 1}), cold = image({2, 8, 3, 6});
  const auto captured = [&](const Tensor& images, int warm_up) {
    cuda::CudaGraph graph(device_, [&] { conv2d(images, w); }, {.warm_up = warm_up});
    for (int i = 0; i < warm_up; ++i) graph.run();
    const std::string ran = engines([&] { graph.run(); });
    EXPECT_TRUE(graph.is_captured());
    return ran;
  };
  const std::string warm = captured(x, 1);
  if (warm.empty()) GTEST_SKIP() << "cuDNN has no stand-in in this build";
  EXPECT_EQ(warm, "1") << "what the warm-up has found";
  EXPECT_EQ(captured(cold, 0), "0") << "the first proposal";
}

}  // namespace
}  // namespace fornax
