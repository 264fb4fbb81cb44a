#include <fmt/core.h>
#include <glob.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <optional>
#include <string_view>
#include <utility>

#include "fornax/base/error.h"
#include "fornax/data/sharded_images.h"

namespace fornax::data {
namespace {

/// A range {first..last} in a pattern.
struct Range {
  std::size_t begin, end;  ///< of the braces in the pattern
  std::int64_t first, last;
  std::size_t digits;
};

/// The whole text as a number of 0 or more.
std::optional<std::int64_t> number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

/// The first range of a pattern.
std::optional<Range> find_range(std::string_view pattern) {
  for (std::size_t begin = pattern.find('{'); begin != std::string_view::npos;
       begin = pattern.find('{', begin + 1)) {
    const auto end = pattern.find('}', begin);
    if (end == std::string_view::npos) break;
    const std::string_view inside = pattern.substr(begin + 1, end - begin - 1);
    const auto dots = inside.find("..");
    if (dots == std::string_view::npos) continue;
    const auto first = number(inside.substr(0, dots)), last = number(inside.substr(dots + 2));
    if (first && last) return Range{begin, end + 1, *first, *last, dots};
  }
  return std::nullopt;
}

/// Adds the files that match a pattern without ranges, in the order of their names.
void add_matches(const std::string& pattern, std::vector<std::string>& files) {
  glob_t found{};
  const int status = ::glob(pattern.c_str(), GLOB_NOSORT, nullptr, &found);
  std::vector<std::string> names(found.gl_pathv, found.gl_pathv + (status == 0 ? found.gl_pathc : 0));
  ::globfree(&found);
  if (names.empty()) throw IoError(pattern, "expected a file that matches this, got none");
  std::ranges::sort(names);  // by bytes, whatever the locale says
  std::ranges::move(names, std::back_inserter(files));
}

void expand(const std::string& pattern, std::vector<std::string>& files) {
  const auto range = find_range(pattern);
  if (!range) return add_matches(pattern, files);
  if (range->last < range->first)
    throw ValueError("expand_shards", fmt::format("expected a range that ends after it begins, got {}",
                                                  pattern.substr(range->begin, range->end - range->begin)));
  for (std::int64_t i = range->first; i <= range->last; ++i)
    expand(fmt::format("{}{:0{}}{}", pattern.substr(0, range->begin), i, range->digits,
                       pattern.substr(range->end)),
           files);
}

}  // namespace

std::vector<std::string> expand_shards(const std::string& pattern) {
  std::vector<std::string> files;
  expand(pattern, files);
  return files;
}

}  // namespace fornax::data
