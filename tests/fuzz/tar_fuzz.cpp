#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <vector>

#include "data/web_shard.h"
#include "fornax/base/error.h"

namespace {

/// Bytes are either refused with an IoError or a list of images that lie within them.
void scan(const std::vector<unsigned char>& file) {
  fornax::FileWindow window(std::as_bytes(std::span(file)), "file");
  try {
    for (const auto& entry : fornax::data::scan_web_shard(window))
      if (entry.offset > file.size() || entry.size > file.size() - entry.offset || entry.label < 0)
        std::abort();
  } catch (const fornax::IoError&) {  // refused
  }
}

}  // namespace

/// Any bytes, and the same with the checksum of a header in every block.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<unsigned char> file(data, data + size);
  scan(file);
  for (std::size_t block = 0; block + 512 <= size; block += 512) {
    unsigned char* const header = file.data() + block;
    if (std::all_of(header, header + 512, [](unsigned char byte) { return byte == 0; })) continue;
    std::fill_n(header + 148, 8, ' ');
    std::snprintf(reinterpret_cast<char*>(header) + 148, 8, "%06o",
                  std::accumulate(header, header + 512, 0u));
  }
  scan(file);
  return 0;
}
