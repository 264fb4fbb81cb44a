#include <algorithm>
#include <cstdlib>
#include <string>

#include "fornax/base/error.h"
#include "io/safetensors_format.h"

/// Any bytes are either refused with an IoError or parsed; what was parsed can be written and parsed again.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace fornax::io::safetensors;
  const std::span<const std::byte> file(reinterpret_cast<const std::byte*>(data), size);
  Header header;
  try {
    const std::uint64_t n = header_size(file.first(std::min(file.size(), prefix_size)), file.size(), "file");
    header = parse_header(file.subspan(prefix_size, n), file.size() - prefix_size - n, "file");
  } catch (const fornax::IoError&) {
    return 0;
  }
  Header written = header;
  const std::string text = layout(written, "copy");
  const std::uint64_t data_size = header.entries.empty() ? 0 : header.entries.back().end;
  const Header again = parse_header(std::as_bytes(std::span(text)).subspan(prefix_size), data_size, "copy");
  const auto names = [](const Header& of) {
    std::vector<std::string> all;
    for (const Entry& entry : of.entries) all.push_back(entry.name);
    std::ranges::sort(all);
    return all;
  };
  if (names(again) != names(header) || again.metadata != header.metadata) std::abort();
  return 0;
}
