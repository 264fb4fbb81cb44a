#include "base/file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <filesystem>
#include <span>
#include <string>
#include <utility>

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
  EXPECT_THAT(message, EndsWith("sparse] expected to read what fits in memory, got 1099511627776 bytes"));
}

std::string text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

TEST(FileWindow, GivesAnyBytesOfAFile) {
  const test::TemporaryDirectory directory;
  std::string content;
  for (int i = 0; i < 10'000; ++i) content += static_cast<char>(i * i >> 5);
  test::write_text(directory / "a", content);
  const InputFile file(directory / "a");
  FileWindow of_file(file), of_bytes(std::as_bytes(std::span(content)), directory / "a");
  for (FileWindow* const window : {&of_file, &of_bytes}) {
    EXPECT_EQ(window->size(), 10'000u);
    EXPECT_EQ(window->path(), directory / "a");
    for (const auto& [offset, count] :
         {std::pair(0, 10), std::pair(4090, 20), std::pair(9000, 1000), std::pair(9990, 10),
          std::pair(5, 9990), std::pair(9999, 1), std::pair(8000, 0), std::pair(10'000, 0)})
      EXPECT_EQ(text(window->at(static_cast<std::uint64_t>(offset), static_cast<std::uint64_t>(count))),
                content.substr(static_cast<std::size_t>(offset), static_cast<std::size_t>(count)));
    const auto refusal = [&](std::uint64_t offset, std::uint64_t count) {
      return error_of<IoError>([&] { window->at(offset, count); });
    };
    constexpr std::uint64_t most = ~std::uint64_t{0};
    EXPECT_THAT(refusal(9990, 11),
                EndsWith("a] expected 11 bytes at offset 9990, got 10: the file is truncated"));
    EXPECT_THAT(refusal(10'001, 1),
                EndsWith("a] expected 1 bytes at offset 10001, got 0: the file is truncated"));
    EXPECT_THAT(refusal(1, most), EndsWith(" at offset 1, got 9999: the file is truncated"));
    EXPECT_THAT(refusal(most, most), EndsWith(", got 0: the file is truncated"));
  }
}

}  // namespace
}  // namespace fornax
