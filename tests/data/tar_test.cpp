#include "data/tar.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <vector>

#include "support/error_of.h"
#include "support/files.h"
#include "support/tar_files.h"

namespace fornax::data {
namespace {

using namespace test;
using testing::ElementsAre;

std::vector<TarMember> members(FileWindow& archive) {
  TarReader reader(archive);
  std::vector<TarMember> all;
  while (auto member = reader.next()) all.push_back(*member);
  return all;
}

/// "name=content" of each regular file.
std::vector<std::string> read(const std::string& archive) {
  FileWindow window(std::as_bytes(std::span(archive)), "a.tar");
  std::vector<std::string> all;
  for (const TarMember& member : members(window))
    all.push_back(member.name + "=" + archive.substr(member.offset, member.size));
  return all;
}
std::string refusal(const std::string& archive) {
  return error_of<IoError>([&] { read(archive); });
}

/// A pax header of one record, whose length counts itself.
std::string pax(const std::string& keyword_and_value) {
  std::size_t length = keyword_and_value.size() + 3;
  while (std::to_string(length).size() + keyword_and_value.size() + 2 != length) ++length;
  return tar_member("pax", std::to_string(length) + " " + keyword_and_value + "\n", 'x');
}

TEST(TarReader, ListsRegularFilesAlone) {
  const std::string archive = tar_header("d/", octal(0), '5') + tar_member("d/a", "") +
                              tar_header("link", octal(700), '1') + tar_member("b", std::string(513, 'b')) +
                              tar_header("symlink", octal(0), '2') + tar_member("volume", "unknown", 'V') +
                              tar_member("old", "1", '\0') + tar_member("contiguous", "2", '7') + tar_end();
  EXPECT_THAT(read(archive), ElementsAre("d/a=", "b=" + std::string(513, 'b'), "old=1", "contiguous=2"));
}

TEST(TarReader, EndsAtTheFirstEmptyBlock) {
  EXPECT_THAT(read(tar_end()), ElementsAre());
  EXPECT_THAT(read(tar_member("a", "1") + std::string(512, '\0')), ElementsAre("a=1"));
  EXPECT_THAT(read(tar_member("a", "1") + tar_end() + tar_member("b", "2")), ElementsAre("a=1"));
}

TEST(TarReader, ReadsLongNames) {
  const std::string longest(300, 'n'), full(100, 'f');
  EXPECT_THAT(
      read(tar_member("././@LongLink", longest + '\0', 'L') + tar_member("n", "1") + tar_member(full, "2") +
           pax("path=pax/" + longest) + tar_member("n", "3") +
           tar_header("name", octal(0), '0', std::string(155, 'p')) + tar_end()),
      ElementsAre(longest + "=1", full + "=2", "pax/" + longest + "=3", std::string(155, 'p') + "/name="));
}

TEST(TarReader, WhatAnExtendedHeaderSaysIsOfTheNextMemberAlone) {
  EXPECT_THAT(read(pax("path=long") + tar_header("link", octal(0), '2') + tar_member("a", "1") +
                   pax("path=long") + tar_member("././@LongLink", "target", 'K') + tar_member("b", "2") +
                   tar_member("global", "11 path=g\n", 'g') + tar_member("c", "3") + tar_end()),
              ElementsAre("a=1", "long=2", "c=3"));
}

TEST(TarReader, ReadsSizesInAllTheirForms) {
  EXPECT_THAT(read(tar_header("octal", "   1 ") + padded("1") + tar_header("full", "000000000001") +
                   padded("2") + tar_header("binary", base256(1)) + padded("3") + pax("size=1") +
                   tar_header("pax", octal(0)) + padded("4") + tar_end()),
              ElementsAre("octal=1", "full=2", "binary=3", "pax=4"));
}

TEST(TarReader, LeavesContentsAlone) {
  const TemporaryDirectory directory;
  constexpr std::uint64_t size = std::uint64_t{1} << 38;  // which nobody has time to read
  write_text(directory / "a.tar", tar_header("large", base256(size)));
  std::filesystem::resize_file(directory / "a.tar", 512 + size);
  std::ofstream(directory / "a.tar", std::ios::binary | std::ios::app)
      << tar_member("last", "1") << tar_end();
  const InputFile file(directory / "a.tar");
  FileWindow window(file);
  const std::vector<TarMember> all = members(window);
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].size, size);
  EXPECT_EQ(all[1].offset, 512 + size + 512);
}

TEST(TarReader, RefusesATruncatedArchive) {
  const std::string member = tar_member("a", std::string(600, 'a'));
  EXPECT_EQ(refusal(""), "[a.tar] expected 512 bytes at offset 0, got 0: the file is truncated");
  EXPECT_EQ(refusal(member), "[a.tar] expected 512 bytes at offset 1536, got 0: the file is truncated");
  EXPECT_EQ(refusal(member + "abc"),
            "[a.tar] expected 512 bytes at offset 1536, got 3: the file is truncated");
  EXPECT_EQ(refusal(member.substr(0, 1200)),
            "[a.tar] expected 512 bytes at offset 1536, got 0: the file is truncated");
}

TEST(TarReader, RefusesAMemberBeyondTheEnd) {
  const auto refusal_of_size = [](const std::string& size) {
    return refusal(tar_header("a", size) + padded("1") + tar_end());
  };
  const std::string expected =
      "[a.tar] expected a tar header with a size of up to 1536, what is left of the file, at offset 0, got ";
  EXPECT_EQ(refusal_of_size(octal(1537)), expected + "1537");
  EXPECT_EQ(refusal_of_size("777777777777"), expected + "68719476735");
  EXPECT_EQ(refusal_of_size(base256(~std::uint64_t{0})), expected + "18446744073709551615");
  EXPECT_EQ(
      refusal(pax("size=1000000000000") + tar_member("a", "1")),
      "[a.tar] expected a tar header with a size of up to 512, what is left of the file, at offset 1024, "
      "got 1000000000000");
}

TEST(TarReader, RefusesNumbersThatAreNone) {
  const std::string expected = "[a.tar] expected a tar header with a size ";
  for (const char* const size : {"9", "1x", "-1", "", "    "})
    EXPECT_EQ(refusal(tar_header("a", size)), expected + "of octal digits at offset 0, got others") << size;
  EXPECT_EQ(refusal(tar_header("a", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff")),
            expected + "of octal digits at offset 0, got others");
  EXPECT_EQ(refusal(tar_header("a", "\x80\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01")),
            expected + "below 2^64 at offset 0, got more");
}

TEST(TarReader, RefusesWhatIsNoHeader) {
  std::string header = tar_header("a", octal(0));
  header[0] = 'b';
  EXPECT_THAT(refusal(header), testing::MatchesRegex("\\[a.tar\\] expected a tar header with a checksum of "
                                                     "[0-9]+ at offset 0, got [0-9]+"));
  EXPECT_EQ(refusal(std::string(512, '\x1f')),
            "[a.tar] expected a tar header with a checksum of octal digits at offset 0, got others");
}

TEST(TarReader, RefusesPaxRecordsThatAreNone) {
  for (const char* const records : {"path=a\n", "11 path=a\n", "8 path=a\n", "10 path=a", "10 path=ab\n",
                                    "10_path=a\n", "0 path=a\n", "1 \n", "99999999999999999999 path=a\n",
                                    "8 patha\n", "11 size=-1\n", "11 size=1x\n", "8 size=\n", "4"})
    EXPECT_EQ(refusal(tar_member("pax", records, 'x') + tar_end()),
              "[a.tar] expected a tar header with pax records of \"<length> <keyword>=<value>\" at offset 0, "
              "got others")
        << records;
}

TEST(TarReader, RefusesExtensionsLargerThanAnyName) {
  for (const char type : {'L', 'x'})
    EXPECT_EQ(
        refusal(tar_member("a", std::string((1 << 20) + 1, 'a'), type)),
        "[a.tar] expected a tar header with an extension of up to 1048576 bytes at offset 0, got 1048577");
}

TEST(TarReader, RefusesSparseFiles) {
  const std::string expected =
      "[a.tar] expected a tar header with files without holes at offset 0, got a sparse one";
  EXPECT_EQ(refusal(tar_member("a", "1", 'S')), expected);
  EXPECT_EQ(refusal(pax("GNU.sparse.major=1") + tar_member("a", "1")), expected);
}

}  // namespace
}  // namespace fornax::data
