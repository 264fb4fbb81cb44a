#include "fornax/data/image_folder.h"

#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "base/file.h"
#include "data/extension.h"
#include "fornax/base/error.h"

namespace fornax::data {
namespace {

namespace fs = std::filesystem;

bool is_image(const fs::path& path) { return is_image_extension(lower_case(path.extension().string())); }

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

ImageFolder::ImageFolder(const std::string& root, EncodedImageOptions options)
    : EncodedImages("image_folder", std::move(options)) {
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

std::vector<std::byte> ImageFolder::read(std::int64_t index) const {
  return read_file(files_[static_cast<std::size_t>(index)].path);
}

}  // namespace fornax::data
