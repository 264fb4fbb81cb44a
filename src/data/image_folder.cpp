#include "fornax/data/image_folder.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <utility>

#include "base/file.h"
#include "data/image_decode.h"
#include "data/image_parts.h"
#include "data/resize_view.h"
#include "data/sample_error.h"
#include "fornax/base/error.h"

namespace fornax::data {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t channels = 3;

bool is_image(const fs::path& path) {
  std::string extension = path.extension().string();
  for (char& c : extension) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  constexpr std::array<std::string_view, 3> known = {".jpg", ".jpeg", ".png"};
  return std::ranges::find(known, extension) != known.end();
}

/// Names of the directories in `root`, links to some included, in order.
std::vector<std::string> directories_of(const std::string& root) {
  std::vector<std::string> names;
  for (const fs::directory_entry& entry : fs::directory_iterator(root))
    if (entry.is_directory()) names.push_back(entry.path().filename().string());
  std::ranges::sort(names);
  return names;
}

/// Directory and name of each image below `root`, in order.
std::vector<std::pair<std::string, std::string>> images_below(const fs::path& root) {
  std::vector<std::pair<std::string, std::string>> images;
  for (const fs::directory_entry& entry :
       fs::recursive_directory_iterator(root, fs::directory_options::follow_directory_symlink))
    if (is_image(entry.path()) && !entry.is_directory())
      images.emplace_back(entry.path().parent_path().string(), entry.path().filename().string());
  std::ranges::sort(images);
  return images;
}

}  // namespace

ImageFolder::ImageFolder(const std::string& root, ImageFolderOptions options) : options_(std::move(options)) {
  if (options_.resize == 0) options_.resize = options_.size * 256 / 224;
  if (options_.size < 1 || options_.resize < options_.size)
    throw ValueError("image_folder",
                     fmt::format("expected a size of 1 or more and resize of no less, got {} and {}",
                                 options_.size, options_.resize));
  if (options_.decode.max_pixels < 1)
    throw ValueError("image_folder",
                     fmt::format("expected max_pixels of 1 or more, got {}", options_.decode.max_pixels));
  check_random_resized_crop("image_folder", options_.crop);
  check_statistics("image_folder", options_.mean, options_.stddev, channels);
  mean_ = per_channel(options_.mean, channels);
  stddev_ = per_channel(options_.stddev, channels);

  try {
    classes_ = directories_of(root);
    for (const std::string& name : classes_) add_class(fs::path(root) / name);
  } catch (const fs::filesystem_error& error) {
    throw IoError(error.path1().string(),
                  fmt::format("expected a directory of images, got: {}", error.code().message()));
  }
  if (classes_.empty()) throw IoError(root, "expected a directory for each class in it, got none");
}

void ImageFolder::add_class(const std::string& directory) {
  const auto label = files_.empty() ? 0 : files_.back().label + 1;
  const auto images = images_below(directory);
  if (images.empty()) throw IoError(directory, "expected files .jpg, .jpeg or .png in it, got none");
  for (const auto& [parent, name] : images) files_.push_back({fs::path(parent) / name, label});
}

std::int64_t ImageFolder::class_to_idx(const std::string& name) const {
  const auto found = std::ranges::lower_bound(classes_, name);
  if (found == classes_.end() || *found != name)
    throw ValueError("image_folder", fmt::format("expected the name of a class, got '{}'", name));
  return found - classes_.begin();
}

std::int64_t ImageFolder::label(std::int64_t index) const {
  check_index(index);
  return files_[static_cast<std::size_t>(index)].label;
}

std::string ImageFolder::name(std::int64_t index) const {
  check_index(index);
  return files_[static_cast<std::size_t>(index)].path;
}

Sample ImageFolder::get(std::int64_t index, SampleRandom& random) const {
  check_index(index);
  std::vector<Tensor> parts = empty_parts(1);
  put(parts, 0, index, random);
  return {join(parts).x.select(0, 0).contiguous(), parts[Part::labels].item<std::int64_t>()};
}

Batch ImageFolder::get_batch(std::span<const std::int64_t> indices, const EpochRandom& random) const {
  return join(get_parts(indices, random));
}

std::vector<Tensor> ImageFolder::get_parts(std::span<const std::int64_t> indices,
                                           const EpochRandom& random) const {
  for (const std::int64_t index : indices) check_index(index);
  std::vector<Tensor> parts = empty_parts(static_cast<std::int64_t>(indices.size()));
  std::int64_t place = 0;
  for (const std::int64_t index : indices)
    naming_sample(*this, index, [&] {
      SampleRandom numbers = random.sample(index);
      put(parts, place++, index, numbers);
    });
  return parts;
}

Batch ImageFolder::join(std::span<const Tensor> parts) const {
  return join_images(parts, {}, options_.format);
}

std::vector<Tensor> ImageFolder::empty_parts(std::int64_t count) const {
  return {empty({count, options_.size, options_.size, channels}, {.dtype = u8}),
          empty({count}, {.dtype = i64}), mean_, stddev_};
}

void ImageFolder::put(std::vector<Tensor>& parts, std::int64_t place, std::int64_t index,
                      SampleRandom& random) const {
  auto* const pixels =
      parts[Part::bytes].data<std::uint8_t>() + place * options_.size * options_.size * channels;
  constexpr std::int64_t most_replacements =
      100;  // of one image; by then the disk is at fault, not the files
  const std::int64_t most = options_.skip_corrupt ? std::min(size(), most_replacements) : 1;
  for (std::int64_t tries = 1;; ++tries, index = (index + 1) % size()) {
    try {
      decode(index, random, pixels);
      break;
    } catch (const IoError&) {
      if (tries == most) throw;
      skipped_.fetch_add(1, std::memory_order_relaxed);
    }
  }
  parts[Part::labels].data<std::int64_t>()[place] = files_[static_cast<std::size_t>(index)].label;
}

void ImageFolder::decode(std::int64_t index, SampleRandom& random, std::uint8_t* pixels) const {
  const std::string& path = files_[static_cast<std::size_t>(index)].path;
  decode_resized(
      read_file(path), path, options_.decode, options_.train && options_.reduce,
      [&](std::int64_t height, std::int64_t width) {
        if (!options_.train) return center_view(height, width, options_.resize, options_.size);
        ResizeView view = region_view(random_region(height, width, options_.crop, random), options_.size);
        view.mirrored = random.below(2) == 1;
        return view;
      },
      pixels);
}

}  // namespace fornax::data
