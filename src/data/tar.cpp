#include "data/tar.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <string_view>

#include "fornax/base/error.h"

namespace fornax::data {
namespace {

constexpr std::uint64_t block = 512;
/// No name is longer; what pax files keep besides (access lists, attributes) is shorter too.
constexpr std::uint64_t longest_extension = 1 << 20;

/// What extended headers say of the member that follows them.
struct Extension {
  std::optional<std::string> name;
  std::optional<std::uint64_t> size;
};

/// The header of a member,
/// https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html#tag_20_92_13_06
class Header {
 public:
  Header(FileWindow& archive, std::uint64_t offset) : path_(archive.path()), offset_(offset) {
    std::memcpy(bytes_.data(), archive.at(offset, block).data(), block);
  }

  bool is_end() const {
    return std::ranges::all_of(bytes_, [](char byte) { return byte == 0; });
  }
  char type() const { return bytes_[156]; }
  std::uint64_t size() const { return number("a size", field(124, 12)); }
  std::string name() const {
    const std::string_view name = text(0, 100), prefix = text(345, 155);
    const bool has_prefix = field(257, 6) == std::string_view("ustar\0", 6) && !prefix.empty();
    return has_prefix ? fmt::format("{}/{}", prefix, name) : std::string(name);
  }

  /// The sum of the header's bytes, its own taken as spaces: most of what is no header is found out by it.
  void check() const {
    std::uint64_t sum = 8 * ' ';
    for (std::size_t i = 0; i < block; ++i)
      if (i < 148 || i >= 156) sum += static_cast<unsigned char>(bytes_[i]);
    if (const std::uint64_t stored = number("a checksum", field(148, 8)); stored != sum)
      fail(fmt::format("a checksum of {}", sum), fmt::format("{}", stored));
  }

  [[noreturn]] void fail(const std::string& expected, std::string_view got) const {
    throw IoError(path_,
                  fmt::format("expected a tar header with {} at offset {}, got {}", expected, offset_, got));
  }

 private:
  std::string_view field(std::size_t offset, std::size_t size) const {
    return std::string_view(bytes_.data(), block).substr(offset, size);
  }
  std::string_view text(std::size_t offset, std::size_t size) const {
    const std::string_view whole = field(offset, size);
    return whole.substr(0, whole.find('\0'));
  }
  /// Octal digits with spaces around them, or binary after a byte of 0x80.
  std::uint64_t number(const char* what, std::string_view digits) const {
    std::uint64_t value = 0;
    if (digits.front() == '\x80') {
      for (const char digit : digits.substr(1)) {
        if (value >> 56 != 0) fail(fmt::format("{} below 2^64", what), "more");
        value = value << 8 | static_cast<unsigned char>(digit);
      }
      return value;
    }
    const auto first = std::min(digits.find_first_not_of(' '), digits.size());
    const char* const end = digits.data() + digits.size();
    const auto [rest, error] = std::from_chars(digits.data() + first, end, value, 8);
    if (error != std::errc() || (rest != end && *rest != ' ' && *rest != '\0'))
      fail(fmt::format("{} of octal digits", what), "others");
    return value;
  }

  std::string_view path_;
  std::uint64_t offset_;
  std::array<char, block> bytes_{};
};

/// Whether a header of this type says something of the next one.
bool is_extension(char type) { return type == 'L' || type == 'K' || type == 'x' || type == 'g'; }
bool is_regular(char type) { return type == '0' || type == '\0' || type == '7'; }
/// Links, devices, directories and pipes have no bytes, whatever their size says.
bool has_bytes(char type) { return type < '1' || type > '6'; }

/// Records "<length> <keyword>=<value>\n".
void read_pax(std::string_view records, const Header& header, Extension& extension) {
  const auto fail = [&] { header.fail("pax records of \"<length> <keyword>=<value>\"", "others"); };
  while (!records.empty()) {
    std::size_t length = 0;
    const auto [rest, error] = std::from_chars(records.data(), records.data() + records.size(), length);
    const auto digits = static_cast<std::size_t>(rest - records.data());
    if (error != std::errc() || length > records.size() || length < digits + 2 || *rest != ' ' ||
        records[length - 1] != '\n')
      fail();
    const std::string_view record = records.substr(digits + 1, length - digits - 2);
    const auto equals = record.find('=');
    if (equals == std::string_view::npos) fail();
    const std::string_view keyword = record.substr(0, equals), value = record.substr(equals + 1);
    if (keyword.starts_with("GNU.sparse.")) header.fail("files without holes", "a sparse one");
    if (keyword == "path") extension.name = value;
    if (keyword == "size") {
      std::uint64_t size = 0;
      const auto [end, wrong] = std::from_chars(value.data(), value.data() + value.size(), size);
      if (wrong != std::errc() || end != value.data() + value.size()) fail();
      extension.size = size;
    }
    records.remove_prefix(length);
  }
}

}  // namespace

std::optional<TarMember> TarReader::next() {
  Extension extension;
  for (;;) {
    const Header header(archive_, offset_);
    if (header.is_end()) return std::nullopt;
    header.check();
    const char type = header.type();
    if (type == 'S') header.fail("files without holes", "a sparse one");

    TarMember member{.offset = offset_ + block};
    if (has_bytes(type))
      member.size = is_extension(type) ? header.size() : extension.size.value_or(header.size());
    if (const std::uint64_t rest = archive_.size() - member.offset; member.size > rest)
      header.fail(fmt::format("a size of up to {}, what is left of the file,", rest),
                  fmt::format("{}", member.size));
    offset_ = member.offset + (member.size + block - 1) / block * block;

    if (type == 'L' || type == 'x') {
      if (member.size > longest_extension)
        header.fail(fmt::format("an extension of up to {} bytes", longest_extension),
                    fmt::format("{}", member.size));
      const auto bytes = archive_.at(member.offset, member.size);
      const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
      if (type == 'x')
        read_pax(text, header, extension);
      else
        extension.name = text.substr(0, text.find('\0'));
    } else if (is_regular(type)) {
      member.name = extension.name ? *extension.name : header.name();
      return member;
    } else if (!is_extension(type)) {
      extension = {};
    }
  }
}

}  // namespace fornax::data
