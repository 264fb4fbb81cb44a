#include "cpu/scratch.h"

#include <cstdlib>

#include <fmt/format.h>

#include "fornax/base/error.h"

namespace fornax::cpu {

Scratch::Scratch(std::size_t bytes) : data_(std::aligned_alloc(64, (bytes + 63) / 64 * 64)) {
  if (data_ == nullptr && bytes > 0) {
    throw OutOfMemory("scratch", fmt::format("expected {} bytes of working memory, got none", bytes));
  }
}
Scratch::~Scratch() { std::free(data_); }

}  // namespace fornax::cpu
