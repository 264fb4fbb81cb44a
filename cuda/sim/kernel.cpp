// Policy: a launch is held against the limits of compute capability 8.0 when it is enqueued, as CUDA does;
// what the kernel does wrong is found when it runs.
#include <map>
#include <memory>
#include <string>

#include "sim/block.h"
#include "sim/call.h"
#include "sim/device_limits.h"
#include "sim/memory.h"
#include "sim/report.h"
#include "sim/stream.h"

namespace fornax::sim {
namespace {

/// Kernels that were allowed more dynamic shared memory than every kernel has.
std::map<const void*, std::size_t>& opted_in() {
  static auto& kernels = *new std::map<const void*, std::size_t>;
  return kernels;
}

cudaError_t check_limits(const void* kernel, dim3 grid, dim3 block, std::size_t shared_bytes) {
  const std::uint64_t threads = std::uint64_t{block.x} * block.y * block.z;
  const bool is_empty = threads == 0 || grid.x == 0 || grid.y == 0 || grid.z == 0;
  if (is_empty || threads > max_threads_of_block || block.x > max_block_x || block.y > max_block_y ||
      block.z > max_block_z || grid.x > max_grid_x || grid.y > max_grid_yz || grid.z > max_grid_yz)
    return cudaErrorInvalidConfiguration;
  const auto opted = opted_in().find(kernel);
  if (shared_bytes > (opted == opted_in().end() ? shared_bytes_of_block : opted->second))
    return cudaErrorInvalidValue;
  return cudaSuccess;
}

}  // namespace

void allow_dynamic_shared(const void* kernel, std::size_t bytes) { opted_in()[kernel] = bytes; }

cudaError_t enqueue_kernel(const Launch& launch, dim3 grid, dim3 block, std::size_t shared_bytes,
                           cudaStream_t handle) {
  const std::shared_ptr<void> arguments(launch.arguments, launch.drop);  // dropped when the kernel has run
  const Entry entry("launch");
  if (entry.fault() != cudaSuccess) return entry.result(entry.fault());
  const cudaError_t refusal = check_limits(launch.kernel, grid, block, shared_bytes);
  if (refusal != cudaSuccess) return entry.result(refusal);
  Stream* const stream = find_stream(handle);
  if (!stream || stream->device != current_device()) {
    if (stream) report("wrong-device", "a kernel is launched on a stream of a device that is not current");
    return entry.result(cudaErrorInvalidResourceHandle);
  }
  Operation operation;
  operation.kernel = launch.kernel;
  operation.run = [=, late_fault = entry.late_fault()] {
    if (late_fault != cudaSuccess) {
      lose_device(late_fault);
    } else {
      run_grid({grid, block, shared_bytes, launch});
    }
    static_cast<void>(arguments);
  };
  enqueue(*stream, std::move(operation));
  return entry.result(cudaSuccess);
}

}  // namespace fornax::sim
