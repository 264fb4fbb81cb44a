#pragma once

#include <map>
#include <string>

#include "fornax/base/export.h"
#include "fornax/tensor/state.h"

/// Files in the safetensors format (https://github.com/huggingface/safetensors#format), in which published
/// weights come.
namespace fornax::io {

/// Texts by key, the format's `__metadata__`.
using Metadata = std::map<std::string, std::string>;

struct Safetensors {
  State tensors;
  Metadata metadata;
};

/// Writes the tensors, whatever their device and strides, replacing the file at `path` as a whole or, if
/// anything fails, not at all (see AtomicFile). The same content gives the same bytes. Throws IoError, also
/// for names that are not UTF-8. Waits for the device.
FORNAX_API void save_safetensors(const std::string& path, const State& tensors,
                                 const Metadata& metadata = {});

/// Reads all tensors, contiguous, on the CPU. The file is not trusted: whatever is wrong with it is an
/// IoError that names the file, the tensor, what was expected and what came.
FORNAX_API Safetensors load_safetensors(const std::string& path);

}  // namespace fornax::io
