#include "runtime/launch.h"

#include <fmt/core.h>

#include <algorithm>

#include "fornax/device/backend.h"
#include "runtime/check.h"
#include "runtime/device_state.h"
#include "runtime/partly.h"

namespace fornax::cuda {

cudaStream_t stream_for(const TensorView& view) { return native(current_stream(view.device)); }

unsigned grid_for(std::int64_t count, int block) {
  int device = 0;
  check(cudaGetDevice(&device), "cudaGetDevice");
  // Blocks of 256 threads fill a multiprocessor of 2,048; four times over, so that the last ones to finish
  // wait for little.
  const std::int64_t threads = std::int64_t{2048} * 4 * device_state(device).multiprocessors;
  const std::int64_t blocks = std::min((count + block - 1) / block, threads / block);
  return static_cast<unsigned>(std::max<std::int64_t>(blocks, 1));
}

Scratch::Scratch(std::size_t bytes, cudaStream_t stream) : stream_(stream) {
  if (bytes > 0) data_ = allocate_in_order(bytes, stream);
}

Scratch::~Scratch() {
  if (data_) free_in_order(data_, stream_);
}

void fail_partly(std::string_view op, int launches, const Error& error) {
  throw CudaError(op, fmt::format("expected to change all tensors, got those of {} launches and then {}; it "
                                  "was partly applied",
                                  launches, error.what()));
}

}  // namespace fornax::cuda
