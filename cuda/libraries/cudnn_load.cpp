#include <optional>

#include "libraries/cudnn.h"
#include "libraries/open.h"

namespace fornax::cuda {
namespace {

static_assert(CUDNN_MAJOR == 9, "the names below are those of cuDNN 9");

std::optional<Cudnn> open() {
  void* const library = open_library({"libcudnn.so.9", "libcudnn.so"});
  if (!library) return std::nullopt;
  Cudnn table;
  bool complete = true;
#define FORNAX_FIND(name) complete = find_symbol(library, "cudnn" #name, table.name) && complete;
  FORNAX_CUDNN_FUNCTIONS(FORNAX_FIND)
#undef FORNAX_FIND
  return complete ? std::optional(table) : std::nullopt;
}

}  // namespace

const Cudnn* load_cudnn() {
  static const std::optional<Cudnn> table = open();
  return table ? &*table : nullptr;
}

}  // namespace fornax::cuda
