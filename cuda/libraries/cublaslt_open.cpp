// The simulated device has stand-ins instead of this file (sim/cublaslt.cpp).
#include <optional>

#include "libraries/cublaslt.h"
#include "libraries/open.h"

#define FORNAX_TEXT_OF(number) #number
#define FORNAX_TEXT(number) FORNAX_TEXT_OF(number)

namespace fornax::cuda {
namespace {

std::optional<CublasLt> open() {
  // The major version whose header this is compiled by: another one's structures may differ.
  void* const library = open_library({"libcublasLt.so." FORNAX_TEXT(CUBLAS_VER_MAJOR), "libcublasLt.so"});
  if (!library) return std::nullopt;
  CublasLt table;
  bool complete = true;
#define FORNAX_FIND(name) complete = find_symbol(library, "cublasLt" #name, table.name) && complete;
  FORNAX_CUBLASLT_FUNCTIONS(FORNAX_FIND)
#undef FORNAX_FIND
  return complete ? std::optional(table) : std::nullopt;
}

}  // namespace

const CublasLt* cublaslt() {
  static const std::optional<CublasLt> table = open();
  return table ? &*table : nullptr;
}

}  // namespace fornax::cuda
