#include "fornax/io/keras_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fornax/base/error.h"
#include "support/error_of.h"
#include "support/files.h"
#include "support/golden.h"

namespace fornax::io {
namespace {

using namespace test;

using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;

/// Skips where the build has no libhdf5, and load_keras must say so.
class KerasFile : public ::testing::Test {
 protected:
  void SetUp() override {
    try {
      load_keras(golden_path("keras_weights.h5"));
    } catch (const NotImplemented& error) {
      EXPECT_EQ(
          error.what(),
          std::string("[load_keras] expected a build with libhdf5 (Debian: libhdf5-dev), got one without"));
      GTEST_SKIP() << error.what();
    }
  }
  static std::string load_error(const std::string& path) {
    return error_of<IoError>([&] { load_keras(path); });
  }
};

TEST_F(KerasFile, GivesTheWeightsByLayerInTheirOrder) {
  const State state = load_keras(golden_path("keras_weights.h5"));
  std::vector<std::string> names;
  for (const auto& [name, tensor] : state) {
    names.push_back(name);
    EXPECT_EQ(tensor.dtype(), f32) << name;
  }
  EXPECT_THAT(names, ElementsAre("conv1_conv/kernel", "conv1_conv/bias", "conv1_bn/gamma", "conv1_bn/beta",
                                 "conv1_bn/moving_mean", "conv1_bn/moving_variance", "predictions/kernel",
                                 "predictions/bias"));
  EXPECT_EQ(state.at("conv1_conv/kernel").shape(), (Shape{3, 3, 3, 2}));
  EXPECT_EQ(state.at("predictions/kernel").shape(), (Shape{2, 3}));
  const Tensor variance = golden_uniform("keras_resnet50/conv1_bn/moving_variance", {2}, 1, 0.5);
  EXPECT_EQ(state.at("conv1_bn/moving_variance").to_vector<float>(), variance.to(f32).to_vector<float>());
}

TEST_F(KerasFile, ReadsNamesAsKeras1AndTensorFlowWroteThem) {
  const State state = load_keras(golden_path("keras_published.h5"));
  std::vector<std::string> names;
  for (const auto& [name, tensor] : state) names.push_back(name);
  EXPECT_THAT(names, ElementsAre("conv1/conv1_W", "conv1/conv1_b", "fc1000/kernel", "fc1000/bias"));
  EXPECT_THAT(state.at("conv1/conv1_W").to_vector<float>(), ElementsAre(9, 10));
  EXPECT_THAT(state.at("fc1000/bias").to_vector<float>(), ElementsAre(19, 20));
}

TEST_F(KerasFile, RefusesTheLayoutOfKeras3ByWhatIsMissing) {
  EXPECT_THAT(load_error(golden_path("keras_3.weights.h5")),
              EndsWith("the file: expected an attribute 'layer_names' (of Keras 1 or 2), got none"));
}

TEST_F(KerasFile, RefusesWhatIsNoHdf5File) {
  EXPECT_THAT(load_error(golden_path("torch_saved.pt")),
              EndsWith("expected an HDF5 file, got another or a damaged one"));
  EXPECT_THAT(load_error("/no/such/file"), HasSubstr("expected a readable file"));
}

TEST_F(KerasFile, RefusesSizesThatNoMemoryHoldsEvenBesideAZero) {
  const TemporaryDirectory directory;
  std::string file = read_text(golden_path("keras_weights.h5"));
  const std::int64_t kernel[] = {3, 3, 3, 2}, huge[] = {1LL << 40, 1LL << 20, 0, 2};
  const auto text = [](const auto& sizes) {
    return std::string_view(reinterpret_cast<const char*>(sizes), sizeof sizes);
  };
  // Its sizes, and the most that they may become.
  for (int times = 0; times < 2; ++times) {
    const std::size_t at = file.find(text(kernel));
    ASSERT_NE(at, std::string::npos);
    file.replace(at, sizeof huge, text(huge));
  }
  write_text(directory / "a", file);
  EXPECT_THAT(
      load_error(directory / "a"),
      HasSubstr("weight 'conv1_conv/kernel': expected plain data of [1099511627776,1048576,0,2], got"));
}

TEST_F(KerasFile, EveryTruncationIsRefused) {
  const TemporaryDirectory directory;
  const std::string whole = read_text(golden_path("keras_weights.h5"));
  for (std::size_t size = 0; size < whole.size(); size += 397) {
    write_text(directory / "a", whole.substr(0, size));
    EXPECT_THAT(load_error(directory / "a"), HasSubstr("expected")) << size;
  }
}

}  // namespace
}  // namespace fornax::io
