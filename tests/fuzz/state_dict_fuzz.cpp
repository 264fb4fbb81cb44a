#include "io/state_dict.h"

#include <cstdlib>

#include "fornax/base/error.h"

namespace {

using namespace fornax::io::torch;

/// Aborts unless all elements are within the storage.
void check_extent(const Entry& entry, const Storage& storage) {
  if (entry.shape.contains(0)) return;
  __int128 last = entry.offset;
  for (int i = 0; i < entry.shape.rank(); ++i) {
    if (entry.shape[i] < 0 || entry.strides[i] < 0) std::abort();
    last += static_cast<__int128>(entry.shape[i] - 1) * entry.strides[i];
  }
  if (entry.offset < 0 || last >= storage.numel) std::abort();
}

}  // namespace

/// Any bytes are either refused with an IoError or parsed into views that stay in their storages; what was
/// parsed can be written and parsed again.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  StateDict state;
  try {
    state = parse_state_dict({reinterpret_cast<const std::byte*>(data), size}, "file");
  } catch (const fornax::IoError&) {
    return 0;
  }
  for (const Entry& entry : state.entries) check_extent(entry, state.storages.at(entry.storage));
  const std::string text = write_state_dict(state, "copy");
  const StateDict again = parse_state_dict(std::as_bytes(std::span(text)), "copy");
  if (again.entries.size() != state.entries.size()) std::abort();
  for (std::size_t i = 0; i < state.entries.size(); ++i) {
    const Entry &a = state.entries[i], &b = again.entries[i];
    if (!a.name.ends_with(b.name) || a.offset != b.offset || a.shape != b.shape || a.strides != b.strides)
      std::abort();
  }
  return 0;
}
