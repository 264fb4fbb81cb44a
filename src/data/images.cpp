#include "fornax/data/images.h"

#include <fmt/core.h>

#include <filesystem>
#include <system_error>
#include <utility>

#include "base/file.h"
#include "data/cifar.h"
#include "fornax/base/error.h"
#include "fornax/data/idx.h"

namespace fornax::data {
namespace {

namespace fs = std::filesystem;

constexpr int mnist_classes = 10;

void check_label(std::uint8_t label, std::int64_t index, const std::string& file, int classes) {
  if (label >= classes)
    throw IoError(file, fmt::format("expected labels below {}, got {} for image {}", classes, label, index));
}

void check_directory(const std::string& directory) {
  std::error_code error;
  if (!fs::is_directory(directory, error))
    throw IoError(directory,
                  fmt::format("expected a directory of data, got: {}", error ? error.message() : "a file"));
}

/// `directory`/`name`, or that with .gz.
std::string find_idx(const std::string& directory, const std::string& name) {
  const fs::path plain = fs::path(directory) / name, packed = fs::path(directory) / (name + ".gz");
  std::error_code unreadable;  // reading the file says why
  if (fs::exists(plain, unreadable) || unreadable) return plain;
  if (fs::exists(packed, unreadable) || unreadable) return packed;
  throw IoError(directory, fmt::format("expected the file {0} or {0}.gz in it, got neither", name));
}

constexpr std::int64_t cifar_size = 32, cifar_channels = 3, cifar_area = cifar_size * cifar_size;

/// A record is `labels` labels, of which the one at `used` counts, then one plane a channel.
struct CifarRecord {
  std::int64_t labels, used;
  int classes;
  std::int64_t size() const { return labels + cifar_channels * cifar_area; }
};
constexpr CifarRecord cifar10_record{.labels = 1, .used = 0, .classes = 10};
constexpr CifarRecord coarse_record{.labels = 2, .used = 0, .classes = 20};
constexpr CifarRecord fine_record{.labels = 2, .used = 1, .classes = 100};

Images no_cifar_images() { return {.height = cifar_size, .width = cifar_size, .channels = cifar_channels}; }

/// Appends the `count` records of one file.
void append_cifar(Images& images, const std::string& path, std::int64_t count, const CifarRecord& format) {
  const InputFile file(path);
  const auto size = static_cast<std::uint64_t>(count * format.size());
  if (file.size() != size)
    throw IoError(path, fmt::format("expected {} bytes, {} records of {}, got {}", size, count, format.size(),
                                    file.size()));
  std::vector<std::byte> bytes(size);
  file.read(0, bytes);
  const auto* record = reinterpret_cast<const std::uint8_t*>(bytes.data());
  images.pixels.resize(static_cast<std::size_t>((images.count + count) * cifar_channels * cifar_area));
  std::uint8_t* pixel = images.pixels.data() + images.count * cifar_channels * cifar_area;
  for (std::int64_t i = 0; i < count; ++i, record += format.size()) {
    check_label(record[format.used], i, path, format.classes);
    images.labels.push_back(record[format.used]);
    const std::uint8_t* planes = record + format.labels;
    for (std::int64_t at = 0; at < cifar_area; ++at)
      for (std::int64_t c = 0; c < cifar_channels; ++c) *pixel++ = planes[c * cifar_area + at];
  }
  images.count += count;
}

}  // namespace

Images read_mnist(const std::string& directory, Split split) {
  check_directory(directory);
  const std::string part = split == Split::train ? "train" : "t10k";
  const std::string images_file = find_idx(directory, part + "-images-idx3-ubyte");
  const std::string labels_file = find_idx(directory, part + "-labels-idx1-ubyte");
  IdxArray images = read_idx(images_file), labels = read_idx(labels_file);
  if (images.shape.rank() != 3 || images.shape.contains(0))
    throw IoError(images_file, fmt::format("expected images of sizes [count,height,width], got {}",
                                           to_string(images.shape)));
  if (labels.shape != Shape{images.shape[0]})
    throw IoError(labels_file, fmt::format("expected labels of sizes [{}], one an image, got {}",
                                           images.shape[0], to_string(labels.shape)));
  for (std::size_t i = 0; i < labels.values.size(); ++i)
    check_label(labels.values[i], static_cast<std::int64_t>(i), labels_file, mnist_classes);
  return {.count = images.shape[0],
          .height = images.shape[1],
          .width = images.shape[2],
          .channels = 1,
          .pixels = std::move(images.values),
          .labels = std::move(labels.values)};
}

Images read_cifar10(const std::string& directory, Split split) {
  constexpr std::int64_t images_per_file = 10'000;
  return read_cifar10(directory, split, images_per_file);
}

Images read_cifar10(const std::string& directory, Split split, std::int64_t images_per_file) {
  check_directory(directory);
  Images images = no_cifar_images();
  const auto append = [&](const std::string& file) {
    append_cifar(images, fs::path(directory) / file, images_per_file, cifar10_record);
  };
  if (split == Split::test) {
    append("test_batch.bin");
  } else {
    for (int batch = 1; batch <= 5; ++batch) append(fmt::format("data_batch_{}.bin", batch));
  }
  return images;
}

Images read_cifar100(const std::string& directory, Split split, Cifar100Labels labels) {
  return read_cifar100(directory, split, labels, split == Split::train ? 50'000 : 10'000);
}

Images read_cifar100(const std::string& directory, Split split, Cifar100Labels labels, std::int64_t count) {
  check_directory(directory);
  Images images = no_cifar_images();
  append_cifar(images, fs::path(directory) / (split == Split::train ? "train.bin" : "test.bin"), count,
               labels == Cifar100Labels::fine ? fine_record : coarse_record);
  return images;
}

}  // namespace fornax::data
