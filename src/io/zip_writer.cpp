#include "io/zip_writer.h"

#include <zlib.h>

#include <concepts>

namespace fornax::io {
namespace {

constexpr std::uint64_t alignment = 64;
/// Greater numbers do not fit where zip first had them.
constexpr std::uint64_t largest = 0xffff'fffe;

/// Unsigned numbers, little-endian.
template <std::unsigned_integral... T>
std::string numbers(T... values) {
  std::string out;
  const auto add = [&](std::uint64_t value, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) out += static_cast<char>(value >> (8 * i) & 0xff);
  };
  (add(values, sizeof(T)), ...);
  return out;
}

using U16 = std::uint16_t;
using U32 = std::uint32_t;
using U64 = std::uint64_t;

U32 clipped(U64 value) { return value > largest ? 0xffff'ffff : static_cast<U32>(value); }

/// The zip64 field of the numbers that do not fit.
std::string zip64_field(std::initializer_list<U64> values) {
  std::string field;
  for (const U64 value : values)
    if (value > largest) field += numbers(value);
  return field.empty() ? field : numbers(U16{1}, static_cast<U16>(field.size())) + field;
}

/// What both headers say of the data. The date is that of PyTorch, none.
std::string description(U32 crc, U64 size, const std::string& name, const std::string& extra) {
  constexpr U16 version = 45, utf8 = 0x800, stored = 0, time = 0, date = 0;
  return numbers(version, utf8, stored, time, date, crc, clipped(size), clipped(size),
                 static_cast<U16>(name.size()), static_cast<U16>(extra.size()));
}

}  // namespace

std::string zip_local_header(const std::string& name, std::uint32_t crc, std::uint64_t size,
                             std::uint64_t offset) {
  constexpr U64 fixed = 30, field_header = 4;
  std::string extra = zip64_field({size, size});
  const U64 end = offset + fixed + name.size() + extra.size() + field_header;
  const U64 padding = (alignment - end % alignment) % alignment;
  extra += "FB" + numbers(static_cast<U16>(padding)) + std::string(padding, 'Z');  // as PyTorch
  return "PK\3\4" + description(crc, size, name, extra) + name + extra;
}

std::string zip_directory_header(const std::string& name, std::uint32_t crc, std::uint64_t size,
                                 std::uint64_t offset) {
  constexpr U16 made_by = 0, comment = 0, disk = 0, internal = 0;
  constexpr U32 external = 0;
  const std::string extra = zip64_field({size, size, offset});
  return "PK\1\2" + numbers(made_by) + description(crc, size, name, extra) +
         numbers(comment, disk, internal, external, clipped(offset)) + name + extra;
}

void ZipWriter::add(const std::string& name, std::span<const std::byte> bytes) {
  const auto crc = static_cast<U32>(crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
  directory_ += zip_directory_header(name, crc, bytes.size(), offset_);
  write(zip_local_header(name, crc, bytes.size(), offset_));
  file_.write(bytes);
  offset_ += bytes.size();
  ++records_;
}

void ZipWriter::finish() {
  constexpr U16 version = 45, no_comment = 0, disk = 0, see_zip64 = 0xffff;
  constexpr U32 disk_of_directory = 0, disks = 1;
  constexpr U64 rest_of_record = 44;
  const U64 directory = offset_, size = directory_.size(), end = directory + size;
  write(directory_);
  write("PK\6\6" + numbers(rest_of_record, version, version, disk_of_directory, disk_of_directory, records_,
                           records_, size, directory));
  write("PK\6\7" + numbers(disk_of_directory, end, disks));
  const U16 records = records_ < see_zip64 ? static_cast<U16>(records_) : see_zip64;
  write("PK\5\6" + numbers(disk, disk, records, records, clipped(size), clipped(directory), no_comment));
}

void ZipWriter::write(const std::string& bytes) {
  file_.write(bytes);
  offset_ += bytes.size();
}

}  // namespace fornax::io
