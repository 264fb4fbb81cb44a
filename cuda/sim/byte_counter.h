#pragma once

#include <cstddef>

namespace fornax::sim {

/// The running operation accesses device memory: adds the bytes that it had not read, or not written, before.
void count_bytes(const void* data, std::size_t bytes, bool reads, bool writes);

}  // namespace fornax::sim
