#include "fornax/io/safetensors.h"

#include <fmt/core.h>

#include <algorithm>
#include <bit>
#include <span>
#include <vector>

#include "base/file.h"
#include "fornax/autograd/grad_mode.h"
#include "fornax/base/error.h"
#include "fornax/io/atomic_file.h"
#include "io/safetensors_format.h"

namespace fornax::io {
namespace {

static_assert(std::endian::native == std::endian::little, "the data of the format are little-endian");

std::span<std::byte> bytes_of(const Tensor& contiguous) {
  auto* data = static_cast<std::byte*>(static_cast<TensorView>(contiguous).data);
  return {data, static_cast<std::size_t>(contiguous.numel()) * size_of(contiguous.dtype())};
}

Tensor read_tensor(const InputFile& file, std::uint64_t data_begin, const safetensors::Entry& entry) {
  Tensor tensor = empty(entry.shape, {.dtype = entry.dtype});
  const std::span<std::byte> bytes = bytes_of(tensor);
  file.read(data_begin + entry.begin, bytes);
  if (entry.dtype == boolean) {  // any other byte in a bool is undefined behaviour
    const auto bad = std::ranges::find_if(bytes, [](std::byte b) { return b > std::byte{1}; });
    if (bad != bytes.end())
      throw IoError(file.path(), fmt::format("tensor {}: expected booleans of 0 or 1, got {}",
                                             safetensors::quote(entry.name), std::to_integer<int>(*bad)));
  }
  return tensor;
}

}  // namespace

void save_safetensors(const std::string& path, const State& tensors, const Metadata& metadata) {
  const NoGrad no_grad;
  safetensors::Header header{.metadata = metadata};
  for (const auto& [name, tensor] : tensors)
    header.entries.push_back({.name = name, .dtype = tensor.dtype(), .shape = tensor.shape()});
  const std::string start = safetensors::layout(header, path);
  AtomicFile file(path);
  file.write(start);
  for (const safetensors::Entry& entry : header.entries)
    file.write(bytes_of(tensors.at(entry.name).to(Device::cpu()).contiguous()));
  file.commit();
}

Safetensors load_safetensors(const std::string& path) {
  const InputFile file(path);
  std::vector<std::byte> start(std::min(file.size(), safetensors::prefix_size));
  file.read(0, start);
  std::vector<std::byte> json(safetensors::header_size(start, file.size(), path));
  file.read(start.size(), json);
  const std::uint64_t data_begin = start.size() + json.size();
  safetensors::Header header = safetensors::parse_header(json, file.size() - data_begin, path);
  Safetensors loaded{.metadata = std::move(header.metadata)};
  for (const safetensors::Entry& entry : header.entries)
    loaded.tensors.add(entry.name, read_tensor(file, data_begin, entry));
  return loaded;
}

}  // namespace fornax::io
