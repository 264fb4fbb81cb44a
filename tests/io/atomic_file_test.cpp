#include "fornax/io/atomic_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "fornax/base/error.h"
#include "support/error_of.h"
#include "support/files.h"

namespace fornax::io {
namespace {

using namespace test;

namespace fs = std::filesystem;
using testing::EndsWith;
using testing::HasSubstr;

TEST(AtomicFile, ReplacesAFileOnlyWhenCommitted) {
  const TemporaryDirectory directory;
  const std::string path = directory / "a.txt";
  write_text(path, "before");
  AtomicFile file(path);
  file.write("after");
  EXPECT_EQ(read_text(path), "before");
  file.commit();
  EXPECT_EQ(read_text(path), "after");
  EXPECT_EQ(files_in(directory), 1u);
}

TEST(AtomicFile, LeavesNothingBehindWhenNotCommitted) {
  const TemporaryDirectory directory;
  { AtomicFile(directory / "a.txt").write("text"); }
  EXPECT_EQ(files_in(directory), 0u);
}

TEST(AtomicFile, AFullDiskKeepsThePreviousFileAndRemovesTheTemporary) {
  const TemporaryDirectory directory;
  const std::string path = directory / "a.txt";
  write_text(path, "before");
  EXPECT_EQ(error_of<IoError>([&] {
              const DiskFullAfter full(1000);
              AtomicFile file(path);
              file.write(std::string(4000, 'x'));
            }),
            "[" + path + "] expected to write the file, got: File too large");
  EXPECT_EQ(read_text(path), "before");
  EXPECT_EQ(files_in(directory), 1u);
}

TEST(AtomicFile, AMissingDirectoryIsNamed) {
  const TemporaryDirectory directory;
  try {
    const AtomicFile file(directory / "no/such/a.txt");
    FAIL();
  } catch (const IoError& e) {
    EXPECT_THAT(e.what(), HasSubstr("no/such/a.txt] expected to create the file"));
    EXPECT_THAT(e.what(), EndsWith("No such file or directory"));
  }
}

TEST(AtomicFile, APathThatIsADirectoryFailsAtCommitAndCleansUp) {
  const TemporaryDirectory directory;
  fs::create_directory(directory / "taken");
  {
    AtomicFile file(directory / "taken");
    file.write("text");
    EXPECT_THROW(file.commit(), IoError);
  }
  EXPECT_EQ(files_in(directory), 1u);
}

TEST(AtomicFile, TwoWritersOfOneFileDoNotDisturbEachOther) {
  const TemporaryDirectory directory;
  const std::string path = directory / "a.txt";
  AtomicFile first(path), second(path);
  first.write("first");
  second.write("second");
  second.commit();
  first.commit();
  EXPECT_EQ(read_text(path), "first");
  EXPECT_EQ(files_in(directory), 1u);
}

}  // namespace
}  // namespace fornax::io
