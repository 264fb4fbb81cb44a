#include "fornax/io/checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fornax/base/error.h"
#include "support/error_of.h"
#include "support/files.h"

namespace fornax::io {
namespace {

using namespace test;

using testing::ElementsAre;
using testing::EndsWith;

Checkpoint sample(std::int64_t step) {
  Checkpoint checkpoint;
  checkpoint.parts["model"].add("conv1.weight", tensor<float>({1, 2, 3}));
  checkpoint.parts["optimizer"].add_int("step", step);
  checkpoint.parts["schedule"];  // without state
  checkpoint.metadata["model"] = "resnet50";
  return checkpoint;
}

TEST(Checkpoint, EveryPartComesBack) {
  const TemporaryDirectory directory;
  save_checkpoint(directory / "last", sample(12));
  const Checkpoint loaded = load_checkpoint(directory / "last");
  EXPECT_EQ(loaded.parts.size(), 3u);
  EXPECT_THAT(loaded.part("model").at("conv1.weight").to_vector<float>(), ElementsAre(1, 2, 3));
  EXPECT_EQ(loaded.part("optimizer").int_at("step"), 12);
  EXPECT_TRUE(loaded.part("schedule").empty());
  EXPECT_EQ(loaded.metadata, (Metadata{{"model", "resnet50"}}));
}

TEST(Checkpoint, ThePreviousOneSurvivesAFullDisk) {
  const TemporaryDirectory directory;
  const std::string path = directory / "last";
  save_checkpoint(path, sample(1));
  Checkpoint large = sample(2);
  large.parts["model"].add("fc.bias", empty({1000}));
  {
    const DiskFullAfter full(2000);
    EXPECT_THROW(save_checkpoint(path, large), IoError);
  }
  EXPECT_EQ(load_checkpoint(path).part("optimizer").int_at("step"), 1);
  EXPECT_EQ(files_in(directory), 1u);
}

TEST(Checkpoint, IsRefusedIfAnyOfItsBytesHasChanged) {
  const TemporaryDirectory directory;
  const std::string path = directory / "last";
  save_checkpoint(path, sample(12));
  const std::string whole = read_text(path);
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string changed = whole;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    write_text(path, changed);
    EXPECT_THROW(load_checkpoint(path), IoError) << "byte " << at;
  }
  std::string changed = whole;
  changed.back() = static_cast<char>(changed.back() ^ 1);  // of the data
  write_text(path, changed);
  EXPECT_THAT(error_of<IoError>([&] { load_checkpoint(path); }),
              testing::ContainsRegex("last. expected bytes of checksum '[0-9a-f]{8}', got [0-9a-f]{8}$"));
}

TEST(Checkpoint, RefusesOtherFilesAndOtherVersions) {
  const TemporaryDirectory directory;
  const auto refusal = [&](const Metadata& metadata) -> std::string {
    save_safetensors(directory / "a", {}, metadata);
    return error_of<IoError>([&] { load_checkpoint(directory / "a"); });
  };
  EXPECT_THAT(refusal({}), EndsWith("a] expected a checkpoint of version 2, got another safetensors file"));
  EXPECT_THAT(refusal({{"fornax_checkpoint", "9"}}),
              EndsWith("a] expected a checkpoint of version 2, got version 9"));
  EXPECT_THAT(refusal({{"fornax_checkpoint", "2"}}),
              EndsWith("a] expected a checksum 'fornax_crc32', got none"));
}

TEST(Checkpoint, NamesTheMissingPart) {
  EXPECT_EQ(error_of<ValueError>([&] { (void)sample(1).part("random"); }),
            "[checkpoint] expected a part 'random', got 'model', 'optimizer', 'schedule'");
}

TEST(Checkpoint, PartsNamesMayNotHoldTheSeparator) {
  Checkpoint checkpoint;
  checkpoint.parts["a.b"];
  EXPECT_EQ(error_of<ValueError>([&] { save_checkpoint("/tmp/never-written", checkpoint); }),
            "[save_checkpoint] expected parts' names without '.', got 'a.b'");
}

}  // namespace
}  // namespace fornax::io
