#include "fornax/io/checkpoint_manager.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include "fornax/base/error.h"
#include "support/error_of.h"
#include "support/files.h"

namespace fornax::io {
namespace {

using namespace test;

using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;

Checkpoint at(std::int64_t step) {
  Checkpoint checkpoint;
  checkpoint.parts["model"].add("w", tensor<float>({1, 2, static_cast<float>(step)}));
  checkpoint.parts["optimizer"].add_int("step", step);
  checkpoint.metadata["options"] = "--lr 1";
  return checkpoint;
}

class CheckpointManagerTest : public testing::Test {
 protected:
  std::vector<std::string> files() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(directory_.path()))
      if (!entry.is_symlink()) names.push_back(entry.path().filename());
    std::ranges::sort(names);
    return names;
  }
  std::string link(const std::string& name) const {
    return std::filesystem::read_symlink(directory_ / (name + ".safetensors"));
  }
  /// Changes the last byte of a step's file.
  void corrupt(const std::string& name) const {
    std::string bytes = read_text(directory_ / name);
    bytes.back() = static_cast<char>(bytes.back() ^ 1);
    write_text(directory_ / name, bytes);
  }

  TemporaryDirectory directory_;
  CheckpointManager manager_{directory_.path(), {.keep_last = 2}};
};

TEST_F(CheckpointManagerTest, KeepsTheLastOnesAndTheBest) {
  const std::vector<double> scores = {0.5, 0.9, 0.9, 0.7, std::numeric_limits<double>::quiet_NaN()};
  for (std::int64_t step = 1; step <= 5; ++step)
    manager_.save(10 * step, at(10 * step), scores[static_cast<std::size_t>(step - 1)]);
  EXPECT_THAT(files(), ElementsAre("step-000000020.safetensors", "step-000000040.safetensors",
                                   "step-000000050.safetensors"));
  EXPECT_EQ(link("latest"), "step-000000050.safetensors");
  EXPECT_EQ(link("best"), "step-000000020.safetensors");
  EXPECT_EQ(manager_.load_best().step, 20);
}

TEST_F(CheckpointManagerTest, TheLatestComesBackAsItWasSaved) {
  EXPECT_TRUE(manager_.empty());
  const std::string path = manager_.save(7, at(7), 0.25);
  EXPECT_FALSE(manager_.empty());
  const FoundCheckpoint found = manager_.load_latest();
  EXPECT_EQ(found.step, 7);
  EXPECT_EQ(found.path, path);
  EXPECT_THAT(found.corrupt, IsEmpty());
  EXPECT_EQ(found.checkpoint.part("optimizer").int_at("step"), 7);
  EXPECT_EQ(found.checkpoint.metadata, (Metadata{{"options", "--lr 1"}}));
}

TEST_F(CheckpointManagerTest, ACorruptCheckpointIsNamedAndTheOneBeforeItTaken) {
  manager_.save(1, at(1));
  manager_.save(2, at(2));
  corrupt("step-000000002.safetensors");
  const FoundCheckpoint found = manager_.load_latest();
  EXPECT_EQ(found.step, 1);
  EXPECT_THAT(found.corrupt,
              ElementsAre(HasSubstr("step-000000002.safetensors] expected bytes of checksum")));
  corrupt("step-000000001.safetensors");
  const std::string error = error_of<IoError>([&] { (void)manager_.load_latest(); });
  EXPECT_THAT(error, HasSubstr("expected a checkpoint that is whole, got none"));
  EXPECT_THAT(error, HasSubstr("step-000000001.safetensors]"));
  EXPECT_THAT(error, HasSubstr("step-000000002.safetensors]"));
}

TEST_F(CheckpointManagerTest, ARunThatGoesOnFromAnEarlierStepIsNotMistakenForTheOneItLeft) {
  manager_.save(10, at(10));
  manager_.save(20, at(20));
  manager_.save(15, at(15));
  EXPECT_EQ(manager_.load_latest().step, 15);
  EXPECT_THAT(files(), ElementsAre("step-000000010.safetensors", "step-000000015.safetensors",
                                   "step-000000020.safetensors"));
}

TEST_F(CheckpointManagerTest, StandsWithoutItsLinks) {
  manager_.save(10, at(10), 0.5);
  manager_.save(9, at(9));
  std::filesystem::remove(directory_ / "latest.safetensors");
  std::filesystem::remove(directory_ / "best.safetensors");
  EXPECT_EQ(manager_.load_latest().step, 10);
  EXPECT_THAT(error_of<IoError>([&] { (void)manager_.load_best(); }),
              EndsWith("best.safetensors] expected a link to a checkpoint, got none"));
}

TEST_F(CheckpointManagerTest, AnotherManagerGoesOnWithTheBestScore) {
  manager_.save(1, at(1), 0.9);
  CheckpointManager again(directory_.path());
  again.save(2, at(2), 0.8);
  EXPECT_EQ(link("best"), "step-000000001.safetensors");
  again.save(3, at(3), 0.95);
  EXPECT_EQ(link("best"), "step-000000003.safetensors");
}

TEST_F(CheckpointManagerTest, ThePreviousOnesSurviveAFullDisk) {
  manager_.save(1, at(1));
  manager_.save(2, at(2));
  {
    const DiskFullAfter full(100);
    EXPECT_THROW(manager_.save(3, at(3)), IoError);
  }
  EXPECT_EQ(manager_.load_latest().step, 2);
  EXPECT_EQ(files().size(), 2u);
}

TEST_F(CheckpointManagerTest, RemovesWhatAKilledSaveHasLeft) {
  write_text(directory_ / "step-000000001.safetensors.4711-0.tmp", "half");
  write_text(directory_ / "notes.tmp", "mine");
  manager_.save(2, at(2));
  EXPECT_THAT(files(), ElementsAre("notes.tmp", "step-000000002.safetensors"));
}

TEST_F(CheckpointManagerTest, SaysWhatIsWrong) {
  EXPECT_THAT(error_of<IoError>([&] { (void)manager_.load_latest(); }),
              EndsWith("] expected a checkpoint, got none"));
  EXPECT_EQ(error_of<ValueError>([&] { manager_.save(-1, at(0)); }),
            "[checkpoint_manager] expected a step of 0 or more, got -1");
  EXPECT_EQ(error_of<ValueError>([] { CheckpointManager("x", {.keep_last = 0}); }),
            "[checkpoint_manager] expected a keep_last of 1 or more, got 0");
  write_text(directory_ / "file", "");
  EXPECT_THAT(error_of<IoError>([&] { CheckpointManager(directory_ / "file").save(1, at(1)); }),
              HasSubstr("file] expected to create the directory, got:"));
}

}  // namespace
}  // namespace fornax::io
