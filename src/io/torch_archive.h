#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/state_dict.h"
#include "io/zip_reader.h"

namespace fornax::io::torch {

/// What torch.save() wrote of a state dict: a zip archive with the records
///   <root>/data.pkl      the pickle, which describes the tensors
///   <root>/data/<key>    the bytes of a storage
///   <root>/byteorder     "little" or "big" (not before PyTorch 2.1)
///   <root>/version       of the format
/// Nothing of it is trusted. What is wrong is an IoError that names the file, the tensor or record, what was
/// expected and what came.
class Archive {
 public:
  explicit Archive(const std::string& path);
  /// A file in memory that outlives the archive, called `path` in messages.
  Archive(std::span<const std::byte> bytes, const std::string& path);

  /// Each storage has a record of its size, and all together no more bytes than the file.
  const StateDict& state_dict() const { return state_; }
  /// Fills `out`, which has the size of the storage. Throws where that cannot be read, and for booleans other
  /// than 0 and 1.
  void read(const Storage& storage, std::span<std::byte> out) const;

 private:
  explicit Archive(ZipReader zip);
  std::string name_of(const Storage& storage) const;
  /// Throws if there is none of that name.
  ZipReader::Record record(const std::string& name) const;
  std::vector<std::byte> read_record(const std::string& name, std::uint64_t most) const;
  [[noreturn]] void fail(const std::string& name, std::string_view message) const;

  ZipReader zip_;
  std::string root_;  ///< with the slash
  StateDict state_;
};

/// True if the file's first bytes say that it is for Archive to read, or to say why it cannot be.
bool is_torch_file(const std::string& path);

}  // namespace fornax::io::torch
