#pragma once

#include <cstddef>

namespace fornax::sim {

enum AccessKind : unsigned { access_read = 1, access_write = 2, access_atomic = 4 };

/// The running thread accesses device or shared memory; `after` is the return address of the access.
void check_thread_access(const void* data, std::size_t bytes, unsigned kind, const void* after);

}  // namespace fornax::sim
