#include "fornax/train/run_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "fornax/base/error.h"
#include "support/error_of.h"
#include "support/files.h"

namespace fornax::train {
namespace {

using namespace test;

TEST(RunDirectory, IsNewEachTime) {
  const TemporaryDirectory directory;
  const std::string root = directory / "deep/runs";
  std::set<std::string> made;
  for (int i = 0; i < 5; ++i) {
    const std::string path = make_run_directory(root, "mnist");
    EXPECT_TRUE(std::filesystem::is_directory(path));
    EXPECT_THAT(path, testing::MatchesRegex(root + "/mnist-[0-9]+-[0-9]+(-[0-9]+)?"));
    made.insert(path);
  }
  EXPECT_EQ(made.size(), 5u);
}

TEST(RunDirectory, NeedsANameOfOneComponent) {
  for (const char* name : {"", "..", "a/b"})
    EXPECT_THROW(make_run_directory("/tmp", name), ValueError) << name;
}

TEST(RunDirectory, SaysWhatStandsInTheWay) {
  const TemporaryDirectory directory;
  write_text(directory / "file", "");
  EXPECT_EQ(
      error_of<IoError>([&] { make_run_directory(directory / "file", "mnist"); }),
      "[" + directory / "file" + "] expected to create a directory for run 'mnist', got: Not a directory");
}

}  // namespace
}  // namespace fornax::train
