#include "fornax/data/web_dataset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "fornax/data/data_loader.h"
#include "fornax/data/image_folder.h"
#include "support/all_indices.h"
#include "support/error_of.h"
#include "support/files.h"
#include "support/golden.h"
#include "support/image_files.h"
#include "support/tar_files.h"

namespace fornax::data {
namespace {

using namespace test;
using testing::ElementsAre;
using testing::EndsWith;

/// 12 images in 3 classes, as files in a directory for each class and, of 5, 0, 4 and 3 images, in shards.
class Shards {
 public:
  Shards() {
    std::string shard;
    int shards = 0;
    for (int i = 0; i <= 12; ++i) {
      for (const int end : {5, 5, 9, 12})
        if (i == end && shards < 4) {
          write_text(directory_ / ("shard-" + std::to_string(shards++) + ".tar"), shard + tar_end());
          shard.clear();
        }
      if (i == 12) break;
      const std::string folder = "files/class" + std::to_string(i / 4), key = "x/" + std::to_string(100 + i);
      std::filesystem::create_directories(directory_ / folder);
      write_text(directory_ / (folder + "/" + std::to_string(100 + i) + ".jpg"), small_jpeg(i));
      shard += tar_member(key + ".jpg", small_jpeg(i)) + tar_member(key + ".cls", std::to_string(i / 4)) +
               tar_member(key + ".json", "{}");
    }
  }
  std::string files() const { return directory_ / "files"; }
  std::vector<std::string> paths() const { return expand_shards(directory_ / "shard-{0..3}.tar"); }

 private:
  TemporaryDirectory directory_;
};

TEST(WebDataset, GivesWhatAnImageFolderOfTheSameImagesGives) {
  const Shards shards;
  for (const bool train : {false, true}) {
    const EncodedImageOptions options{.size = 24, .train = train};
    const WebDataset set(shards.paths(), options);
    const ImageFolder files(shards.files(), options);
    ASSERT_EQ(set.size(), 12);
    const EpochRandom random{.seed = 3, .epoch = 1};
    const Batch got = set.get_batch(all_indices(set), random),
                expected = files.get_batch(all_indices(set), random);
    EXPECT_EQ(got.x.to_vector<float>(), expected.x.to_vector<float>());
    EXPECT_EQ(got.label.to_vector<std::int64_t>(), expected.label.to_vector<std::int64_t>());
  }
}

TEST(WebDataset, KnowsItsShards) {
  const Shards shards;
  const WebDataset set(shards.paths(), {});
  EXPECT_THAT(set.shard_sizes(), ElementsAre(5, 0, 4, 3));
  EXPECT_EQ(set.name(4), shards.paths()[0] + " x/104.jpg");
  EXPECT_EQ(set.name(5), shards.paths()[2] + " x/105.jpg");
  EXPECT_EQ(set.name(11), shards.paths()[3] + " x/111.jpg");
  EXPECT_EQ(set.label(5), 1);
  for (const std::int64_t index : {-1, 12}) {
    EXPECT_EQ(error_of<IndexError>([&] { set.label(index); }),
              "[dataset] expected an index from 0 to 11, got " + std::to_string(index));
    EXPECT_EQ(error_of<IndexError>([&] { set.name(index); }),
              "[dataset] expected an index from 0 to 11, got " + std::to_string(index));
  }
}

TEST(WebDataset, ReadsWhatWebDatasetAndPythonWrite) {
  for (const char* const file : {"shard_webdataset.tar", "shard_gnu.tar", "shard_ustar.tar"}) {
    const WebDataset set({golden_path(file)}, {.size = 8});
    ASSERT_EQ(set.size(), 3) << file;
    const std::vector<Tensor> parts = set.get_parts(all_indices(set), {});
    EXPECT_THAT(parts[1].to_vector<std::int64_t>(), ElementsAre(7, 0, 999)) << file;
    for (std::int64_t i = 0; i < 3; ++i)
      EXPECT_THAT(parts[0].select(0, i).contiguous().to_vector<std::uint8_t>(), testing::Each(10 * i + 5))
          << file;
  }
  const std::string name = WebDataset({golden_path("shard_gnu.tar")}, {}).name(2);
  EXPECT_THAT(
      name,
      EndsWith("/directory/klasse_ä_klasse_ä_klasse_ä_klasse_ä_klasse_ä_klasse_ä_klasse_ä_klasse_ä_2.PNG"));
}

/// Batches of an epoch, the first value of each image.
std::vector<std::vector<float>> firsts(DataLoader& loader) {
  std::vector<std::vector<float>> batches;
  for (const auto& [x, label] : loader) {
    batches.emplace_back();
    for (std::int64_t i = 0; i < x.shape()[0]; ++i)
      batches.back().push_back(x.select(0, i).contiguous().to_vector<float>()[0]);
  }
  return batches;
}

TEST(WebDataset, ALoaderGoesOnWithinAnEpoch) {
  const Shards shards;
  const auto set =
      std::make_shared<WebDataset>(shards.paths(), EncodedImageOptions{.size = 24, .train = true});
  const auto options = [&](int workers) {
    return DataLoaderOptions{
        .batch_size = 5, .workers = workers, .seed = 4, .sampler = shard_sampler(set->shard_sizes(), 2)};
  };
  DataLoader whole(set, options(0));
  firsts(whole);
  const auto second = firsts(whole);
  ASSERT_EQ(second.size(), 3u);

  DataLoader loader(set, options(2));
  firsts(loader);
  auto batches = loader.begin();
  ++batches;
  DataLoader resumed(set, options(2));
  resumed.load_state(loader.state());
  EXPECT_EQ(resumed.epoch(), 1);
  const auto rest = firsts(resumed);
  EXPECT_EQ(rest, std::vector(second.end() - std::ssize(rest), second.end()));
  EXPECT_LT(rest.size(), second.size());
  EXPECT_FALSE(rest.empty());
}

TEST(WebDataset, KeepsFewShardsOpen) {
  const auto open_files = [] {
    return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {});
  };
  const TemporaryDirectory directory;
  std::vector<std::string> paths;
  for (int i = 0; i < 100; ++i) {
    paths.push_back(directory / (std::to_string(i) + ".tar"));
    write_text(paths.back(),
               tar_member("a.jpg", small_jpeg(i % 10)) + tar_member("a.cls", std::to_string(i)) + tar_end());
  }
  const auto before = open_files();
  const WebDataset set(paths, {.size = 8});
  EXPECT_EQ(open_files(), before);
  const Batch all = set.get_batch(all_indices(set), {});
  EXPECT_EQ(all.label.to_vector<std::int64_t>(), all_indices(set));
  EXPECT_EQ(open_files(), before + 64);
  EXPECT_EQ(set.get_batch(all_indices(set), {}).x.to_vector<float>(), all.x.to_vector<float>());
}

/// A set of one shard of these members.
class OneShard {
 public:
  explicit OneShard(const std::string& members) { write_text(path(), members + tar_end()); }
  std::string path() const { return directory_ / "a.tar"; }
  WebDataset open(EncodedImageOptions options = {.size = 24}) const { return {{path()}, std::move(options)}; }
  /// The error of opening it, behind the path.
  std::string refusal() const {
    const std::string error = error_of<IoError>([&] { open(); }), start = "[" + path() + "] ";
    return error.starts_with(start) ? error.substr(start.size()) : error;
  }

 private:
  TemporaryDirectory directory_;
};

TEST(WebDataset, GroupsMembersByTheirNamesUpToTheFirstDot) {
  const OneShard shard(tar_member("a.b/1.cls", " 3\r\n") + tar_member("a.b/1.seg.png", "none") +
                       tar_member("a.b/1.JpEg", small_jpeg(0)) + tar_member("a.b/.hidden", "") +
                       tar_member("a.b/nodot", "") + tar_member("1.PNG", "") + tar_member("1.CLS", "0") +
                       tar_member("2.cls", "12") + tar_member("2.jpg", ""));
  const WebDataset set = shard.open();
  ASSERT_EQ(set.size(), 3);
  EXPECT_EQ(set.name(0), shard.path() + " a.b/1.JpEg");
  EXPECT_EQ(set.name(1), shard.path() + " 1.PNG");
  EXPECT_THAT((std::vector{set.label(0), set.label(1), set.label(2)}), ElementsAre(3, 0, 12));
}

TEST(WebDataset, RefusesSamplesThatAreNotWhole) {
  const std::string image = tar_member("1.jpg", ""), label = tar_member("1.cls", "1");
  EXPECT_EQ(OneShard(image).refusal(), "expected a label .cls for 1, got none");
  EXPECT_EQ(OneShard(label).refusal(), "expected an image .jpg, .jpeg or .png for 1, got none");
  EXPECT_EQ(OneShard(image + tar_member("2.cls", "1") + label).refusal(),
            "expected a label .cls for 1, got none");
  EXPECT_EQ(OneShard(image + label + tar_member("d/notes.txt", "")).refusal(),
            "expected an image .jpg, .jpeg or .png for d/notes, got none");
  EXPECT_EQ(OneShard(image + label + tar_member("1.png", "")).refusal(),
            "expected one image for 1, got several");
  EXPECT_EQ(OneShard(image + label + label).refusal(), "expected one label for 1, got several");
  EXPECT_EQ(OneShard("").refusal(), "expected images in 1 shards from this on, got none");
}

TEST(WebDataset, RefusesLabelsThatAreNone) {
  const auto refusal = [](const std::string& label) {
    return OneShard(tar_member("1.cls", label) + tar_member("1.jpg", "")).refusal();
  };
  const std::string expected = "expected 1.cls to hold a number of 0 or more, got ";
  for (const char* const label : {"", " ", "cat", "1 2", "0x1", "1.5", "9223372036854775808"})
    EXPECT_EQ(refusal(label), expected + "something else") << label;
  EXPECT_EQ(refusal("-1"), expected + "-1");
  EXPECT_EQ(refusal(std::string(33, '1')), expected + "33 bytes");
}

TEST(WebDataset, ReplacesImagesThatAreCorruptWhereItMay) {
  const OneShard shard(tar_member("1.jpg", small_jpeg(0).substr(0, 600)) + tar_member("1.cls", "1") +
                       tar_member("2.jpg", small_jpeg(0)) + tar_member("2.cls", "2"));
  const std::vector<std::int64_t> first{0};
  EXPECT_EQ(error_of<SampleError>([&] { shard.open().get_batch(first, {}); }),
            "[dataset] expected to get '" + shard.path() + " 1.jpg', got: [" + shard.path() +
                " 1.jpg] expected a sound JPEG file, got: Premature end of JPEG file");
  const WebDataset set = shard.open({.size = 24, .skip_corrupt = true});
  EXPECT_THAT(set.get_batch(first, {}).label.to_vector<std::int64_t>(), ElementsAre(2));
  EXPECT_EQ(set.skipped(), 1);
}

TEST(WebDataset, NoticesAShardThatWasCutAfterItWasOpened) {
  const OneShard shard(tar_member("1.cls", "1") + tar_member("1.jpg", small_jpeg(0)));
  const WebDataset set = shard.open();
  std::filesystem::resize_file(shard.path(), 1600);
  SampleRandom random(0, 0, 0);
  EXPECT_EQ(error_of<IoError>([&] { set.get(0, random); }),
            "[" + shard.path() + "] expected " + std::to_string(small_jpeg(0).size()) +
                " bytes at offset 1536, got 64: the file is truncated");
}

TEST(WebDataset, RefusesPathsAndOptionsThatMakeNoSense) {
  EXPECT_EQ(error_of<ValueError>([] { WebDataset({}, {}); }),
            "[web_dataset] expected paths of shards, got none");
  EXPECT_EQ(error_of<ValueError>([] { WebDataset({"none.tar"}, {.size = 0}); }),
            "[web_dataset] expected a size of 1 or more and resize of no less, got 0 and 0");
  EXPECT_EQ(error_of<IoError>([] { WebDataset({"none.tar"}, {}); }),
            "[none.tar] expected a readable file, got: No such file or directory");
}

TEST(ExpandShards, GivesTheFilesOfRangesAndPatterns) {
  const TemporaryDirectory directory;
  for (const char* const name :
       {"t-08.tar", "t-09.tar", "t-10.tar", "t-9.tar", "v-1.tar", "v-2.tar", "{x}.tar"})
    write_text(directory / name, "");
  const auto expand = [&](const std::string& pattern) {
    std::vector<std::string> names;
    for (const std::string& path : expand_shards(directory / pattern))
      names.push_back(std::filesystem::path(path).filename());
    return names;
  };
  EXPECT_THAT(expand("t-{08..10}.tar"), ElementsAre("t-08.tar", "t-09.tar", "t-10.tar"));
  EXPECT_THAT(expand("t-{9..10}.tar"), ElementsAre("t-9.tar", "t-10.tar"));
  EXPECT_THAT(expand("t-*.tar"), ElementsAre("t-08.tar", "t-09.tar", "t-10.tar", "t-9.tar"));
  EXPECT_THAT(expand("?-{1..2}.*"), ElementsAre("v-1.tar", "v-2.tar"));
  EXPECT_THAT(expand("t-{0..0}{8..9}.tar"), ElementsAre("t-08.tar", "t-09.tar"));
  EXPECT_THAT(expand("{x}.tar"), ElementsAre("{x}.tar"));
}

TEST(ExpandShards, RefusesWhatMatchesNothing) {
  const TemporaryDirectory directory;
  write_text(directory / "1.tar", "");
  EXPECT_EQ(error_of<IoError>([&] { expand_shards(directory / "{1..3}.tar"); }),
            "[" + directory / "2.tar" + "] expected a file that matches this, got none");
  EXPECT_EQ(error_of<IoError>([&] { expand_shards(directory / "*.zip"); }),
            "[" + directory / "*.zip" + "] expected a file that matches this, got none");
  EXPECT_EQ(error_of<ValueError>([&] { expand_shards(directory / "{3..1}.tar"); }),
            "[expand_shards] expected a range that ends after it begins, got {3..1}");
}

}  // namespace
}  // namespace fornax::data
