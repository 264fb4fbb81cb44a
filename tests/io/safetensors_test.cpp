#include "fornax/io/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "fornax/base/error.h"
#include "support/error_of.h"
#include "support/files.h"

namespace fornax::io {
namespace {

using namespace test;

using testing::ElementsAre;
using testing::EndsWith;

/// One tensor of each dtype, with shapes from rank 0 up to empty.
State sample_state() {
  State state;
  state.add("f64", tensor<double>({1.5, -2.5}));
  state.add("f32", tensor<float>({1, 2, 3, 4, 5, 6}, {2, 3}));
  state.add("f16", tensor<Half>({Half(0.5f)}));
  state.add("bf16", tensor<BFloat16>({BFloat16(3.f), BFloat16(-4.f)}, {2, 1}));
  state.add("i64", tensor<std::int64_t>({-1}, {}));
  state.add("i32", tensor<std::int32_t>({7, 8}));
  state.add("u8", tensor<std::uint8_t>({255}));
  state.add("bool", tensor<bool>({true, false, true}));
  state.add("empty", empty({0, 3}));
  return state;
}

std::string load_error(const std::string& path) {
  return error_of<IoError>([&] { load_safetensors(path); });
}

TEST(Safetensors, EveryDtypeComesBackBitForBit) {
  const TemporaryDirectory directory;
  const State saved = sample_state();
  save_safetensors(directory / "a.safetensors", saved, {{"epoch", "3"}});
  const Safetensors loaded = load_safetensors(directory / "a.safetensors");
  EXPECT_EQ(loaded.metadata, (Metadata{{"epoch", "3"}}));
  ASSERT_EQ(loaded.tensors.size(), saved.size());
  for (const auto& [name, tensor] : saved) {
    const TensorView expected = tensor, got = loaded.tensors.at(name);
    EXPECT_EQ(got.dtype, expected.dtype) << name;
    EXPECT_EQ(got.shape, expected.shape) << name;
    const auto bytes = static_cast<std::size_t>(expected.numel()) * size_of(expected.dtype);
    EXPECT_EQ(std::memcmp(got.data, expected.data, bytes), 0) << name;
  }
}

TEST(Safetensors, TheSameContentGivesTheSameBytes) {
  const TemporaryDirectory directory;
  save_safetensors(directory / "a", sample_state(), {{"b", "1"}, {"a", "2"}});
  save_safetensors(directory / "b", sample_state(), {{"a", "2"}, {"b", "1"}});
  EXPECT_EQ(read_text(directory / "a"), read_text(directory / "b"));
}

TEST(Safetensors, ViewsAreWrittenInTheOrderOfTheirLogicalShape) {
  const TemporaryDirectory directory;
  const Tensor matrix = tensor<float>({1, 2, 3, 4, 5, 6}, {2, 3});
  State state;
  state.add("columns", matrix.transpose(0, 1));
  state.add("row", matrix.select(0, 1));
  state.add("images", tensor<float>({1, 2, 3, 4}, {1, 2, 1, 2}).to(MemoryFormat::channels_last));
  save_safetensors(directory / "a", state);
  const State loaded = load_safetensors(directory / "a").tensors;
  EXPECT_EQ(loaded.at("columns").shape(), (Shape{3, 2}));
  EXPECT_THAT(loaded.at("columns").to_vector<float>(), ElementsAre(1, 4, 2, 5, 3, 6));
  EXPECT_THAT(loaded.at("row").to_vector<float>(), ElementsAre(4, 5, 6));
  EXPECT_THAT(loaded.at("images").to_vector<float>(), ElementsAre(1, 2, 3, 4));
}

TEST(Safetensors, SavingRecordsNoHistory) {
  const TemporaryDirectory directory;
  State state;
  state.add("w", tensor<float>({1, 2}).set_requires_grad());
  save_safetensors(directory / "a", state);
  EXPECT_FALSE(load_safetensors(directory / "a").tensors.at("w").requires_grad());
}

TEST(Safetensors, EveryTruncationIsRefused) {
  const TemporaryDirectory directory;
  const std::string path = directory / "a";
  save_safetensors(path, sample_state());
  const std::string whole = read_text(path);
  for (std::size_t size = 0; size < whole.size(); size += 7) {
    write_text(path, whole.substr(0, size));
    EXPECT_NE(load_error(path), "no error") << size;
  }
  write_text(path, whole + "x");
  EXPECT_THAT(load_error(path), testing::HasSubstr("bytes of data, as the tensors need, got"));
}

TEST(Safetensors, BooleansOtherThanZeroAndOneAreRefused) {
  const TemporaryDirectory directory;
  State state;
  state.add("flags", tensor<bool>({true, false}));
  save_safetensors(directory / "a", state);
  std::string file = read_text(directory / "a");
  file.back() = '\x02';
  write_text(directory / "a", file);
  EXPECT_THAT(load_error(directory / "a"), EndsWith("a] tensor 'flags': expected booleans of 0 or 1, got 2"));
}

TEST(Safetensors, AFileThatCannotBeReadIsNamed) {
  EXPECT_EQ(load_error("/no/such/file"),
            "[/no/such/file] expected a readable file, got: No such file or directory");
  EXPECT_EQ(load_error("/tmp"), "[/tmp] expected a regular file, got a directory");
  EXPECT_EQ(load_error("/dev/zero"), "[/dev/zero] expected a regular file, got something else");
}

}  // namespace
}  // namespace fornax::io
