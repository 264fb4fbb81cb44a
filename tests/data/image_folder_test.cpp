#include "fornax/data/image_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "fornax/data/data_loader.h"
#include "support/all_indices.h"
#include "support/error_of.h"
#include "support/files.h"
#include "support/golden.h"
#include "support/image_files.h"

namespace fornax::data {
namespace {

using namespace test;
using testing::ElementsAre;

/// A file of a picture at `path` below a directory.
void add(const TemporaryDirectory& directory, const std::string& path, const std::string& content) {
  std::filesystem::create_directories(std::filesystem::path(directory / path).parent_path());
  write_text(directory / path, content);
}
std::string jpeg(int seed, std::int64_t height = 40, std::int64_t width = 50) {
  return encode_jpeg(picture(height, width, 3, seed), height, width);
}

/// 12 images in 3 classes.
void add_images(const TemporaryDirectory& directory) {
  for (int i = 0; i < 12; ++i)
    add(directory, "class" + std::to_string(i / 4) + "/" + std::to_string(i) + ".jpg", small_jpeg(i));
}

TEST(ImageFolder, ListsClassesAndFilesInOrderOfTheirNames) {
  const TemporaryDirectory directory;
  for (const char* const path :
       {"dog/b.jpg", "dog/a.PNG", "dog/10.JPEG", "dog/.hidden.jpg", "cat/z/1.jpg", "cat/z/0.Jpg",
        "cat/y.jpeg", "cat/notes.txt", "cat/jpg", "Zebra/1.png", "readme.jpg"})
    add(directory, path, "");
  std::filesystem::create_directories(directory / "cat/folder.jpg");
  const ImageFolder set(directory.path(), {});
  EXPECT_THAT(set.classes(), ElementsAre("Zebra", "cat", "dog"));
  EXPECT_EQ(set.class_to_idx("cat"), 1);
  std::vector<std::string> names;
  std::vector<std::int64_t> labels;
  for (std::int64_t i = 0; i < set.size(); ++i) {
    names.push_back(set.name(i).substr(directory.path().string().size() + 1));
    labels.push_back(set.label(i));
  }
  EXPECT_THAT(names, ElementsAre("Zebra/1.png", "cat/y.jpeg", "cat/z/0.Jpg", "cat/z/1.jpg", "dog/.hidden.jpg",
                                 "dog/10.JPEG", "dog/a.PNG", "dog/b.jpg"));
  EXPECT_THAT(labels, ElementsAre(0, 1, 1, 1, 2, 2, 2, 2));
}

TEST(ImageFolder, FollowsLinks) {
  const TemporaryDirectory directory, other;
  add(other, "deep/1.jpg", "");
  add(directory, "a/0.jpg", "");
  std::filesystem::create_directory_symlink(other.path(), directory / "b");
  std::filesystem::create_directory_symlink(other.path() / "deep", directory / "a/linked");
  const ImageFolder set(directory.path(), {});
  EXPECT_THAT(set.classes(), ElementsAre("a", "b"));
  EXPECT_EQ(set.size(), 3);
}

TEST(ImageFolder, EvaluatesByTheShorterSideAndTheMiddleNormalisedAsImageNet) {
  const TemporaryDirectory directory;
  const GoldenFile goldens("images");
  const std::vector<std::uint8_t> file = goldens.tensors().at("files/photo").to_vector<std::uint8_t>();
  add(directory, "a/photo.jpg", std::string(file.begin(), file.end()));
  const ImageFolder set(directory.path(), {.size = 56, .resize = 64, .reduce = false});
  const Batch batch = set.get_batch(all_indices(set), {});
  ASSERT_EQ(batch.x.shape(), (Shape{1, 3, 56, 56}));
  EXPECT_TRUE(batch.x.is_contiguous(MemoryFormat::channels_last));
  const std::vector<float> x = batch.x.permute({0, 2, 3, 1}).to_vector<float>();
  const std::vector<std::uint8_t> bytes = goldens.tensors().at("evaluated/photo").to_vector<std::uint8_t>();
  const double mean[] = {0.485, 0.456, 0.406}, stddev[] = {0.229, 0.224, 0.225};
  for (std::size_t i = 0; i < x.size(); ++i)
    ASSERT_NEAR(x[i], (bytes[i] / 255. - mean[i % 3]) / stddev[i % 3], 1e-5);
  // 64 is what 56 takes: size * 256 / 224.
  const ImageFolder standard(directory.path(), {.size = 56, .reduce = false});
  EXPECT_EQ(standard.get_batch(all_indices(set), {}).x.to_vector<float>(), batch.x.to_vector<float>());
}

TEST(ImageFolder, ABatchGoesToADeviceInBytes) {
  const TemporaryDirectory directory;
  add_images(directory);
  const ImageFolder set(directory.path(), {.size = 24, .train = true});
  const EpochRandom random{.seed = 3, .epoch = 1};
  const std::vector<std::int64_t> indices{7, 2};
  const std::vector<Tensor> parts = set.get_parts(indices, random);
  ASSERT_EQ(parts.size(), 4u);
  EXPECT_EQ(parts[0].shape(), (Shape{2, 24, 24, 3}));
  EXPECT_EQ(parts[0].dtype(), u8);
  EXPECT_THAT(parts[1].to_vector<std::int64_t>(), ElementsAre(1, 0));
  const Batch batch = set.get_batch(indices, random);
  EXPECT_EQ(set.join(parts).x.to_vector<float>(), batch.x.to_vector<float>());
  SampleRandom numbers = random.sample(2);
  const Sample sample = set.get(2, numbers);
  EXPECT_EQ(sample.x.to_vector<float>(), batch.x.select(0, 1).to_vector<float>());
  EXPECT_EQ(sample.label, 0);
}

std::vector<std::vector<float>> two_epochs(const std::string& root, EncodedImageOptions options,
                                           int workers) {
  DataLoader loader(std::make_shared<ImageFolder>(root, std::move(options)),
                    {.batch_size = 5, .workers = workers, .shuffle = true, .seed = 4});
  std::vector<std::vector<float>> all;
  for (int epoch = 0; epoch < 2; ++epoch)
    for (const auto& [x, label] : loader) all.push_back(x.to_vector<float>());
  return all;
}

TEST(ImageFolder, VariesWithTheEpochAndNotWithTheNumberOfWorkers) {
  const TemporaryDirectory directory;
  add_images(directory);
  add(directory, "class1/broken.jpg", "");
  const EncodedImageOptions options{.size = 24, .train = true, .skip_corrupt = true};
  const auto alone = two_epochs(directory.path(), options, 0);
  EXPECT_EQ(two_epochs(directory.path(), options, 3), alone);

  const ImageFolder set(directory.path(), options);
  const std::vector<std::int64_t> first{0};
  const auto x = [&](std::int64_t epoch) {
    return set.get_batch(first, {.seed = 1, .epoch = epoch}).x.to_vector<float>();
  };
  EXPECT_EQ(x(0), x(0));
  EXPECT_NE(x(0), x(1));
}

TEST(ImageFolder, MirrorsHalfOfTheTrainingImages) {
  const TemporaryDirectory directory;
  std::vector<std::uint8_t> pixels(30 * 30 * 3, 0);
  for (std::size_t i = 0; i < pixels.size(); ++i)
    if (i / 3 % 30 >= 15) pixels[i] = 255;  // white on the right
  add(directory, "a/half.jpg", encode_jpeg(pixels, 30, 30));
  const ImageFolder set(directory.path(),
                        {.size = 8, .train = true, .crop = {.min_scale = 1, .min_ratio = 1, .max_ratio = 1}});
  int mirrored = 0;
  for (std::int64_t epoch = 0; epoch < 200; ++epoch) {
    const Tensor bytes = set.get_parts(std::vector<std::int64_t>{0}, {.seed = 1, .epoch = epoch})[0];
    mirrored += bytes.to_vector<std::uint8_t>()[0] > 128;
  }
  EXPECT_GT(mirrored, 70);
  EXPECT_LT(mirrored, 130);
}

TEST(ImageFolder, AnErrorNamesTheFile) {
  const TemporaryDirectory directory;
  add_images(directory);
  add(directory, "class1/broken.jpg", jpeg(0).substr(0, 600));
  const auto set = std::make_shared<ImageFolder>(directory.path(), EncodedImageOptions{.size = 24});
  const std::string path = directory / "class1/broken.jpg";
  const std::string why = "[" + path + "] expected a sound JPEG file, got: Premature end of JPEG file";
  const std::string expected = "[dataset] expected to get '" + path + "', got: " + why;
  EXPECT_EQ(error_of<SampleError>([&] { set->get_batch(all_indices(*set), {}); }), expected);
  for (const int workers : {0, 2})
    EXPECT_EQ(error_of<SampleError>([&] {
                for (const auto& batch : DataLoader(set, {.batch_size = 3, .workers = workers})) (void)batch;
              }),
              expected);
  SampleRandom random(0, 0, 0);
  EXPECT_EQ(error_of<IoError>([&] { set->get(8, random); }), why);
  EXPECT_EQ(error_of<IndexError>([&] { set->get_batch(std::vector<std::int64_t>{13}, {}); }),
            "[dataset] expected an index from 0 to 12, got 13");
}

TEST(ImageFolder, ReplacesAndCountsImagesThatAreCorruptWhereItMay) {
  const TemporaryDirectory directory;
  add_images(directory);
  add(directory, "class1/broken.jpg", jpeg(0).substr(0, 600));  // the last of its class, index 8
  add(directory, "class1/clumsy.jpg", "not an image");          // index 9
  add(directory, "class2/z.jpg", "");                           // the last of all, index 13
  const ImageFolder set(directory.path(), {.size = 24, .skip_corrupt = true});
  EXPECT_EQ(set.size(), 15);
  EXPECT_EQ(set.skipped(), 0);
  const auto get = [&](std::int64_t index) { return set.get_batch(std::vector<std::int64_t>{index}, {}); };
  const Batch replaced = get(8), next = get(10);
  EXPECT_EQ(set.skipped(), 2);
  EXPECT_EQ(replaced.x.to_vector<float>(), next.x.to_vector<float>());
  EXPECT_THAT(replaced.label.to_vector<std::int64_t>(), ElementsAre(2));
  EXPECT_THAT(get(14).label.to_vector<std::int64_t>(), ElementsAre(0));
  EXPECT_EQ(set.skipped(), 3);
}

TEST(ImageFolder, AllCorruptIsAnErrorAllTheSame) {
  const TemporaryDirectory directory;
  add(directory, "a/1.jpg", "");
  add(directory, "a/2.jpg", "");
  const ImageFolder set(directory.path(), {.skip_corrupt = true});
  EXPECT_EQ(error_of<SampleError>([&] { set.get_batch(std::vector<std::int64_t>{0}, {}); }),
            "[dataset] expected to get '" + directory / "a/1.jpg" + "', got: [" + directory / "a/2.jpg" +
                "] expected a JPEG or PNG file, got an empty one");
}

TEST(ImageFolder, HoldsImagesToTheirLimits) {
  const TemporaryDirectory directory;
  add(directory, "a/1.jpg", jpeg(1, 40, 50));
  const ImageFolder set(directory.path(), {.decode = {.max_pixels = 1999}});
  EXPECT_THAT(error_of<SampleError>([&] { set.get_batch(std::vector<std::int64_t>{0}, {}); }),
              testing::HasSubstr("expected an image of at most 1999 pixels, got one of 40x50"));
}

TEST(ImageFolder, RefusesDirectoriesAndOptionsThatDoNotFit) {
  const TemporaryDirectory directory;
  EXPECT_EQ(error_of<IoError>([&] { ImageFolder(directory.path(), {}); }),
            "[" + directory.path().string() + "] expected a directory for each class in it, got none");
  EXPECT_EQ(error_of<IoError>([&] { ImageFolder(directory / "none", {}); }),
            "[" + directory / "none" + "] expected a directory of images, got: No such file or directory");
  std::filesystem::create_directory(directory / "empty");
  EXPECT_EQ(error_of<IoError>([&] { ImageFolder(directory.path(), {}); }),
            "[" + directory / "empty" + "] expected files .jpg, .jpeg or .png in it, got none");
  add(directory, "empty/1.jpg", "");
  const auto refusal = [&](EncodedImageOptions options) {
    return error_of<ValueError>([&] { ImageFolder(directory.path(), std::move(options)); });
  };
  EXPECT_EQ(refusal({}), "no error");
  EXPECT_EQ(refusal({.size = 0}),
            "[image_folder] expected a size of 1 or more and resize of no less, got 0 and 0");
  EXPECT_EQ(refusal({.size = 64, .resize = 63}),
            "[image_folder] expected a size of 1 or more and resize of no less, got 64 and 63");
  EXPECT_EQ(refusal({.mean = {0, 0}}),
            "[image_folder] expected 1 or 3 means and standard deviations, got 2 and 3");
  EXPECT_EQ(refusal({.decode = {.max_pixels = 0}}), "[image_folder] expected max_pixels of 1 or more, got 0");
  EXPECT_EQ(ImageFolder(directory.path(), {}).class_to_idx("empty"), 0);
  EXPECT_EQ(error_of<ValueError>([&] { ImageFolder(directory.path(), {}).class_to_idx("dog"); }),
            "[image_folder] expected the name of a class, got 'dog'");
}

}  // namespace
}  // namespace fornax::data
