#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

struct zip;  // libzip's zip_t

namespace fornax::io {

/// Records of a zip archive that are stored as they are, as torch.save() does. Every failure is an IoError
/// that names the file and the record.
class ZipReader {
 public:
  struct Record {
    std::string name;
    std::uint64_t index, size;  ///< size in bytes, no more than the archive has
  };

  explicit ZipReader(const std::string& path);
  /// An archive in memory that outlives the reader, called `path` in messages.
  ZipReader(std::span<const std::byte> bytes, std::string path);

  const std::string& path() const { return path_; }
  /// Size of the archive in bytes.
  std::uint64_t size() const { return size_; }
  /// The name of the first record.
  std::string first_name() const;
  /// Nothing if there is none of that name. Throws for one that is compressed or encrypted.
  std::optional<Record> find(const std::string& name) const;
  /// Fills `out`, which has the record's size. Throws unless these are the bytes that were written (CRC-32).
  void read(const Record& record, std::span<std::byte> out) const;

 private:
  struct Discard {
    void operator()(struct zip* archive) const;
  };

  std::string path_;
  std::uint64_t size_;
  std::unique_ptr<struct zip, Discard> archive_;
};

}  // namespace fornax::io
