#include "io/zip_reader.h"

#include <fmt/core.h>
#include <zip.h>

#include <utility>

#include "base/file.h"
#include "fornax/base/error.h"
#include "io/text.h"

namespace fornax::io {
namespace {

/// What libzip says of an error, which is freed.
std::string message_of(zip_error_t error) {
  std::string message = zip_error_strerror(&error);
  zip_error_fini(&error);
  return message;
}

[[noreturn]] void fail_to_open(const std::string& path, zip_error_t error) {
  throw IoError(path, fmt::format("expected a zip archive, got: {}", message_of(error)));
}

zip_t* open_file(const std::string& path) {
  int code = 0;
  zip_t* archive = zip_open(path.c_str(), ZIP_RDONLY, &code);
  if (archive) return archive;
  zip_error_t error;
  zip_error_init_with_code(&error, code);
  fail_to_open(path, error);
}

zip_t* open_memory(std::span<const std::byte> bytes, const std::string& path) {
  zip_error_t error;
  zip_error_init(&error);
  zip_source_t* source = zip_source_buffer_create(bytes.data(), bytes.size(), 0, &error);
  if (!source) fail_to_open(path, error);
  zip_t* archive = zip_open_from_source(source, ZIP_RDONLY, &error);
  if (archive) return archive;
  zip_source_free(source);
  fail_to_open(path, error);
}

}  // namespace

void ZipReader::Discard::operator()(struct zip* archive) const { zip_discard(archive); }

ZipReader::ZipReader(const std::string& path)
    : path_(path), size_(InputFile(path).size()), archive_(open_file(path)) {}

ZipReader::ZipReader(std::span<const std::byte> bytes, std::string path)
    : path_(std::move(path)), size_(bytes.size()), archive_(open_memory(bytes, path_)) {}

std::string ZipReader::first_name() const {
  const char* name = zip_get_name(archive_.get(), 0, ZIP_FL_ENC_RAW);
  if (!name) throw IoError(path_, "expected a zip archive of at least one record, got an empty one");
  return name;
}

std::optional<ZipReader::Record> ZipReader::find(const std::string& name) const {
  const zip_int64_t index = zip_name_locate(archive_.get(), name.c_str(), ZIP_FL_ENC_RAW);
  if (index < 0) return std::nullopt;
  Record record{.name = name, .index = static_cast<std::uint64_t>(index), .size = 0};
  zip_stat_t info;
  if (zip_stat_index(archive_.get(), record.index, 0, &info) != 0)
    throw IoError(path_, fmt::format("record {}: {}", quote(name), zip_strerror(archive_.get())));
  if (info.comp_method != ZIP_CM_STORE || info.encryption_method != ZIP_EM_NONE)
    throw IoError(path_,
                  fmt::format("record {}: expected plain bytes, as torch.save() writes them, got {}",
                              quote(name), info.comp_method == ZIP_CM_STORE ? "encrypted" : "compressed"));
  if (info.size > size_ || info.size != info.comp_size)
    throw IoError(path_, fmt::format("record {}: expected bytes within the {} of the file, got {}",
                                     quote(name), size_, info.size));
  record.size = info.size;
  return record;
}

void ZipReader::read(const Record& record, std::span<std::byte> out) const {
  const auto fail = [&](const char* why) {
    throw IoError(path_,
                  fmt::format("record {}: expected {} bytes, got: {}", quote(record.name), record.size, why));
  };
  const std::unique_ptr<zip_file_t, int (*)(zip_file_t*)> file(
      zip_fopen_index(archive_.get(), record.index, 0), zip_fclose);
  if (!file) fail(zip_strerror(archive_.get()));
  zip_int64_t got = 1;
  while (got > 0) {  // the read that gives nothing compares the checksum
    std::byte beyond;
    const bool is_full = out.empty();
    got = is_full ? zip_fread(file.get(), &beyond, 1) : zip_fread(file.get(), out.data(), out.size());
    if (got < 0) fail(zip_file_strerror(file.get()));
    if (is_full ? got > 0 : got == 0) fail(is_full ? "more" : "fewer");
    if (!is_full) out = out.subspan(static_cast<std::size_t>(got));
  }
}

}  // namespace fornax::io
