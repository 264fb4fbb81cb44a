// How many launches and waits the update rules take, and what the norm does with large and many numbers;
// other numbers are held by the op cases.
#include "fornax/ops/optim_step.h"

#include "cuda/device_test.h"
#include "fornax/ops/create.h"
#include "fornax/ops/random.h"

namespace fornax::test {
namespace {

class CudaOptimStep : public DeviceTest {
 protected:
  /// Tensors of the number and the ranks that the parameters of a ResNet-50 have.
  std::vector<Tensor> resnet_parameters() const {
    std::vector<Tensor> parameters;
    for (int i = 0; i < 161; ++i)
      parameters.push_back(
          (i % 3 == 0 ? full({2, 3, 1, 1}, 0.5).to(MemoryFormat::channels_last) : full({5}, 0.5))
              .to(device_));
    return parameters;
  }
};

#if defined(FORNAX_SIM)
TEST_F(CudaOptimStep, UpdatesAllParametersOfAResNet50InOneLaunchWithoutAWait) {
  const std::vector<Tensor> p = resnet_parameters(), g = resnet_parameters(), m = resnet_parameters(),
                            v = resnet_parameters();
  std::vector<SgdEntry> sgd;
  std::vector<AdamWEntry> adamw;
  for (std::size_t i = 0; i < p.size(); ++i) {
    sgd.push_back({p[i], g[i], m[i]});
    adamw.push_back({p[i], g[i], m[i], v[i]});
  }
  // CUDA 12 takes shorter tables (ops/optim_step/multi_tensor.cuh).
  constexpr int update = CUDART_VERSION >= 13000 ? 1 : 2;
  sim::clear_call_counts();
  const int waits = sim::host_waits();
  sgd_step(sgd, {.momentum = 0.9});
  EXPECT_EQ(sim::call_count("launch"), update);
  adamw_step(adamw, {});
  EXPECT_EQ(sim::call_count("launch"), 2 * update);
  const Tensor norm = total_norm(g);
  EXPECT_EQ(sim::call_count("launch"), 2 * update + 2);  // sums of parts, and their sum
  clip_by_norm_(g, norm, 1);
  EXPECT_EQ(sim::call_count("launch"), 2 * update + 3);
  EXPECT_EQ(sim::host_waits(), waits);
}
#endif

TEST_F(CudaOptimStep, TheNormHasTheSameBitsHoweverBlocksAndThreadsAreOrdered) {
  const Tensor x = rand({20001}).to(device_);
  const auto norm = [&] { return total_norm(std::span(&x, 1)).to(Device::cpu()).to_vector<double>(); };
  const std::vector<double> want = norm();
  for (const std::uint64_t seed : {1, 2, 3}) {
    reorder(seed);
    EXPECT_EQ(norm(), want);
  }
}

TEST_F(CudaOptimStep, TheNormOfLargeGradientsDoesNotOverflow) {
  const Tensor x = full({4096}, 1e30).to(device_);
  EXPECT_NEAR(total_norm(std::span(&x, 1)).item() / 64e30, 1, 1e-6);
}

}  // namespace
}  // namespace fornax::test
