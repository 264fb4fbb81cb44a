#include "data/web_shard.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

#include "data/extension.h"
#include "data/tar.h"
#include "fornax/base/error.h"

namespace fornax::data {
namespace {

/// The parts of a name before and from the first dot of its last component on; no key where nothing is before
/// the dot, or there is none.
std::pair<std::string_view, std::string_view> split(std::string_view name) {
  const auto slash = name.rfind('/');
  const std::size_t base = slash == std::string_view::npos ? 0 : slash + 1;
  const auto dot = name.find('.', base);
  if (dot == std::string_view::npos || dot == base) return {};
  return {name.substr(0, dot), name.substr(dot)};
}

/// A class as `.cls` members hold it: its number in decimal digits.
std::int64_t read_label(FileWindow& archive, const TarMember& member) {
  constexpr std::uint64_t longest = 32;
  const auto fail = [&](std::string_view got) {
    throw IoError(archive.path(),
                  fmt::format("expected {} to hold a number of 0 or more, got {}", member.name, got));
  };
  if (member.size > longest) fail(fmt::format("{} bytes", member.size));
  const auto bytes = archive.at(member.offset, member.size);
  std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  constexpr std::string_view space = " \t\r\n";
  text.remove_prefix(std::min(text.find_first_not_of(space), text.size()));
  text = text.substr(0, text.find_last_not_of(space) + 1);
  std::int64_t label = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), label);
  if (error != std::errc() || end != text.data() + text.size()) fail("something else");
  if (label < 0) fail(fmt::format("{}", label));
  return label;
}

/// Members of one key that follow one another.
struct Group {
  std::string key;
  std::optional<TarMember> image;
  std::optional<std::int64_t> label;
};

}  // namespace

std::vector<ShardEntry> scan_web_shard(FileWindow& archive) {
  std::vector<ShardEntry> entries;
  Group group;
  const auto fail = [&](const char* expected, const char* got) {
    throw IoError(archive.path(), fmt::format("expected {} for {}, got {}", expected, group.key, got));
  };
  const auto finish = [&] {
    constexpr const char* image = "an image .jpg, .jpeg or .png";
    if (!group.image) fail(image, "none");
    if (!group.label) fail("a label .cls", "none");
    entries.push_back({group.image->offset, group.image->size, *group.label, std::move(group.image->name)});
  };

  TarReader members(archive);
  while (auto member = members.next()) {
    const auto [key, rest] = split(member->name);
    if (key.empty()) continue;
    if (key != group.key) {
      if (!group.key.empty()) finish();
      group = {.key = std::string(key)};
    }
    const std::string extension = lower_case(rest);
    if (is_image_extension(extension)) {
      if (group.image) fail("one image", "several");
      group.image = std::move(*member);
    } else if (extension == ".cls") {
      if (group.label) fail("one label", "several");
      group.label = read_label(archive, *member);
    }
  }
  if (!group.key.empty()) finish();
  return entries;
}

}  // namespace fornax::data
