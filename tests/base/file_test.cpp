#include "base/file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <filesystem>

#include "support/error_of.h"
#include "support/files.h"

namespace fornax {
namespace {

using test::error_of;
using testing::EndsWith;

TEST(ReadFile, GivesAllBytes) {
  const test::TemporaryDirectory directory;
  test::write_text(directory / "a", "xy");
  EXPECT_THAT(read_file(directory / "a"), testing::ElementsAre(std::byte{'x'}, std::byte{'y'}));
}

TEST(ReadFile, RefusesWhatIsNoRegularFileWithoutWaiting) {
  const test::TemporaryDirectory directory;
  ASSERT_EQ(::mkfifo((directory / "pipe").c_str(), 0600), 0);
  EXPECT_THAT(error_of<IoError>([&] { read_file(directory / "pipe"); }),
              EndsWith("pipe] expected a regular file, got something else"));
  EXPECT_THAT(error_of<IoError>([&] { read_file(directory.path()); }),
              EndsWith("] expected a regular file, got a directory"));
  EXPECT_THAT(error_of<IoError>([&] { read_file(directory / "none"); }),
              EndsWith("none] expected a readable file, got: No such file or directory"));
}

TEST(ReadFile, SaysThatAFileDoesNotFitInMemory) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer ends the program where memory is short";
#endif
  const test::TemporaryDirectory directory;
  test::write_text(directory / "sparse", "");
  std::filesystem::resize_file(directory / "sparse", std::uintmax_t{1} << 40);
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_AS, &before), 0);
  const rlimit limit{rlim_t{1} << 36, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_AS, &limit), 0);
  const std::string message = error_of<IoError>([&] { read_file(directory / "sparse"); });
  setrlimit(RLIMIT_AS, &before);
  EXPECT_THAT(message, EndsWith("sparse] expected a file that fits in memory, got 1099511627776 bytes"));
}

}  // namespace
}  // namespace fornax
