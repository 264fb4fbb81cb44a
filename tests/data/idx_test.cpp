#include "fornax/data/idx.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <string>

#include "fornax/base/error.h"
#include "support/error_of.h"
#include "support/files.h"

namespace fornax::data {
namespace {

using namespace test;

using testing::ElementsAre;

/// An IDX file of unsigned bytes.
std::string idx(std::initializer_list<unsigned> sizes, const std::string& values) {
  std::string file{'\0', '\0', '\x08', static_cast<char>(sizes.size())};
  for (const unsigned size : sizes)
    for (const int shift : {24, 16, 8, 0}) file += static_cast<char>(size >> shift);
  return file + values;
}

std::string gzip(const std::string& text) {
  z_stream stream{};
  deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY);
  std::string packed(deflateBound(&stream, text.size()) + 32, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

IdxArray parse(const std::string& file) { return parse_idx(std::as_bytes(std::span(file)), "f"); }

std::string refusal(const std::string& file) {
  return error_of<IoError>([&] { parse(file); });
}

TEST(Idx, ReadsSizesAndValuesPlainAndPacked) {
  const std::string file = idx({2, 3}, "abcdef");
  for (const std::string& form : {file, gzip(file)}) {
    const IdxArray array = parse(form);
    EXPECT_EQ(array.shape, (Shape{2, 3}));
    EXPECT_THAT(array.values, ElementsAre('a', 'b', 'c', 'd', 'e', 'f'));
  }
}

TEST(Idx, ReadsArraysLargerThanOneStepOfGrowth) {
  std::string values(5'000'000, '\0');
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<char>(i * i >> 7);
  const std::string file = idx({5000, 1000}, values);
  for (const std::string& form : {file, gzip(file)})
    EXPECT_TRUE(std::ranges::equal(parse(form).values, std::as_bytes(std::span(values)),
                                   [](std::uint8_t a, std::byte b) { return std::byte{a} == b; }));
}

TEST(Idx, ReadsEmptyArrays) {
  EXPECT_EQ(parse(idx({0, 28, 28}, "")).shape, (Shape{0, 28, 28}));
  EXPECT_TRUE(parse(idx({0}, "")).values.empty());
}

TEST(Idx, RefusesOtherFilesTypesAndRanks) {
  EXPECT_EQ(refusal("PK\x08\x01"), "[f] expected an IDX file, which begins with 0000, got 504b");
  EXPECT_EQ(refusal(std::string("\0\0\x0d\x01\0\0\0\0", 8)),
            "[f] expected an IDX file of unsigned bytes, got floats");
  EXPECT_EQ(refusal(std::string("\0\0\x77\x01\0\0\0\0", 8)),
            "[f] expected an IDX file of unsigned bytes, got type 0x77");
  EXPECT_EQ(refusal(idx({}, "")), "[f] expected an IDX file of 1 to 8 dimensions, got 0");
  EXPECT_EQ(refusal(std::string("\0\0\x08\xff", 4)),
            "[f] expected an IDX file of 1 to 8 dimensions, got 255");
}

TEST(Idx, RefusesTruncatedFiles) {
  const std::string file = idx({2, 3}, "abcdef");
  EXPECT_EQ(refusal(""), "[f] expected an IDX header, got the end: the file is truncated");
  EXPECT_EQ(refusal(file.substr(0, 9)), "[f] expected an IDX header, got the end: the file is truncated");
  EXPECT_EQ(refusal(file.substr(0, 15)),
            "[f] expected 6 values for sizes [2,3], got 3: the file is truncated");
  EXPECT_EQ(refusal(file + "g"), "[f] expected 6 values for sizes [2,3], got more");
}

TEST(Idx, HostileSizesAllocateNothing) {
  EXPECT_EQ(refusal(idx({0xffffffffu, 0x7fffffffu}, "abc")),
            "[f] expected 9223372030412324865 values for sizes [4294967295,2147483647], got 3: the file is "
            "truncated");
  EXPECT_EQ(refusal(idx({0xffffffffu, 0xffffffffu}, "abc")),
            "[f] expected less than 2^63 values, got sizes [4294967295,4294967295]");
  EXPECT_EQ(refusal(idx({0, 0xffffffffu, 0xffffffffu}, "")),
            "[f] expected less than 2^63 values, got sizes [0,4294967295,4294967295]");
}

TEST(Idx, UnpackingStopsAtTheDeclaredSize) {
  const std::string bomb =
      gzip(idx({3}, std::string(50'000'000, 'x')));  // NOLINT(bugprone-string-constructor)
  EXPECT_LT(bomb.size(), 100'000u);
  EXPECT_EQ(refusal(bomb), "[f] expected 3 values for sizes [3], got more");
}

TEST(Idx, RefusesCorruptGzip) {
  const std::string packed = gzip(idx({2, 3}, "abcdef"));
  for (std::size_t size = 2; size < packed.size(); ++size)
    EXPECT_EQ(refusal(packed.substr(0, size)),
              "[f] expected more gzip data, got its end: the file is truncated");
  EXPECT_EQ(refusal(packed + "!"), "[f] expected one gzip member, got 1 bytes after it");
  std::string wrong_checksum = packed;
  wrong_checksum[packed.size() - 8] ^= 1;
  EXPECT_EQ(refusal(wrong_checksum), "[f] expected valid gzip data, got: incorrect data check");
}

TEST(Idx, AMissingFileIsNamed) {
  const TemporaryDirectory directory;
  EXPECT_EQ(error_of<IoError>([&] { read_idx(directory / "none"); }),
            "[" + directory / "none" + "] expected a readable file, got: No such file or directory");
}

}  // namespace
}  // namespace fornax::data
