#include "io/torch_archive.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>
#include <vector>

#include "base/file.h"
#include "fornax/base/error.h"
#include "io/text.h"

namespace fornax::io::torch {
namespace {

/// How a zip archive begins, and a pickle, which was torch.save()'s format before.
constexpr std::array zip_magic{std::byte{'P'}, std::byte{'K'}, std::byte{3}, std::byte{4}};
constexpr std::array pickle_magic{std::byte{0x80}, std::byte{2}};

/// A state dict needs some 200 bytes of pickle for a tensor; parsing may take 60 times what there is.
constexpr std::uint64_t max_pickle_size = 32 << 20, max_order_size = 16;

bool starts_with(std::span<const std::byte> bytes, std::span<const std::byte> magic) {
  return bytes.size() >= magic.size() && std::ranges::equal(bytes.first(magic.size()), magic);
}

void check_start(std::span<const std::byte> start, std::string_view path) {
  if (starts_with(start, pickle_magic))
    throw IoError(path,
                  "expected the zip format of torch.save(), got that of PyTorch before 1.6: convert the "
                  "file by torch.save(torch.load(path, map_location='cpu'), path)");
  if (!starts_with(start, zip_magic))
    throw IoError(path, "expected a file that torch.save() wrote, got something else");
}

std::vector<std::byte> read_start(const std::string& path) {
  const InputFile file(path);
  std::vector<std::byte> start(std::min<std::uint64_t>(zip_magic.size(), file.size()));
  file.read(0, start);
  return start;
}

const std::string& checked(const std::string& path) {
  check_start(read_start(path), path);
  return path;
}
std::span<const std::byte> checked(std::span<const std::byte> bytes, std::string_view path) {
  check_start(bytes, path);
  return bytes;
}

}  // namespace

Archive::Archive(const std::string& path) : Archive(ZipReader(checked(path))) {}

Archive::Archive(std::span<const std::byte> bytes, const std::string& path)
    : Archive(ZipReader(checked(bytes, path), path)) {}

Archive::Archive(ZipReader zip) : zip_(std::move(zip)) {
  const std::string first = zip_.first_name();
  root_ = first.substr(0, first.find('/')) + "/";
  const std::string byteorder = root_ + "byteorder";
  if (zip_.find(byteorder)) {
    const std::vector<std::byte> order = read_record(byteorder, max_order_size);
    const std::string_view text(reinterpret_cast<const char*>(order.data()), order.size());
    if (text != "little") fail(byteorder, fmt::format("expected 'little', got {}", quote(text)));
  }
  state_ = parse_state_dict(read_record(root_ + "data.pkl", max_pickle_size), zip_.path());
  std::uint64_t all = 0;
  for (const Storage& storage : state_.storages) {
    const std::uint64_t size = record(name_of(storage)).size;
    std::uint64_t expected = size_of(storage.dtype);
    if (__builtin_mul_overflow(expected, static_cast<std::uint64_t>(storage.numel), &expected) ||
        expected != size)
      fail(name_of(storage), fmt::format("expected {} numbers of {}, got {} bytes", storage.numel,
                                         fornax::name_of(storage.dtype), size));
    all += size;
    if (all > zip_.size())
      fail(name_of(storage),
           fmt::format("expected storages of at most the {} bytes of the file, got more", zip_.size()));
  }
}

void Archive::read(const Storage& storage, std::span<std::byte> out) const {
  zip_.read(record(name_of(storage)), out);
  if (storage.dtype != boolean) return;  // any other byte in a bool is undefined behaviour
  const auto bad = std::ranges::find_if(out, [](std::byte b) { return b > std::byte{1}; });
  if (bad != out.end())
    fail(name_of(storage), fmt::format("expected booleans of 0 or 1, got {}", std::to_integer<int>(*bad)));
}

std::string Archive::name_of(const Storage& storage) const { return root_ + "data/" + storage.key; }

ZipReader::Record Archive::record(const std::string& name) const {
  auto found = zip_.find(name);
  if (!found) fail(name, "expected a record of this name, as torch.save() writes it, got none");
  return *std::move(found);
}

std::vector<std::byte> Archive::read_record(const std::string& name, std::uint64_t most) const {
  const ZipReader::Record found = record(name);
  if (found.size > most) fail(name, fmt::format("expected at most {} bytes, got {}", most, found.size));
  std::vector<std::byte> bytes(found.size);
  zip_.read(found, bytes);
  return bytes;
}

void Archive::fail(const std::string& name, std::string_view message) const {
  throw IoError(zip_.path(), fmt::format("record {}: {}", quote(name), message));
}

bool is_torch_file(const std::string& path) {
  const std::vector<std::byte> start = read_start(path);
  return starts_with(start, zip_magic) || starts_with(start, pickle_magic);
}

}  // namespace fornax::io::torch
