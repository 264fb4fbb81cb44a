// The bytes that operations read and write, as a trace tells them.
#include "cuda/sim/fixture.h"
#include "cuda/sim/kernels.h"
#include "fornax/base/error.h"
#include "fornax/dispatch/op.h"
#include "fornax/ops/conv2d.h"
#include "fornax/ops/create.h"

namespace fornax::sim {
namespace {

using namespace cuda::test;

class ByteCounter : public SimTest {
 protected:
  /// Of what `work` enqueues.
  template <class Work>
  static TracedOperation sum_of(Work work) {
    start_trace();
    work();
    TracedOperation sum{};
    for (const TracedOperation& operation : take_trace()) {
      sum.bytes_read += operation.bytes_read;
      sum.bytes_written += operation.bytes_written;
    }
    return sum;
  }
};

TEST_F(ByteCounter, CountsAByteOnceForEachOperation) {
  if (!is_tracked()) GTEST_SKIP() << "needs a build with FORNAX_SIM_TRACKED";
  constexpr std::size_t count = 1000, bytes = count * sizeof(float);
  const DeviceArray<float> x{std::vector<float>(count)}, y{std::vector<float>(count)};
  const auto add_twice = sum_of([&] {
    add(x.data(), x.data(), y.data(), count, 8, stream);
    add(x.data(), y.data(), y.data(), count, 8, stream);
  });
  EXPECT_EQ(add_twice.bytes_read, bytes + 2 * bytes);
  EXPECT_EQ(add_twice.bytes_written, 2 * bytes);
  // All blocks read their part of 999 bytes, and each adds to the same 256 bins.
  const DeviceArray<std::uint8_t> in{std::vector<std::uint8_t>(count, 1)};
  const DeviceArray<unsigned> bins{std::vector<unsigned>(256)};
  const auto atomics = sum_of([&] { histogram(in.data(), bins.data(), count - 1, stream); });
  EXPECT_EQ(atomics.bytes_read, count - 1 + 256 * sizeof(unsigned));
  EXPECT_EQ(atomics.bytes_written, 256 * sizeof(unsigned));
}

TEST_F(ByteCounter, CountsCopiesFillsAndLibrariesByTheirBytes) {
  const DeviceArray<char> x{std::vector<char>(100)}, y{std::vector<char>(100)};
  const auto copy = sum_of([&] {
    EXPECT_EQ(cudaMemcpyAsync(y.data() + 3, x.data() + 14, 53, cudaMemcpyDefault, stream), cudaSuccess);
  });
  EXPECT_EQ(copy.bytes_read, 53u);
  EXPECT_EQ(copy.bytes_written, 53u);
  const auto fill = sum_of([&] { EXPECT_EQ(cudaMemsetAsync(y.data() + 1, 0, 98, stream), cudaSuccess); });
  EXPECT_EQ(fill.bytes_read, 0u);
  EXPECT_EQ(fill.bytes_written, 98u);
  const auto library = sum_of([&] {
    enqueue_host_op("product", stream, [&] {
      touch(x.data(), 40, Access::read);
      touch(x.data() + 20, 40, Access::read);
      touch(y.data(), 10, Access::write);
    });
  });
  EXPECT_EQ(library.bytes_read, 60u);
  EXPECT_EQ(library.bytes_written, 10u);
}

TEST_F(ByteCounter, MemoryThatComesAndGoesIsNoTraffic) {
  const auto sum = sum_of([&] {
    void* data = nullptr;
    EXPECT_EQ(cudaMallocAsync(&data, 1000, stream), cudaSuccess);
    EXPECT_EQ(cudaFreeAsync(data, stream), cudaSuccess);
  });
  EXPECT_EQ(sum.bytes_read + sum.bytes_written, 0u);
}

/// 1 x 1, stride 2, on images of 4 x 6 pixels of 8 channels, by cuDNN; false where it is not there.
bool convolve() {
  const dispatch::KernelGuard guard("conv2d", "cudnn");
  const Tensor x = ones({2, 8, 4, 6}, {.device = Device::cuda(), .format = MemoryFormat::channels_last});
  const Tensor w = ones({3, 8, 1, 1}, {.device = Device::cuda(), .format = MemoryFormat::channels_last});
  start_trace();
  try {
    conv2d(x, w, {}, {.stride = 2});
  } catch (const NotImplemented&) {
    return false;
  }
  return true;
}
TracedOperation convolution() {
  for (TracedOperation& operation : take_trace())
    if (operation.name.starts_with("cudnn convolution")) return operation;
  return {};
}
constexpr std::uint64_t pixels_read = 2 * 2 * 3 * 8 * sizeof(float), weights_read = 3 * 8 * sizeof(float);

TEST_F(ByteCounter, PixelsThatNoWindowHoldsAreNotRead) {
  if (!convolve()) GTEST_SKIP() << "cuDNN has no stand-in in this build";
  EXPECT_EQ(convolution().bytes_read, pixels_read + weights_read);
}

TEST_F(ByteCounter, CountsTheSameWhereItOnlyCounts) {
  if (!is_tracked()) GTEST_SKIP() << "needs a build with FORNAX_SIM_TRACKED";
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(
      {
        only_count_bytes();
        const DeviceArray<float> x(100);
        const auto sum = sum_of([&] { add(x.data(), x.data() + 50, x.data(), 50, 1, stream); });
        const bool is_right = sum.bytes_read == 400 && sum.bytes_written == 200;
        const bool is_convolution_right =
            !convolve() || convolution().bytes_read == pixels_read + weights_read;
        const bool is_silent = take_report_text().empty();  // though nobody had written x
        std::_Exit(is_right && is_convolution_right && is_silent ? 0 : 1);
      },
      testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace fornax::sim
