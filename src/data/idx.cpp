#include "fornax/data/idx.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "base/file.h"
#include "fornax/base/error.h"

namespace fornax::data {
namespace {

/// The bytes of a file in order, unpacked where they are gzip.
class Source {
 public:
  virtual ~Source() = default;
  /// Fills as much of `out` as there are bytes; returns how many.
  virtual std::size_t read(std::span<std::uint8_t> out) = 0;
};

class PlainSource final : public Source {
 public:
  explicit PlainSource(std::span<const std::byte> bytes) : bytes_(bytes) {}
  std::size_t read(std::span<std::uint8_t> out) override {
    const std::size_t size = std::min(out.size(), bytes_.size());
    if (size > 0) std::memcpy(out.data(), bytes_.data(), size);
    bytes_ = bytes_.subspan(size);
    return size;
  }

 private:
  std::span<const std::byte> bytes_;
};

class GzipSource final : public Source {
 public:
  GzipSource(std::span<const std::byte> bytes, std::string_view file) : bytes_(bytes), file_(file) {
    constexpr int gzip_only = 16;
    if (inflateInit2(&stream_, MAX_WBITS + gzip_only) != Z_OK)
      throw IoError(file, "expected to start zlib, got an error");
  }
  ~GzipSource() override { inflateEnd(&stream_); }

  /// Reading up to the end also checks the member's checksum.
  std::size_t read(std::span<std::uint8_t> out) override {
    std::size_t done = 0;
    while (done < out.size() && !ended_) {
      stream_.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(bytes_.data()));
      const uInt given = stream_.avail_in = chunk(bytes_.size());
      stream_.next_out = out.data() + done;
      stream_.avail_out = chunk(out.size() - done);
      const int status = inflate(&stream_, Z_NO_FLUSH);
      if (status == Z_BUF_ERROR)
        throw IoError(file_, "expected more gzip data, got its end: the file is truncated");
      if (status != Z_OK && status != Z_STREAM_END)
        throw IoError(file_, fmt::format("expected valid gzip data, got: {}",
                                         stream_.msg ? stream_.msg : zError(status)));
      bytes_ = bytes_.last(bytes_.size() - (given - stream_.avail_in));
      done = static_cast<std::size_t>(stream_.next_out - out.data());
      ended_ = status == Z_STREAM_END;
      if (ended_ && !bytes_.empty())
        throw IoError(file_, fmt::format("expected one gzip member, got {} bytes after it", bytes_.size()));
    }
    return done;
  }

 private:
  /// zlib counts in 32 bits.
  static uInt chunk(std::size_t size) { return static_cast<uInt>(std::min<std::size_t>(size, 1u << 30)); }

  std::span<const std::byte> bytes_;
  std::string_view file_;
  z_stream stream_{};
  bool ended_ = false;
};

std::unique_ptr<Source> open_source(std::span<const std::byte> bytes, std::string_view file) {
  const bool gzip = bytes.size() >= 2 && bytes[0] == std::byte{0x1f} && bytes[1] == std::byte{0x8b};
  if (gzip) return std::make_unique<GzipSource>(bytes, file);
  return std::make_unique<PlainSource>(bytes);
}

std::string type_name(std::uint8_t code) {
  switch (code) {
    case 0x09: return "signed bytes";
    case 0x0b: return "16-bit integers";
    case 0x0c: return "32-bit integers";
    case 0x0d: return "floats";
    case 0x0e: return "doubles";
    default: return fmt::format("type 0x{:02x}", code);
  }
}

}  // namespace

IdxArray parse_idx(std::span<const std::byte> bytes, std::string_view file) {
  const auto source = open_source(bytes, file);
  const auto read = [&](std::span<std::uint8_t> out) {
    if (source->read(out) < out.size())
      throw IoError(file, "expected an IDX header, got the end: the file is truncated");
  };

  std::uint8_t magic[4];
  read(magic);
  if (magic[0] != 0 || magic[1] != 0)
    throw IoError(file, fmt::format("expected an IDX file, which begins with 0000, got {:02x}{:02x}",
                                    magic[0], magic[1]));
  if (magic[2] != 0x08)
    throw IoError(file, fmt::format("expected an IDX file of unsigned bytes, got {}", type_name(magic[2])));
  if (magic[3] == 0 || magic[3] > max_rank)
    throw IoError(file,
                  fmt::format("expected an IDX file of 1 to {} dimensions, got {}", max_rank, magic[3]));

  IdxArray array;
  std::int64_t count = 1;
  for (int i = 0; i < magic[3]; ++i) {
    std::uint8_t size[4];
    read(size);
    array.shape.push_back(std::int64_t{size[0]} << 24 | size[1] << 16 | size[2] << 8 | size[3]);
    if (__builtin_mul_overflow(count, std::max<std::int64_t>(array.shape.back(), 1), &count))
      throw IoError(file,
                    fmt::format("expected less than 2^63 values, got sizes {}", to_string(array.shape)));
  }
  if (array.shape.contains(0)) count = 0;
  // Grows with what really comes: a declared size alone allocates nothing.
  while (array.values.size() < static_cast<std::size_t>(count)) {
    constexpr std::size_t first_step = 1 << 20;
    const std::size_t had = array.values.size();
    array.values.resize(std::min(static_cast<std::size_t>(count), std::max(2 * had, first_step)));
    const std::size_t got = source->read(std::span(array.values).subspan(had));
    if (had + got < array.values.size())
      throw IoError(file, fmt::format("expected {} values for sizes {}, got {}: the file is truncated", count,
                                      to_string(array.shape), had + got));
  }
  std::uint8_t more;
  if (source->read({&more, 1}) > 0)
    throw IoError(file,
                  fmt::format("expected {} values for sizes {}, got more", count, to_string(array.shape)));
  return array;
}

IdxArray read_idx(const std::string& path) { return parse_idx(read_file(path), path); }

}  // namespace fornax::data
