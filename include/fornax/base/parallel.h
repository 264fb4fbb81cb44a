#pragma once

#include <cstdint>

#include "fornax/base/export.h"
#include "fornax/base/function_ref.h"

/// The one thread pool of all CPU kernels.
namespace fornax {

/// Threads that kernels use, the caller included. Starts as FORNAX_NUM_THREADS, else the number of cores.
/// Throws ValueError if that variable is not a number from 1 to 1024.
FORNAX_API int num_threads();
/// Sets it for kernels that start from now on. Throws ValueError outside of 1 to 1024. May be called from any
/// thread.
FORNAX_API void set_num_threads(int threads);

/// Calls `body(first, last)` on disjoint pieces that cover [begin, end), and returns when all are done.
/// Pieces hold at least `grain` indices; which pieces there are must not change what `body` computes, since
/// it depends on the number of threads. Runs inline when one piece is enough, when called from inside a
/// parallel_for, or when another thread is using the pool. The first exception of a piece is rethrown here
/// after all pieces ended.
FORNAX_API void parallel_for(std::int64_t begin, std::int64_t end, std::int64_t grain,
                             FunctionRef<void(std::int64_t first, std::int64_t last)> body);

/// While alive, kernels called from this thread run on this thread alone: for DataLoader workers, which are
/// parallel already.
class FORNAX_API SerialGuard {
 public:
  SerialGuard();
  ~SerialGuard();
  SerialGuard(const SerialGuard&) = delete;
  SerialGuard& operator=(const SerialGuard&) = delete;

 private:
  bool before_;
};

}  // namespace fornax
