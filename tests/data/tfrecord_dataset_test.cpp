#include "fornax/data/tfrecord_dataset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "data/protobuf.h"
#include "fornax/data/image_folder.h"
#include "support/all_indices.h"
#include "support/error_of.h"
#include "support/files.h"
#include "support/golden.h"
#include "support/image_files.h"
#include "train/event.h"

namespace fornax::data {
namespace {

using namespace test;
using testing::ElementsAre;
using testing::HasSubstr;
using train::Message;
using train::tfrecord;

/// An entry of the map of features.
Message entry(std::string_view name, const Message& feature) {
  return Message().add(1, Message().add(1, name).add(2, feature));
}
Message bytes(std::string_view value) { return Message().add(1, Message().add(1, value)); }
/// Of one label, or several, below 128.
Message labels(std::string_view values) { return Message().add(3, Message().add(1, values)); }
Message label(std::int64_t value) { return labels(std::string(1, static_cast<char>(value))); }
Message example(const std::vector<Message>& entries) {
  std::string features;
  for (const Message& each : entries) features += each.bytes();
  return Message().add(1, features);
}
Message slim(const std::string& image, std::int64_t class_label) {
  return example({entry("image/encoded", bytes(image)), entry("image/class/label", label(class_label))});
}
std::string record(const Message& message) { return tfrecord(message.bytes()); }

/// A set of one shard.
class OneShard {
 public:
  explicit OneShard(const std::string& content) { write_text(path(), content); }
  std::string path() const { return directory_ / "a.tfrecord"; }
  TFRecordDataset open(TFRecordOptions records = {}, bool skip_corrupt = false) const {
    return {{path()}, {.size = 24, .skip_corrupt = skip_corrupt}, std::move(records)};
  }
  /// The error of opening it, behind the path.
  std::string refusal(const TFRecordOptions& records = {}) const {
    const std::string error = error_of<IoError>([&] { open(records); }), start = "[" + path() + "] ";
    return error.starts_with(start) ? error.substr(start.size()) : error;
  }

 private:
  TemporaryDirectory directory_;
};
/// The error of opening a shard of one record.
std::string refusal(const Message& message, const TFRecordOptions& records = {}) {
  return OneShard(record(message)).refusal(records);
}

TEST(TFRecordDataset, GivesWhatAnImageFolderOfTheSameImagesGives) {
  const TemporaryDirectory directory;
  std::string first, second;
  for (int i = 0; i < 6; ++i) {
    const std::string folder = "files/" + std::to_string(i / 3);
    std::filesystem::create_directories(directory / folder);
    write_text(directory / (folder + "/" + std::to_string(i) + ".jpg"), small_jpeg(i));
    (i < 2 ? first : second) += record(slim(small_jpeg(i), i / 3));
  }
  const std::vector<std::string> paths{directory / "0", directory / "empty", directory / "1"};
  write_text(paths[0], first);
  write_text(paths[1], "");
  write_text(paths[2], second);
  for (const bool train : {false, true}) {
    const EncodedImageOptions options{.size = 24, .train = train};
    const TFRecordDataset set(paths, options);
    const ImageFolder files(directory / "files", options);
    ASSERT_EQ(set.size(), 6);
    EXPECT_THAT(set.shard_sizes(), ElementsAre(2, 0, 4));
    EXPECT_EQ(set.name(3), paths[2] + " record 1");
    const EpochRandom random{.seed = 3, .epoch = 1};
    const Batch got = set.get_batch(all_indices(set), random),
                expected = files.get_batch(all_indices(set), random);
    EXPECT_EQ(got.x.to_vector<float>(), expected.x.to_vector<float>());
    EXPECT_EQ(got.label.to_vector<std::int64_t>(), expected.label.to_vector<std::int64_t>());
  }
}

TEST(TFRecordDataset, ReadsWhatAnotherProgramWrites) {
  for (const auto& [file, offset] :
       {std::pair("shard_slim.tfrecord", -1), std::pair("shard_tfds.tfrecord", 0)}) {
    const TFRecordDataset set({golden_path(file)}, {.size = 8}, {.label_offset = offset});
    ASSERT_EQ(set.size(), 3) << file;
    const std::vector<Tensor> parts = set.get_parts(all_indices(set), {});
    EXPECT_THAT(parts[1].to_vector<std::int64_t>(), ElementsAre(7, 0, 999)) << file;
    for (std::int64_t i = 0; i < 3; ++i)
      EXPECT_THAT(parts[0].select(0, i).contiguous().to_vector<std::uint8_t>(), testing::Each(10 * i + 5))
          << file;
  }
}

TEST(TFRecordDataset, ReadsMessagesInAllTheirForms) {
  const Message image = entry("image", bytes(small_jpeg(0)));
  const auto label_of = [&](const Message& message) { return OneShard(record(message)).open().label(0); };
  // A number by itself, and a packed one of more than one byte.
  EXPECT_EQ(label_of(example({image, entry("label", Message().add(3, Message().add(1, std::int64_t{300})))})),
            300);
  EXPECT_EQ(label_of(example({image, entry("label", labels("\xac\x02"))})), 300);
  // A value before its key.
  EXPECT_EQ(label_of(example({image, Message().add(1, Message().add(2, label(5)).add(1, "label"))})), 5);
  // Features in two parts, of which the later one counts; fields that nobody knows.
  EXPECT_EQ(label_of(Message()
                         .add(9, 1.5)
                         .add(9, 1.5f)
                         .add(9, std::int64_t{1})
                         .add(1, entry("label", label(5)))
                         .add(1, Message(image).add(1, "\x18\x01").add(2, "unknown"))
                         .add(1, entry("label", label(6)))),
            6);
}

TEST(TFRecordDataset, TakesTheFirstFeatureOfItsNames) {
  const Message both =
      example({entry("label", label(1)), entry("image/class/label", label(2)), entry("label", label(3)),
               entry("image", bytes("")), entry("fine", label(4))});
  EXPECT_EQ(OneShard(record(both)).open().label(0), 2);
  EXPECT_EQ(OneShard(record(both)).open({.label = {"coarse", "fine"}}).label(0), 4);
  EXPECT_EQ(OneShard(record(both)).open({.label_offset = -2}).label(0), 0);
}

TEST(TFRecordDataset, RefusesRecordsWithoutOneImageAndOneLabel) {
  const std::string
      no_image = "expected one image as feature image/encoded or image of the record at offset 12, got ",
      no_label = "expected one label as feature image/class/label or label of the record at offset 12, got ";
  const Message image = entry("image", bytes("x")), one = entry("label", label(1));
  EXPECT_EQ(refusal(Message()), no_image + "none");
  EXPECT_EQ(refusal(example({one})), no_image + "none");
  EXPECT_EQ(refusal(example({one, entry("image", label(1))})), no_image + "none");
  EXPECT_EQ(refusal(example({one, entry("image", Message().add(1, Message().add(1, "a").add(1, "b")))})),
            no_image + "several");
  EXPECT_EQ(refusal(example({image})), no_label + "none");
  EXPECT_EQ(refusal(example({image, entry("label", bytes("1"))})), no_label + "none");
  EXPECT_EQ(refusal(example({image, entry("label", labels(""))})), no_label + "none");
  EXPECT_EQ(refusal(example({image, entry("label", labels("\1\2"))})), no_label + "several");
  EXPECT_EQ(refusal(example({image, one}), {.label_offset = -2}),
            "expected a label of 2 or more in the record at offset 12, got 1");
  EXPECT_EQ(refusal(example({image, entry("label", labels("\xff\xff\xff\xff\xff\xff\xff\xff\x7f"))}),
                    {.label_offset = 1}),
            "expected a label of -1 or more in the record at offset 12, got 9223372036854775807");
  EXPECT_EQ(OneShard("").refusal(), "expected images in 1 shards from this on, got none");
}

TEST(TFRecordDataset, RefusesATruncatedFile) {
  const std::string whole = record(slim("x", 1)), two = whole + whole;
  const auto refusal_of_first = [&](std::size_t size) { return OneShard(two.substr(0, size)).refusal(); };
  EXPECT_EQ(refusal_of_first(two.size()), "no error");
  for (std::size_t size = 1; size < two.size(); ++size)
    if (size != whole.size()) {
      EXPECT_THAT(refusal_of_first(size), HasSubstr("the file is truncated")) << size;
    }
  EXPECT_EQ(refusal_of_first(11), "expected 12 bytes at offset 0, got 11: the file is truncated");
  EXPECT_EQ(refusal_of_first(whole.size() + 20), "expected a record of " + std::to_string(whole.size() - 16) +
                                                     " bytes and its checksum at offset " +
                                                     std::to_string(whole.size() + 12) +
                                                     ", got 8 bytes: the file is truncated");
}

TEST(TFRecordDataset, RefusesLengthsBeyondTheFile) {
  for (const std::uint64_t length : {std::uint64_t{1}, std::uint64_t{1} << 40, ~std::uint64_t{0}}) {
    std::string header(8, '\0');
    for (std::size_t i = 0; i < 8; ++i) header[i] = static_cast<char>(length >> (8 * i));
    const std::string guarded = tfrecord(header);  // whose last bytes are the checksum of these
    EXPECT_EQ(OneShard(header + guarded.substr(guarded.size() - 4) + "1234").refusal(),
              "expected a record of " + std::to_string(length) +
                  " bytes and its checksum at offset 12, got 4 bytes: the file is truncated");
  }
}

TEST(TFRecordDataset, RefusesALengthThatIsNotTheOneThatWasWritten) {
  std::string file = record(slim("x", 1));
  file[1] ^= 1;
  EXPECT_THAT(
      OneShard(file).refusal(),
      testing::MatchesRegex("expected a length at offset 0 of checksum [0-9a-f]+, got [0-9a-f]+: the file "
                            "is corrupt"));
}

TEST(TFRecordDataset, NoticesDataThatIsNotWhatWasWritten) {
  std::string file = record(slim(small_jpeg(0), 1)) + record(slim(small_jpeg(1), 2));
  file[500] ^= 1;
  const OneShard shard(file);
  const std::vector<std::int64_t> first{0};
  EXPECT_THAT(error_of<SampleError>([&] { shard.open().get_batch(first, {}); }),
              HasSubstr("[" + shard.path() + " record 0] expected data of checksum "));
  const TFRecordDataset set = shard.open({}, true);
  EXPECT_THAT(set.get_batch(first, {}).label.to_vector<std::int64_t>(), ElementsAre(2));
  EXPECT_EQ(set.skipped(), 1);
}

TEST(TFRecordDataset, RefusesPathsThatMakeNoSense) {
  EXPECT_EQ(error_of<ValueError>([] { TFRecordDataset({}, {}); }),
            "[tfrecord_dataset] expected paths of shards, got none");
}

/// The bytes of field 1 of a message, and the numbers of field 3.
std::vector<std::string> fields(const std::string& message) {
  FileWindow window(std::as_bytes(std::span(message)), "m");
  std::vector<std::string> all;
  for_each_extent(window, {0, message.size()}, 1,
                  [&](Extent found) { all.push_back(message.substr(found.begin, found.size())); });
  for_each_int64(window, {0, message.size()}, 3,
                 [&](std::int64_t found) { all.push_back(std::to_string(found)); });
  return all;
}
std::string refusal_of(const std::string& message) {
  return error_of<IoError>([&] { fields(message); });
}

TEST(Protobuf, ReadsFieldsOfOneNumber) {
  using namespace std::string_literals;
  EXPECT_THAT(fields(""), ElementsAre());
  EXPECT_THAT(fields("\x0a\x02"s + "ab" + "\x12\x01" + "c" + "\x0a\0"s + "\x08\x01"s), ElementsAre("ab", ""));
  EXPECT_THAT(fields("\x18\x07\x1a\x03\x01\x80\x01\x1a\0\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"s),
              ElementsAre("7", "1", "128", "-1"));
  EXPECT_THAT(fields("\x19"s + "12345678" + "\x1d" + "1234" + "\x18\0"s), ElementsAre("0"));
}

TEST(Protobuf, RefusesVarintsThatDoNotEnd) {
  const std::string expected = "[m] expected a varint of up to 10 bytes within its message at offset ";
  EXPECT_EQ(refusal_of(std::string(11, '\x80')), expected + "0, got a longer one");
  EXPECT_EQ(refusal_of("\x18" + std::string(10, '\xff') + "\x01"), expected + "1, got a longer one");
  EXPECT_EQ(refusal_of("\x18"), expected + "1, got a longer one");
  EXPECT_EQ(refusal_of("\x1a\x01\x80\x18\x01"), expected + "2, got a longer one");  // within what is packed
}

TEST(Protobuf, RefusesFieldsBeyondTheirMessage) {
  EXPECT_EQ(refusal_of("\x0a\x02x"),
            "[m] expected a field within the 1 bytes that are left of its message at offset 2, got 2 bytes");
  EXPECT_EQ(refusal_of("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
            "[m] expected a field within the 0 bytes that are left of its message at offset 11, got "
            "18446744073709551615 bytes");
  EXPECT_EQ(refusal_of("\x19"
                       "1234567"),
            "[m] expected a field within the 7 bytes that are left of its message at offset 1, got 8 bytes");
}

TEST(Protobuf, RefusesGroups) {
  for (const int type : {3, 4, 6, 7})
    EXPECT_EQ(refusal_of(std::string(1, static_cast<char>(8 | type))),
              "[m] expected a field of wire type 0, 1, 2 or 5 at offset 0, got " + std::to_string(type));
}

}  // namespace
}  // namespace fornax::data
