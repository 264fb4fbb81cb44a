#include "data/protobuf.h"

#include <fmt/core.h>

#include <algorithm>
#include <optional>

#include "fornax/base/error.h"

namespace fornax::data {
namespace {

enum WireType : std::uint64_t { varint = 0, fixed64 = 1, with_length = 2, fixed32 = 5 };

struct Field {
  std::uint64_t number, type;
  std::uint64_t value;  ///< of a varint
  Extent extent;        ///< of what has a length
};

/// The fields of a message in order.
class Reader {
 public:
  Reader(FileWindow& file, Extent rest) : file_(file), rest_(rest) {}

  std::optional<Field> next() {
    if (is_at_end()) return std::nullopt;
    const std::uint64_t begin = rest_.begin, key = read_varint();
    Field field{.number = key >> 3, .type = key & 7};
    switch (field.type) {
      case varint: field.value = read_varint(); break;
      case fixed64: take(8); break;
      case with_length: field.extent = take(read_varint()); break;
      case fixed32: take(4); break;
      default: fail("a field of wire type 0, 1, 2 or 5", begin, fmt::format("{}", field.type));
    }
    return field;
  }

  bool is_at_end() const { return rest_.size() == 0; }

  std::uint64_t read_varint() {
    constexpr std::uint64_t longest = 10;
    const auto bytes = file_.at(rest_.begin, std::min(rest_.size(), longest));
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      const auto byte = std::to_integer<std::uint64_t>(bytes[i]);
      value |= (byte & 0x7f) << (7 * i);
      if (byte >> 7 == 0) {
        rest_.begin += i + 1;
        return value;
      }
    }
    fail("a varint of up to 10 bytes within its message", rest_.begin, "a longer one");
  }

 private:
  Extent take(std::uint64_t size) {
    if (size > rest_.size())
      fail(fmt::format("a field within the {} bytes that are left of its message", rest_.size()), rest_.begin,
           fmt::format("{} bytes", size));
    const Extent taken{rest_.begin, rest_.begin + size};
    rest_.begin = taken.end;
    return taken;
  }
  [[noreturn]] void fail(std::string_view expected, std::uint64_t offset, std::string_view got) const {
    throw IoError(file_.path(), fmt::format("expected {} at offset {}, got {}", expected, offset, got));
  }

  FileWindow& file_;
  Extent rest_;
};

}  // namespace

void for_each_extent(FileWindow& file, Extent message, std::uint64_t number, FunctionRef<void(Extent)> use) {
  Reader fields(file, message);
  while (const auto field = fields.next())
    if (field->number == number && field->type == with_length) use(field->extent);
}

void for_each_int64(FileWindow& file, Extent message, std::uint64_t number,
                    FunctionRef<void(std::int64_t)> use) {
  Reader fields(file, message);
  while (const auto field = fields.next()) {
    if (field->number != number) continue;
    if (field->type == varint) use(static_cast<std::int64_t>(field->value));
    if (field->type == with_length)
      for (Reader packed(file, field->extent); !packed.is_at_end();)
        use(static_cast<std::int64_t>(packed.read_varint()));
  }
}

}  // namespace fornax::data
