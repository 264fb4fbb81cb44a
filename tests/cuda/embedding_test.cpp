// What an embedding does on a device with indices that the CPU refuses.
#include "fornax/ops/embedding.h"

#include <cmath>

#include "cuda/device_test.h"
#include "fornax/ops/create.h"
#include "fornax/ops/elementwise.h"

namespace fornax::test {
namespace {

class CudaEmbedding : public DeviceTest {};

TEST_F(CudaEmbedding, AnIndexOutOfRangeGivesARowOfNanAndNoGradient) {
  for (const std::int64_t width : {3, 8}) {  // element by element, and in vectors
    const Tensor indices = tensor<std::int64_t>({1, -1, 2, std::int64_t{1} << 40, 1}).to(device_);
    Tensor weight = full({2, width}, 7).to(device_).set_requires_grad();
    const Tensor y = embedding(weight, indices);
    const std::vector<float> values = y.detach().to(Device::cpu()).to_vector<float>();
    for (std::size_t i = 0; i < values.size(); ++i) {
      const bool exists = i / static_cast<std::size_t>(width) % 4 == 0;  // uses 0 and 4
      EXPECT_EQ(std::isnan(values[i]), !exists) << i;
      if (exists) {
        EXPECT_EQ(values[i], 7) << i;
      }
    }
    y.backward(ones(y.shape()).to(device_));
    const std::vector<float> grad = weight.grad().to(Device::cpu()).to_vector<float>();
    for (std::size_t i = 0; i < grad.size(); ++i)
      EXPECT_EQ(grad[i], i < static_cast<std::size_t>(width) ? 0 : 2) << i;
  }
}

}  // namespace
}  // namespace fornax::test
