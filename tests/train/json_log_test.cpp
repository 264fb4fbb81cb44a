#include "fornax/train/json_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <thread>

#include "fornax/base/error.h"
#include "support/error_of.h"
#include "support/files.h"

namespace fornax::train {
namespace {

using namespace test;

TEST(JsonLog, WritesOneObjectALineAtOnce) {
  const TemporaryDirectory directory;
  const std::string path = directory / "log.jsonl";
  JsonLog log(path);
  log.write({{"step", 10}, {"loss", 0.25}, {"phase", "train \"a\"\n"}, {"best", true}});
  EXPECT_EQ(read_text(path), "{\"step\":10,\"loss\":0.25,\"phase\":\"train \\\"a\\\"\\n\",\"best\":true}\n");
  log.write({});
  EXPECT_THAT(read_text(path), testing::EndsWith("\n{}\n"));
}

TEST(JsonLog, NumbersThatAreNotFiniteAreNull) {
  const TemporaryDirectory directory;
  JsonLog(directory / "log.jsonl")
      .write({{"a", std::nan("")}, {"b", std::numeric_limits<double>::infinity()}});
  EXPECT_EQ(read_text(directory / "log.jsonl"), "{\"a\":null,\"b\":null}\n");
}

TEST(JsonLog, TextThatIsNotUtf8IsReplacedRatherThanFatal) {
  const TemporaryDirectory directory;
  JsonLog(directory / "log.jsonl").write({{"name", "a\xff"}});
  EXPECT_EQ(read_text(directory / "log.jsonl"), "{\"name\":\"a\xef\xbf\xbd\"}\n");
}

TEST(JsonLog, ContinuesAnExistingFile) {
  const TemporaryDirectory directory;
  const std::string path = directory / "log.jsonl";
  JsonLog(path).write({{"step", 1}});
  JsonLog(path).write({{"step", 2}});
  EXPECT_EQ(read_text(path), "{\"step\":1}\n{\"step\":2}\n");
}

TEST(JsonLog, ContinuesAfterTheLastWholeLineOfWhatIsKept) {
  const TemporaryDirectory directory;
  const std::string path = directory / "log.jsonl";
  write_text(path, "{\"step\":1}\n{\"step\":2}\n{\"st");
  JsonLog(path).write({{"step", 3}});
  EXPECT_EQ(read_text(path), "{\"step\":1}\n{\"step\":2}\n{\"step\":3}\n");
  EXPECT_EQ(JsonLog(path).size(), 33);
  JsonLog(path, 22).write({{"step", 4}});
  EXPECT_EQ(read_text(path), "{\"step\":1}\n{\"step\":2}\n{\"step\":4}\n");
  JsonLog(path, 21).write({{"step", 5}});
  EXPECT_EQ(read_text(path), "{\"step\":1}\n{\"step\":5}\n");
  EXPECT_EQ(JsonLog(path, 0).size(), 0);
}

TEST(JsonLog, LinesOfSeveralThreadsStayWhole) {
  const TemporaryDirectory directory;
  const std::string path = directory / "log.jsonl";
  {
    JsonLog log(path);
    std::vector<std::jthread> threads;
    threads.reserve(4);
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&log] {
        for (int i = 0; i < 50; ++i) log.write({{"text", std::string(300, 'x')}});
      });
  }
  std::string expected;
  for (int i = 0; i < 200; ++i) expected += "{\"text\":\"" + std::string(300, 'x') + "\"}\n";
  EXPECT_EQ(read_text(path), expected);
}

TEST(JsonLog, NamesTheFileThatCannotBeWritten) {
  EXPECT_EQ(error_of<IoError>([&] { JsonLog("/no/such/log.jsonl"); }),
            "[/no/such/log.jsonl] expected to open the file, got: No such file or directory");
  JsonLog full("/dev/full");
  EXPECT_EQ(error_of<IoError>([&] {
              full.write({{"step", 1}});
            }),
            "[/dev/full] expected to append 11 bytes, got: No space left on device");
}

TEST(Config, IsAnIndentedObjectInTheOrderGiven) {
  const TemporaryDirectory directory;
  write_config(directory / "config.json", {{"model", "resnet50"}, {"batch", 32}, {"lr", 0.1}});
  EXPECT_EQ(read_text(directory / "config.json"),
            "{\n  \"model\": \"resnet50\",\n  \"batch\": 32,\n  \"lr\": 0.1\n}\n");
}

}  // namespace
}  // namespace fornax::train
