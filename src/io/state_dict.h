#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fornax/base/dtype.h"
#include "fornax/base/shape.h"

/// The pickle with which torch.save() describes a state dict, without files or tensors.
namespace fornax::io::torch {

/// A block of memory in the file, of elements of one type.
struct Storage {
  std::string key;  ///< the record "data/<key>" holds it
  DType dtype;
  std::int64_t numel;
};

/// A tensor: a strided view of a storage, in elements. Where it has any, they lie within the storage.
struct Entry {
  std::string name;
  std::size_t storage;  ///< which of the state dict's
  std::int64_t offset = 0;
  Shape shape;
  Strides strides;
};

struct StateDict {
  std::vector<Storage> storages;  ///< each key once
  std::vector<Entry> entries;     ///< each name once
};

/// The tensors of a pickle, in its order: those of the dict that it is, or that it holds under one of the
/// keys of checkpoints (io::load_torch has them). Throws IoError that names `file`, the tensor or what of the
/// pickle is refused, what was expected and what came. Memory is a small multiple of the bytes given.
StateDict parse_state_dict(std::span<const std::byte> bytes, std::string_view file);

/// The pickle of an OrderedDict of these tensors. Throws IoError naming `file` for a name that is not UTF-8.
std::string write_state_dict(const StateDict& state, std::string_view file);

}  // namespace fornax::io::torch
