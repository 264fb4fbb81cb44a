#pragma once

#include <cudnn.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <vector>

#include "sim/libraries/cudnn_convolution.h"

/// What the stand-in for cuDNN keeps of descriptors.
namespace fornax::sim {

struct Content;
using ContentPtr = std::shared_ptr<Content>;

struct Attribute {
  cudnnBackendAttributeType_t type;
  std::int64_t count;
  std::vector<std::byte> bytes;
  std::vector<ContentPtr> descriptors;  // instead of bytes
};

/// What a descriptor holds: handles share it, so that a child may be destroyed before its parent.
struct Content {
  cudnnBackendDescriptorType_t type;
  bool is_final = false;
  std::map<cudnnBackendAttributeName_t, Attribute> attributes;
};

/// The values of an attribute; empty if it was not set.
template <class T>
std::vector<T> values(const Content& of, cudnnBackendAttributeName_t name) {
  const auto found = of.attributes.find(name);
  if (found == of.attributes.end()) return {};
  std::vector<T> result(found->second.bytes.size() / sizeof(T));
  std::memcpy(result.data(), found->second.bytes.data(), result.size() * sizeof(T));
  return result;
}
/// The first of them.
template <class T>
T value(const Content& of, cudnnBackendAttributeName_t name, T missing) {
  const auto found = of.attributes.find(name);
  if (found == of.attributes.end() || found->second.bytes.size() < sizeof(T)) return missing;
  std::memcpy(&missing, found->second.bytes.data(), sizeof(T));
  return missing;
}
inline std::vector<ContentPtr> children(const Content& of, cudnnBackendAttributeName_t name) {
  const auto found = of.attributes.find(name);
  return found == of.attributes.end() ? std::vector<ContentPtr>{} : found->second.descriptors;
}

/// The convolution that a graph describes; kind none if it is something else.
GraphConvolution convolution_of(const Content& graph);

}  // namespace fornax::sim
