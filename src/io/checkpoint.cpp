#include "fornax/io/checkpoint.h"

#include <fmt/format.h>

#include <utility>

#include "fornax/base/error.h"
#include "io/safetensors_file.h"

namespace fornax::io {
namespace {

constexpr const char* version_key = "fornax_checkpoint";
constexpr const char* version = "2";
constexpr const char* parts_key =
    "fornax_parts";  ///< names each followed by a '.': a part may hold no tensor at all

/// Removes `key` and returns its text; empty if there is none.
std::string take(Metadata& metadata, const char* key) {
  const auto node = metadata.extract(key);
  return node.empty() ? "" : node.mapped();
}

}  // namespace

const State& Checkpoint::part(std::string_view name) const {
  if (const auto found = parts.find(name); found != parts.end()) return found->second;
  std::string there;
  for (const auto& [other, state] : parts) there += fmt::format("{}'{}'", there.empty() ? "" : ", ", other);
  throw ValueError("checkpoint",
                   fmt::format("expected a part '{}', got {}", name, there.empty() ? "none" : there));
}

void save_checkpoint(const std::string& path, const Checkpoint& checkpoint) {
  State all;
  std::string parts;
  for (const auto& [name, state] : checkpoint.parts) {
    if (name.empty() || name.find('.') != std::string::npos)
      throw ValueError("save_checkpoint", fmt::format("expected parts' names without '.', got '{}'", name));
    all.merge(name, state);
    parts += name + ".";
  }
  Metadata metadata = checkpoint.metadata;
  metadata[version_key] = version;
  metadata[parts_key] = parts;
  write_safetensors_checked(path, all, std::move(metadata));
}

Checkpoint load_checkpoint(const std::string& path) {
  const SafetensorsFile file(path);
  Metadata metadata = file.metadata();
  const std::string found = take(metadata, version_key);
  if (found != version)
    throw IoError(path, fmt::format("expected a checkpoint of version {}, got {}", version,
                                    found.empty() ? "another safetensors file" : "version " + found));
  const State tensors = file.read_tensors_checked();
  take(metadata, checksum_key);
  Checkpoint checkpoint;
  const std::string names = take(metadata, parts_key);
  for (std::size_t begin = 0, end; (end = names.find('.', begin)) != std::string::npos; begin = end + 1) {
    const std::string name = names.substr(begin, end - begin);
    checkpoint.parts[name] = tensors.sub(name);
  }
  checkpoint.metadata = std::move(metadata);
  return checkpoint;
}

}  // namespace fornax::io
