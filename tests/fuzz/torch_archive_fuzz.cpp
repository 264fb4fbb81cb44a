#include "io/torch_archive.h"

#include <cstdlib>
#include <vector>

#include "fornax/base/error.h"

/// Any bytes are either refused with an IoError or give each storage, of no more bytes together than there
/// are.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const std::span bytes(reinterpret_cast<const std::byte*>(data), size);
    const fornax::io::torch::Archive archive(bytes, "file");
    std::size_t all = 0;
    for (const auto& storage : archive.state_dict().storages) {
      std::vector<std::byte> out(static_cast<std::size_t>(storage.numel) * size_of(storage.dtype));
      archive.read(storage, out);
      all += out.size();
    }
    if (all > size) std::abort();
  } catch (const fornax::IoError&) {  // refused
  }
  return 0;
}
