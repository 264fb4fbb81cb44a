#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "fornax/base/export.h"
#include "fornax/data/encoded_images.h"

namespace fornax::data {

/// Images in a directory for each class, as torchvision's ImageFolder has them: `root`/cat/any/name.jpg.
/// Classes are the directories in the order of their names; samples the files .jpg, .jpeg and .png (in small
/// or capital letters) at any depth below, class by class, in the order of their paths.
class FORNAX_API ImageFolder final : public EncodedImages {
 public:
  /// Lists the files. Throws IoError where the directory cannot be read, has no class, or a class no image;
  /// ValueError for options that make no sense.
  ImageFolder(const std::string& root, EncodedImageOptions options);

  std::int64_t size() const override { return static_cast<std::int64_t>(files_.size()); }
  /// The file's path.
  std::string name(std::int64_t index) const override;
  std::int64_t label(std::int64_t index) const override;

  /// Names by label.
  const std::vector<std::string>& classes() const { return classes_; }
  /// The label of a class. Throws ValueError if there is none of this name.
  std::int64_t class_to_idx(const std::string& name) const;

 private:
  struct File {
    std::string path;
    std::int64_t label;
  };
  void add_class(const std::string& directory);
  std::vector<std::byte> read(std::int64_t index) const override;

  std::vector<std::string> classes_;
  std::vector<File> files_;
};

}  // namespace fornax::data
