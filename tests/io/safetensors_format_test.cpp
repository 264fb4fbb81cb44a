#include "io/safetensors_format.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "fornax/base/error.h"
#include "support/error_of.h"

namespace fornax::io::safetensors {
namespace {

std::span<const std::byte> bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

Header parse(std::string_view json, std::uint64_t data_size) {
  return parse_header(bytes(json), data_size, "f");
}

/// The message with which `json` is refused.
std::string refusal(std::string_view json, std::uint64_t data_size = 4) {
  return test::error_of<IoError>([&] { parse(json, data_size); });
}

TEST(SafetensorsFormat, ReadsNamesTypesShapesOffsetsAndMetadata) {
  const Header header = parse(
      R"({"b":{"dtype":"F32","shape":[2,3],"data_offsets":[4,28]},"__metadata__":{"epoch":"3"},)"
      R"("a":{"data_offsets":[0,4],"shape":[],"dtype":"I32"},"empty":{"dtype":"BF16","shape":[0,7],"data_offsets":[28,28]}}   )",
      28);
  ASSERT_EQ(header.entries.size(), 3u);
  EXPECT_EQ(header.entries[0].name, "a");
  EXPECT_EQ(header.entries[0].dtype, i32);
  EXPECT_EQ(header.entries[0].shape, Shape{});
  EXPECT_EQ(header.entries[1].name, "b");
  EXPECT_EQ(header.entries[1].shape, (Shape{2, 3}));
  EXPECT_EQ(header.entries[1].begin, 4u);
  EXPECT_EQ(header.entries[1].end, 28u);
  EXPECT_EQ(header.entries[2].shape, (Shape{0, 7}));
  EXPECT_EQ(header.metadata.at("epoch"), "3");
}

TEST(SafetensorsFormat, WritesWhatTheReferenceImplementationWrites) {
  Header header;
  header.entries = {{.name = "z", .dtype = f32, .shape = {2, 2}},
                    {.name = "flag", .dtype = boolean, .shape = {3}},
                    {.name = "a\"b", .dtype = f32, .shape = {}},
                    {.name = "n", .dtype = i64, .shape = {1}}};
  header.metadata = {{"format", "pt"}};
  const std::string text = layout(header, "f");
  const std::string json =
      R"({"__metadata__":{"format":"pt"},"n":{"dtype":"I64","shape":[1],"data_offsets":[0,8]},)"
      R"("a\"b":{"dtype":"F32","shape":[],"data_offsets":[8,12]},"z":{"dtype":"F32","shape":[2,2],"data_offsets":[12,28]},)"
      R"("flag":{"dtype":"BOOL","shape":[3],"data_offsets":[28,31]}})";
  EXPECT_EQ(text.substr(8, json.size()), json);
  EXPECT_EQ(text.size() % 8, 0u);
  EXPECT_EQ(header_size(bytes(text), text.size() + 31, "f"), text.size() - 8);
  EXPECT_EQ(parse(text.substr(8), 31).entries.size(), 4u);
}

TEST(SafetensorsFormat, AFileWithoutTensorsIsValid) {
  EXPECT_TRUE(parse("{}", 0).entries.empty());
  Header header;
  EXPECT_EQ(layout(header, "f"), std::string("\x08\0\0\0\0\0\0\0{}      ", 16));
}

TEST(SafetensorsFormat, HeaderLengthIsHeldAgainstTheFileAndTheLimit) {
  const auto size_error = [](std::string_view prefix, std::uint64_t file_size) -> std::string {
    try {
      return std::to_string(header_size(bytes(prefix), file_size, "f"));
    } catch (const IoError& e) {
      return e.what();
    }
  };
  const std::string_view ten("\x0a\0\0\0\0\0\0\0", 8), huge("\xff\xff\xff\xff\xff\xff\xff\xff", 8);
  EXPECT_EQ(size_error(ten, 18), "10");
  EXPECT_EQ(size_error(ten, 17),
            "[f] expected a header of at most 9 bytes, got a length of 10: the file is truncated or not "
            "safetensors");
  EXPECT_EQ(
      size_error(huge, 1'000'000'000),
      "[f] expected a header of at most 100000000 bytes, got a length of 18446744073709551615: the file is "
      "truncated or not safetensors");
  EXPECT_EQ(size_error(ten.substr(0, 5), 5), "[f] expected a safetensors file of at least 8 bytes, got 5");
}

TEST(SafetensorsFormat, RefusesWhatIsNotTheExpectedJson) {
  EXPECT_EQ(refusal(""),
            "[f] expected a header that begins with '{', got something else: the file is not safetensors");
  EXPECT_EQ(refusal("[]"),
            "[f] expected a header that begins with '{', got something else: the file is not safetensors");
  EXPECT_EQ(refusal("{\"a\":"), "[f] expected a header of valid JSON, got an error at byte 6 of it");
  EXPECT_EQ(refusal("{}{}"), "[f] expected a header of valid JSON, got an error at byte 3 of it");
  EXPECT_EQ(refusal(std::string_view("{}\0{", 4)),
            "[f] expected a header of valid JSON, got a zero byte in it");
  EXPECT_EQ(refusal("{\"\xff\":1}"), "[f] expected a header of valid JSON, got an error at byte 3 of it");
  EXPECT_EQ(refusal(R"({"a":7})"), "[f] tensor 'a': expected an object, got the number 7");
  EXPECT_EQ(refusal(R"({"__metadata__":{"epoch":3}})"),
            "[f] __metadata__: expected a text, got the number 3");
  EXPECT_EQ(refusal(R"({"a":{"dtype":null}})"), "[f] tensor 'a': expected a dtype's name, got null");
  EXPECT_EQ(refusal(R"({"a":{"dtype":"F32","shape":[1.5]}})"),
            "[f] tensor 'a': expected a size, got the number 1.5");
  EXPECT_EQ(refusal(R"({"a":{"dtype":"F32","shape":[-1]}})"),
            "[f] tensor 'a': expected a size, got the number -1");
  EXPECT_EQ(refusal(R"({"a":{"strides":[1]}})"),
            "[f] tensor 'a': expected the keys dtype, shape and data_offsets, got 'strides'");
}

TEST(SafetensorsFormat, DeepJsonIsRefusedAtTheFirstLevelThatDoesNotBelong) {
  const std::string deep(1'000'000, '[');
  EXPECT_EQ(refusal(R"({"a":{"dtype":"F32","shape":)" + deep),
            "[f] tensor 'a': expected a size, got an array");
  std::string objects;
  for (int i = 0; i < 100'000; ++i) objects += R"({"a":)";
  EXPECT_EQ(refusal(objects), "[f] tensor 'a': expected the keys dtype, shape and data_offsets, got 'a'");
}

TEST(SafetensorsFormat, RefusesDuplicateKeysOnEveryLevel) {
  const std::string a = R"("a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]})";
  EXPECT_EQ(refusal("{" + a + "," + a + "}"), "[f] expected each key once, got 'a' twice");
  EXPECT_EQ(refusal(R"({"a":{"dtype":"F32","dtype":"F32"}})"),
            "[f] tensor 'a': expected each key once, got 'dtype' twice");
  EXPECT_EQ(refusal(R"({"__metadata__":{"k":"1","k":"2"}})"),
            "[f] __metadata__: expected each key once, got 'k' twice");
  EXPECT_EQ(refusal(R"({"__metadata__":{},"__metadata__":{}})"),
            "[f] expected each key once, got '__metadata__' twice");
}

TEST(SafetensorsFormat, NamesTheFieldThatIsMissing) {
  EXPECT_EQ(refusal(R"({"a":{"dtype":"F32","shape":[1]}})"),
            "[f] tensor 'a': expected a data_offsets, got none");
  EXPECT_EQ(refusal(R"({"a":{}})"), "[f] tensor 'a': expected a dtype, got none");
}

TEST(SafetensorsFormat, NamesAnUnknownDtype) {
  EXPECT_EQ(refusal(R"({"a":{"dtype":"F8_E4M3","shape":[1],"data_offsets":[0,4]}})"),
            "[f] tensor 'a': expected a dtype of F64, F32, F16, BF16, I64, I32, U8, BOOL, got 'F8_E4M3'");
}

TEST(SafetensorsFormat, RefusesShapesThatOverflowEvenBehindAZero) {
  const auto with_shape = [](std::string_view shape) {
    return R"({"a":{"dtype":"F32","data_offsets":[0,4],"shape":)" + std::string(shape) + "}}";
  };
  EXPECT_EQ(refusal(with_shape("[4611686018427387904,4]")),
            "[f] tensor 'a': expected a shape that fits in memory, got F32[4611686018427387904,4]");
  EXPECT_EQ(refusal(with_shape("[4611686018427387904,4,0]")),
            "[f] tensor 'a': expected a shape that fits in memory, got F32[4611686018427387904,4,0]");
  EXPECT_EQ(refusal(with_shape("[9223372036854775808]")),
            "[f] tensor 'a': expected a size below 2^63, got 9223372036854775808");
  EXPECT_EQ(refusal(with_shape("[1,1,1,1,1,1,1,1,1]")),
            "[f] tensor 'a': expected at most 8 dimensions, got more");
}

TEST(SafetensorsFormat, TensorsMustTileTheData) {
  const auto with_offsets = [](std::string_view a, std::string_view b) {
    return R"({"a":{"dtype":"F32","shape":[1],"data_offsets":)" + std::string(a) +
           R"(},"b":{"dtype":"F32","shape":[1],"data_offsets":)" + std::string(b) + "}}";
  };
  EXPECT_EQ(refusal(with_offsets("[0,4]", "[4,8]"), 8), "no error");
  EXPECT_EQ(refusal(with_offsets("[0,4]", "[2,6]"), 8),
            "[f] tensor 'b': expected data from offset 4 on, without overlap, got data_offsets [2,6]");
  EXPECT_EQ(refusal(with_offsets("[0,4]", "[0,4]"), 8),
            "[f] tensor 'b': expected data from offset 4 on, without overlap, got data_offsets [0,4]");
  EXPECT_EQ(refusal(with_offsets("[0,4]", "[5,9]"), 9),
            "[f] tensor 'b': expected data from offset 4 on, without holes, got data_offsets [5,9]");
  EXPECT_EQ(refusal(with_offsets("[0,4]", "[4,8]"), 7),
            "[f] tensor 'b': expected offsets that ascend within 7 bytes of data, got data_offsets [4,8]");
  EXPECT_EQ(refusal(with_offsets("[0,4]", "[4,8]"), 9),
            "[f] expected 8 bytes of data, as the tensors need, got 9");
  EXPECT_EQ(refusal(with_offsets("[0,4]", "[8,4]"), 8),
            "[f] tensor 'b': expected offsets that ascend within 8 bytes of data, got data_offsets [8,4]");
  EXPECT_EQ(refusal(with_offsets("[0,4]", "[4,10]"), 10),
            "[f] tensor 'b': expected 4 bytes for F32[1], got data_offsets [4,10]");
  EXPECT_EQ(refusal(with_offsets("[0,4]", "[4]"), 8), "[f] tensor 'b': expected 2 data_offsets, got 1");
  EXPECT_EQ(refusal(with_offsets("[0,4]", "[4,8,9]"), 8),
            "[f] tensor 'b': expected 2 data_offsets, got more");
}

TEST(SafetensorsFormat, HostileNamesAreCutAndEscapedInMessages) {
  EXPECT_EQ(refusal("{\"" + std::string(1000, 'n') + "\":7}"),
            "[f] tensor '" + std::string(80, 'n') + "...': expected an object, got the number 7");
  EXPECT_EQ(refusal(R"({"\u001b[2J":7})"), "[f] tensor '\\x1b[2J': expected an object, got the number 7");
}

TEST(SafetensorsFormat, WritingNeedsNamesInUtf8) {
  const auto write_error = [](const std::string& name) -> std::string {
    Header header;
    header.entries = {{.name = name, .dtype = u8, .shape = {}}};
    try {
      return layout(header, "f");
    } catch (const IoError& e) {
      return e.what();
    }
  };
  EXPECT_EQ(write_error("a\xff"), "[f] expected names and metadata in UTF-8, got 'a\xff'");
  EXPECT_EQ(write_error("__metadata__"), "[f] expected tensors' names other than '__metadata__', got it");
}

}  // namespace
}  // namespace fornax::io::safetensors
