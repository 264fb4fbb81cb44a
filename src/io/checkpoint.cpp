#include "fornax/io/checkpoint.h"

#include <fmt/format.h>

#include <utility>

#include "fornax/base/error.h"

namespace fornax::io {
namespace {

constexpr const char* version_key = "fornax_checkpoint";
constexpr const char* version = "1";
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
  save_safetensors(path, all, metadata);
}

Checkpoint load_checkpoint(const std::string& path) {
  Safetensors file = load_safetensors(path);
  const std::string found = take(file.metadata, version_key);
  if (found != version)
    throw IoError(path, fmt::format("expected a checkpoint of version {}, got {}", version,
                                    found.empty() ? "another safetensors file" : "version " + found));
  Checkpoint checkpoint;
  const std::string names = take(file.metadata, parts_key);
  for (std::size_t begin = 0, end; (end = names.find('.', begin)) != std::string::npos; begin = end + 1) {
    const std::string name = names.substr(begin, end - begin);
    checkpoint.parts[name] = file.tensors.sub(name);
  }
  checkpoint.metadata = std::move(file.metadata);
  return checkpoint;
}

}  // namespace fornax::io
