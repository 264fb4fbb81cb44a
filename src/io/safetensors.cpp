#include "fornax/io/safetensors.h"

#include <fmt/core.h>
#include <zlib.h>

#include <algorithm>
#include <bit>
#include <span>
#include <utility>

#include "fornax/autograd/grad_mode.h"
#include "fornax/base/error.h"
#include "fornax/io/atomic_file.h"
#include "io/safetensors_file.h"
#include "io/tensor_bytes.h"
#include "io/text.h"

namespace fornax::io {
namespace {

static_assert(std::endian::native == std::endian::little, "the data of the format are little-endian");

using safetensors::Entry;
using safetensors::Header;

Header header_of(const State& tensors, Metadata metadata) {
  Header header{.metadata = std::move(metadata)};
  for (const auto& [name, tensor] : tensors)
    header.entries.push_back({.name = name, .dtype = tensor.dtype(), .shape = tensor.shape()});
  return header;
}

/// The tensor on the CPU, row-major.
Tensor plain(const Tensor& tensor) { return tensor.to(Device::cpu()).contiguous(); }

Tensor read_tensor(const InputFile& file, std::uint64_t data_begin, const Entry& entry) {
  Tensor tensor = empty(entry.shape, {.dtype = entry.dtype});
  const std::span<std::byte> bytes = bytes_of(tensor);
  file.read(data_begin + entry.begin, bytes);
  if (entry.dtype == boolean) {  // any other byte in a bool is undefined behaviour
    const auto bad = std::ranges::find_if(bytes, [](std::byte b) { return b > std::byte{1}; });
    if (bad != bytes.end())
      throw IoError(file.path(), fmt::format("tensor {}: expected booleans of 0 or 1, got {}",
                                             quote(entry.name), std::to_integer<int>(*bad)));
  }
  return tensor;
}

class Checksum {
 public:
  void add(std::span<const std::byte> bytes) {
    value_ = ::crc32_z(value_, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size());
  }
  std::string digits() const { return fmt::format("{:08x}", value_); }

 private:
  uLong value_ = ::crc32_z(0, nullptr, 0);
};

constexpr std::string_view no_digits = "00000000";

/// The text of a header in which a checksum of these digits stands.
std::string entry_of_checksum(std::string_view digits) {
  return fmt::format("\"{}\":\"{}\"", checksum_key, digits);
}

}  // namespace

void save_safetensors(const std::string& path, const State& tensors, const Metadata& metadata) {
  const NoGrad no_grad;
  Header header = header_of(tensors, metadata);
  const std::string start = safetensors::layout(header, path);
  AtomicFile file(path);
  file.write(start);
  for (const Entry& entry : header.entries) file.write(bytes_of(plain(tensors.at(entry.name))));
  file.commit();
}

void write_safetensors_checked(const std::string& path, const State& tensors, Metadata metadata) {
  const NoGrad no_grad;
  metadata[checksum_key] = no_digits;
  Header header = header_of(tensors, std::move(metadata));
  std::string start = safetensors::layout(header, path);
  Checksum checksum;
  checksum.add(std::as_bytes(std::span(start)));
  std::vector<Tensor> data;  // the checksum comes before what it is of: all leave their device first
  for (const Entry& entry : header.entries) {
    data.push_back(plain(tensors.at(entry.name)));
    checksum.add(bytes_of(data.back()));
  }
  const std::string zeros = entry_of_checksum(no_digits);
  start.replace(start.find(zeros), zeros.size(), entry_of_checksum(checksum.digits()));
  AtomicFile file(path);
  file.write(start);
  for (const Tensor& tensor : data) file.write(bytes_of(tensor));
  file.commit();
}

SafetensorsFile::SafetensorsFile(const std::string& path) : file_(path) {
  start_.resize(std::min(file_.size(), safetensors::prefix_size));
  file_.read(0, start_);
  const std::uint64_t prefix = start_.size(), size = safetensors::header_size(start_, file_.size(), path);
  start_.resize(prefix + size);
  const std::span<std::byte> json = std::span(start_).subspan(prefix);
  file_.read(prefix, json);
  header_ = safetensors::parse_header(json, file_.size() - start_.size(), path);
}

State SafetensorsFile::read_tensors() const {
  State tensors;
  for (const Entry& entry : header_.entries) tensors.add(entry.name, read_tensor(file_, data_begin(), entry));
  return tensors;
}

State SafetensorsFile::read_tensors_checked() const {
  const auto found = header_.metadata.find(checksum_key);
  if (found == header_.metadata.end())
    throw IoError(file_.path(), fmt::format("expected a checksum '{}', got none", checksum_key));
  std::string start(reinterpret_cast<const char*>(start_.data()), start_.size());
  const std::string entry = entry_of_checksum(found->second);
  const std::size_t at = start.find(entry);
  if (at != std::string::npos && found->second.size() == no_digits.size())
    start.replace(at, entry.size(), entry_of_checksum(no_digits));
  Checksum checksum;
  checksum.add(std::as_bytes(std::span(start)));
  State tensors = read_tensors();
  for (const auto& [name, tensor] : tensors) checksum.add(bytes_of(tensor));  // in the order of the file
  if (checksum.digits() != found->second)
    throw IoError(file_.path(), fmt::format("expected bytes of checksum {}, got {}", quote(found->second),
                                            checksum.digits()));
  return tensors;
}

Safetensors load_safetensors(const std::string& path) {
  const SafetensorsFile file(path);
  return {.tensors = file.read_tensors(), .metadata = file.metadata()};
}

}  // namespace fornax::io
