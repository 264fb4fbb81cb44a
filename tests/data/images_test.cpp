#include "fornax/data/images.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "data/cifar.h"
#include "fornax/base/error.h"
#include "support/error_of.h"
#include "support/files.h"

namespace fornax::data {
namespace {

using namespace test;

using testing::ElementsAre;
using testing::EndsWith;

std::string header(char rank, std::initializer_list<char> sizes) {
  std::string text{'\0', '\0', '\x08', rank};
  for (const char size : sizes) text += std::string(3, '\0') + size;
  return text;
}

class MnistFiles : public testing::Test {
 protected:
  void write(const std::string& images, const std::string& labels) {
    write_text(directory / "t10k-images-idx3-ubyte", images);
    write_text(directory / "t10k-labels-idx1-ubyte", labels);
  }
  std::string refusal() {
    return error_of<IoError>([&] { read_mnist(directory.path(), Split::test); });
  }
  const TemporaryDirectory directory;
};

TEST_F(MnistFiles, GiveImagesWithLabels) {
  write(header(3, {2, 1, 3}) + "abcdef", header(1, {2}) + "\x07\x09");
  const Images images = read_mnist(directory.path(), Split::test);
  EXPECT_EQ(images.count, 2);
  EXPECT_EQ(images.height, 1);
  EXPECT_EQ(images.width, 3);
  EXPECT_EQ(images.channels, 1);
  EXPECT_THAT(images.pixels, ElementsAre('a', 'b', 'c', 'd', 'e', 'f'));
  EXPECT_THAT(images.labels, ElementsAre(7, 9));
}

TEST_F(MnistFiles, MustFitEachOther) {
  write(header(3, {2, 1, 3}) + "abcdef", header(1, {3}) + "\x07\x09\x01");
  EXPECT_THAT(refusal(),
              EndsWith("t10k-labels-idx1-ubyte] expected labels of sizes [2], one an image, got [3]"));
  write(header(3, {2, 1, 3}) + "abcdef", header(1, {2}) + "\x07\x0a");
  EXPECT_THAT(refusal(), EndsWith("t10k-labels-idx1-ubyte] expected labels below 10, got 10 for image 1"));
  write(header(2, {2, 3}) + "abcdef", header(1, {2}) + "\x07\x09");
  EXPECT_THAT(refusal(),
              EndsWith("t10k-images-idx3-ubyte] expected images of sizes [count,height,width], got [2,3]"));
}

TEST_F(MnistFiles, AreNamedWhenMissing) {
  EXPECT_THAT(
      refusal(),
      EndsWith("] expected the file t10k-images-idx3-ubyte or t10k-images-idx3-ubyte.gz in it, got neither"));
  EXPECT_EQ(error_of<IoError>([&] { read_mnist("/no/such/directory", Split::train); }),
            "[/no/such/directory] expected a directory of data, got: No such file or directory");
  EXPECT_THAT(error_of<IoError>([&] { read_mnist(std::string(300, 'x'), Split::train); }),
              EndsWith("] expected a directory of data, got: File name too long"));
  write_text(directory / "file", "");
  EXPECT_THAT(error_of<IoError>([&] { read_cifar10(directory / "file", Split::train); }),
              EndsWith("] expected a directory of data, got: a file"));
}

TEST_F(MnistFiles, AreNamedWhenTheyCannotBeReached) {
  const std::string name = "t10k-images-idx3-ubyte";
  write_text(directory / "t10k-labels-idx1-ubyte", "");
  std::filesystem::create_symlink(name, directory / name);  // to itself
  EXPECT_THAT(refusal(),
              EndsWith(name + "] expected a readable file, got: Too many levels of symbolic links"));
}

TEST(FashionMnist, IsReadAsDebianShipsIt) {
  const std::string directory = "/usr/share/datasets/fashion-mnist";
  if (!std::filesystem::exists(directory)) GTEST_SKIP() << "needs the Debian package dataset-fashion-mnist";
  const Images images = read_mnist(directory, Split::test);
  EXPECT_EQ(images.count, 10000);
  EXPECT_EQ(images.height, 28);
  EXPECT_EQ(images.width, 28);
  EXPECT_EQ(images.pixels.size(), 10000u * 28 * 28);
  std::vector<int> of_class(10);
  for (const std::uint8_t label : images.labels) ++of_class[label];
  EXPECT_THAT(of_class, testing::Each(1000));
}

/// A CIFAR file of one image, behind its labels, whose value is 100 * channel + row.
std::string cifar_file(std::string file) {
  for (int c = 0; c < 3; ++c)
    for (int row = 0; row < 32; ++row) file += std::string(32, static_cast<char>(100 * c + row));
  return file;
}

TEST(Cifar10Files, GiveInterleavedChannelsInTheOrderOfTheFiles) {
  const TemporaryDirectory directory;
  for (const char batch : {'1', '2', '3', '4', '5'})
    write_text(directory / (std::string("data_batch_") + batch + ".bin"),
               cifar_file({static_cast<char>(batch - '0')}));
  const Images images = read_cifar10(directory.path(), Split::train, 1);
  EXPECT_EQ(images.count, 5);
  EXPECT_EQ(images.channels, 3);
  EXPECT_THAT(images.labels, ElementsAre(1, 2, 3, 4, 5));
  ASSERT_EQ(images.pixels.size(), 5u * 32 * 32 * 3);
  const std::size_t row_7_of_image_4 = ((4 * 32 + 7) * 32 + 31) * 3;
  EXPECT_EQ(images.pixels[row_7_of_image_4], 7);
  EXPECT_EQ(images.pixels[row_7_of_image_4 + 1], 107);
  EXPECT_EQ(images.pixels[row_7_of_image_4 + 2], 207);
}

TEST(Cifar10Files, AreRefusedWhenTruncatedOrCorrupt) {
  const TemporaryDirectory directory;
  const auto refusal = [&](const std::string& file, std::int64_t images) -> std::string {
    write_text(directory / "test_batch.bin", file);
    return error_of<IoError>([&] { read_cifar10(directory.path(), Split::test, images); });
  };
  EXPECT_EQ(refusal(cifar_file("\x09"), 1), "no error");
  EXPECT_THAT(refusal(cifar_file("\x09").substr(1), 1),
              EndsWith("] expected 3073 bytes, 1 records of 3073, got 3072"));
  EXPECT_THAT(refusal("", 2), EndsWith("] expected 6146 bytes, 2 records of 3073, got 0"));
  EXPECT_THAT(refusal(cifar_file("\x09") + cifar_file("\x0a"), 2),
              EndsWith("] expected labels below 10, got 10 for image 1"));
}

TEST(Cifar10Files, AreRefusedWhenCutBetweenTwoImages) {
  const TemporaryDirectory directory;
  write_text(directory / "test_batch.bin", cifar_file("\x09"));
  EXPECT_THAT(error_of<IoError>([&] { read_cifar10(directory.path(), Split::test); }),
              EndsWith("test_batch.bin] expected 30730000 bytes, 10000 records of 3073, got 3073"));
}

TEST(Cifar100Files, GiveFineOrCoarseLabels) {
  const TemporaryDirectory directory;
  write_text(directory / "train.bin", cifar_file("\x05\x63") + cifar_file("\x13\x07"));
  write_text(directory / "test.bin", cifar_file("\x02\x01"));
  const Images fine = read_cifar100(directory.path(), Split::train, Cifar100Labels::fine, 2);
  EXPECT_EQ(fine.count, 2);
  EXPECT_THAT(fine.labels, ElementsAre(99, 7));
  ASSERT_EQ(fine.pixels.size(), 2u * 32 * 32 * 3);
  EXPECT_EQ(fine.pixels[((32 + 7) * 32 + 31) * 3 + 2], 207);  // of row 7 of image 1
  const Images coarse = read_cifar100(directory.path(), Split::train, Cifar100Labels::coarse, 2);
  EXPECT_THAT(coarse.labels, ElementsAre(5, 19));
  EXPECT_EQ(coarse.pixels, fine.pixels);
  EXPECT_THAT(read_cifar100(directory.path(), Split::test, Cifar100Labels::fine, 1).labels, ElementsAre(1));
}

TEST(Cifar100Files, AreRefusedWhenTruncatedOrCorrupt) {
  const TemporaryDirectory directory;
  const auto refusal = [&](const std::string& file, Cifar100Labels labels) -> std::string {
    write_text(directory / "test.bin", file);
    return error_of<IoError>([&] { read_cifar100(directory.path(), Split::test, labels, 1); });
  };
  EXPECT_EQ(refusal(cifar_file("\x13\x63"), Cifar100Labels::coarse), "no error");
  EXPECT_THAT(refusal(cifar_file("\x13\x64"), Cifar100Labels::fine),
              EndsWith("test.bin] expected labels below 100, got 100 for image 0"));
  EXPECT_THAT(refusal(cifar_file("\x14\x01"), Cifar100Labels::coarse),
              EndsWith("test.bin] expected labels below 20, got 20 for image 0"));
  EXPECT_THAT(refusal(cifar_file("\x01"), Cifar100Labels::fine),
              EndsWith("test.bin] expected 3074 bytes, 1 records of 3074, got 3073"));
  EXPECT_THAT(error_of<IoError>([&] { read_cifar100(directory.path(), Split::test); }),
              EndsWith("test.bin] expected 30740000 bytes, 10000 records of 3074, got 3073"));
  EXPECT_THAT(error_of<IoError>([&] { read_cifar100(directory.path(), Split::train); }),
              testing::HasSubstr("train.bin] "));
}

}  // namespace
}  // namespace fornax::data
