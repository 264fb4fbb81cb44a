// The CUDA runtime's functions about memory: device memory, pools, pinned memory.
#include <cuda_runtime.h>

#include <algorithm>
#include <string>

#include "sim/call.h"
#include "sim/graph.h"
#include "sim/host_memory.h"
#include "sim/memory.h"
#include "sim/report.h"
#include "sim/stream.h"

using namespace fornax::sim;

namespace {

// A pool's handle is the address of its element here: each device has its default pool.
char pools[max_devices];

cudaMemPool_t pool_of(int device) { return reinterpret_cast<cudaMemPool_t>(&pools[device]); }
/// -1 if there is no such pool.
int device_of_pool(cudaMemPool_t pool) {
  for (int device = 0; device < device_count(); ++device)
    if (pool_of(device) == pool) return device;
  return -1;
}

cudaError_t allocate_async(void** data, std::size_t bytes, int device, cudaStream_t handle) {
  *data = nullptr;
  Stream* const stream = find_stream(handle);
  if (!stream) return cudaErrorInvalidResourceHandle;
  if (bytes == 0) return cudaSuccess;
  Block* const block = new_block(device, bytes, !stream->capture);
  if (!block) return cudaErrorMemoryAllocation;
  if (stream->capture) {
    block->is_of_graph = true;
    stream->capture->graph->blocks.push_back(block);
  }
  *data = block->data;
  enqueue(*stream, "cudaMallocAsync",
          [begin = block->data, number = block->number] { begin_block(begin, number); });
  return cudaSuccess;
}

/// The live block to be freed; a report if there is none.
Block* block_to_free(void* data) {
  Block* const block = live_block_at(data);
  if (!block) {
    const Block* const around = is_device_memory(data) ? block_around(data) : nullptr;
    report("bad-free", !around                ? "what is freed is no device memory"
                       : around->data != data ? "what is freed is the inside of a block, not its begin"
                                              : "a block is freed a second time");
  }
  return block;
}

bool is_of(const Graph& graph, const Block* block) {
  return std::find(graph.blocks.begin(), graph.blocks.end(), block) != graph.blocks.end();
}

}  // namespace

extern "C" {

cudaError_t cudaMalloc(void** data, std::size_t bytes) {
  return call("cudaMalloc", [&] {
    *data = nullptr;
    if (const cudaError_t refusal = refuse_in_capture(); refusal != cudaSuccess) return refusal;
    if (bytes == 0) return cudaSuccess;
    Block* const block = new_block(current_device(), bytes, false);
    if (!block) return cudaErrorMemoryAllocation;
    begin_block(block->data, block->number);
    *data = block->data;
    return cudaSuccess;
  });
}

cudaError_t cudaFree(void* data) {
  return release_call("cudaFree", [&] {
    if (!data) return cudaSuccess;
    if (const cudaError_t refusal = refuse_in_capture(); refusal != cudaSuccess) return refusal;
    Block* const block = block_to_free(data);
    if (!block) return cudaErrorInvalidValue;
    count_host_wait();
    finish_all();
    host_saw_all();
    give_back(*block);
    end_block(*block);
    return cudaSuccess;
  });
}

cudaError_t cudaMallocAsync(void** data, std::size_t bytes, cudaStream_t stream) {
  return call("cudaMallocAsync", [&] { return allocate_async(data, bytes, current_device(), stream); });
}

cudaError_t cudaMallocFromPoolAsync(void** data, std::size_t bytes, cudaMemPool_t pool, cudaStream_t stream) {
  return call("cudaMallocFromPoolAsync", [&] {
    const int device = device_of_pool(pool);
    return device < 0 ? cudaErrorInvalidValue : allocate_async(data, bytes, device, stream);
  });
}

cudaError_t cudaFreeAsync(void* data, cudaStream_t handle) {
  return release_call("cudaFreeAsync", [&] {
    if (!data) return cudaSuccess;
    Stream* const stream = find_stream(handle);
    if (!stream) return cudaErrorInvalidResourceHandle;
    Block* const block = block_to_free(data);
    if (!block) return cudaErrorInvalidValue;
    if (stream->capture && !is_of(*stream->capture->graph, block)) {
      report("capture", "memory is freed in a capture that was not allocated in it");
      stream->capture->is_invalid = true;
      return cudaErrorInvalidValue;
    }
    give_back(*block);
    Operation operation;
    operation.name = "cudaFreeAsync";
    operation.is_release = true;
    operation.run = [block] { end_block(*block); };
    enqueue(*stream, std::move(operation));
    return cudaSuccess;
  });
}

cudaError_t cudaDeviceGetDefaultMemPool(cudaMemPool_t* pool, int device) {
  return call("cudaDeviceGetDefaultMemPool", [&] {
    if (device < 0 || device >= device_count()) return cudaErrorInvalidDevice;
    *pool = pool_of(device);
    return cudaSuccess;
  });
}
cudaError_t cudaDeviceGetMemPool(cudaMemPool_t* pool, int device) {
  return call("cudaDeviceGetMemPool", [&] {
    if (device < 0 || device >= device_count()) return cudaErrorInvalidDevice;
    *pool = pool_of(device);
    return cudaSuccess;
  });
}

cudaError_t cudaMemPoolSetAttribute(cudaMemPool_t pool, cudaMemPoolAttr attribute, void* value) {
  return call("cudaMemPoolSetAttribute", [&] {
    const int device = device_of_pool(pool);
    if (device < 0) return cudaErrorInvalidValue;
    MemoryUse& use = memory_use(device);
    const bool is_zero = *static_cast<const int*>(value) == 0;
    switch (attribute) {
      case cudaMemPoolAttrReleaseThreshold:
        use.release_threshold = *static_cast<const std::uint64_t*>(value);
        return cudaSuccess;
      case cudaMemPoolAttrUsedMemHigh:
        use.pool_used_high = use.pool_used;
        return is_zero ? cudaSuccess : cudaErrorInvalidValue;
      case cudaMemPoolAttrReservedMemHigh:
        use.pool_reserved_high = use.pool_reserved;
        return is_zero ? cudaSuccess : cudaErrorInvalidValue;
      case cudaMemPoolReuseFollowEventDependencies:
      case cudaMemPoolReuseAllowOpportunistic:
      case cudaMemPoolReuseAllowInternalDependencies: return cudaSuccess;
      default: return cudaErrorInvalidValue;
    }
  });
}

cudaError_t cudaMemPoolGetAttribute(cudaMemPool_t pool, cudaMemPoolAttr attribute, void* value) {
  return call("cudaMemPoolGetAttribute", [&] {
    const int device = device_of_pool(pool);
    if (device < 0) return cudaErrorInvalidValue;
    const MemoryUse& use = memory_use(device);
    std::uint64_t& number = *static_cast<std::uint64_t*>(value);
    switch (attribute) {
      case cudaMemPoolAttrReleaseThreshold: number = use.release_threshold; break;
      case cudaMemPoolAttrReservedMemCurrent: number = use.pool_reserved; break;
      case cudaMemPoolAttrReservedMemHigh: number = use.pool_reserved_high; break;
      case cudaMemPoolAttrUsedMemCurrent: number = use.pool_used; break;
      case cudaMemPoolAttrUsedMemHigh: number = use.pool_used_high; break;
      case cudaMemPoolReuseFollowEventDependencies:
      case cudaMemPoolReuseAllowOpportunistic:
      case cudaMemPoolReuseAllowInternalDependencies: *static_cast<int*>(value) = 1; break;
      default: return cudaErrorInvalidValue;
    }
    return cudaSuccess;
  });
}

cudaError_t cudaMemPoolTrimTo(cudaMemPool_t pool, std::size_t bytes_to_keep) {
  return call("cudaMemPoolTrimTo", [&] {
    const int device = device_of_pool(pool);
    if (device < 0) return cudaErrorInvalidValue;
    MemoryUse& use = memory_use(device);
    if (use.pool_reserved > bytes_to_keep) use.pool_reserved = std::max(use.pool_used, bytes_to_keep);
    return cudaSuccess;
  });
}

cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* total) {
  return call("cudaMemGetInfo", [&] {
    const MemoryUse& use = memory_use(current_device());
    const std::size_t taken = use.pool_reserved + use.unpooled;
    *total = memory_limit();
    *free = taken < *total ? *total - taken : 0;
    return cudaSuccess;
  });
}

cudaError_t cudaHostAlloc(void** data, std::size_t bytes, unsigned) {
  return call("cudaHostAlloc", [&] {
    if (const cudaError_t refusal = refuse_in_capture(); refusal != cudaSuccess) return refusal;
    *data = bytes > 0 ? new_pinned(bytes) : nullptr;
    return bytes > 0 && !*data ? cudaErrorMemoryAllocation : cudaSuccess;
  });
}
cudaError_t cudaMallocHost(void** data, std::size_t bytes) { return cudaHostAlloc(data, bytes, 0); }

cudaError_t cudaFreeHost(void* data) {
  return release_call("cudaFreeHost", [&] {
    if (!data) return cudaSuccess;
    if (const cudaError_t refusal = refuse_in_capture(); refusal != cudaSuccess) return refusal;
    count_host_wait();
    finish_all();
    host_saw_all();
    if (free_pinned(data)) return cudaSuccess;
    report("bad-free", "what is freed is no pinned memory");
    return cudaErrorInvalidValue;
  });
}

cudaError_t cudaHostRegister(void* data, std::size_t bytes, unsigned) {
  return call("cudaHostRegister", [&] {
    return register_pinned(data, bytes) ? cudaSuccess : cudaErrorHostMemoryAlreadyRegistered;
  });
}
cudaError_t cudaHostUnregister(void* data) {
  return release_call("cudaHostUnregister", [&] {
    count_host_wait();
    finish_all();
    host_saw_all();
    return unregister_pinned(data) ? cudaSuccess : cudaErrorHostMemoryNotRegistered;
  });
}

cudaError_t cudaPointerGetAttributes(cudaPointerAttributes* attributes, const void* address) {
  return call("cudaPointerGetAttributes", [&] {
    *attributes = {};
    if (is_device_memory(address)) {
      const Block* const block = block_around(address);
      if (!block || block->is_freeing) return cudaErrorInvalidValue;
      attributes->type = cudaMemoryTypeDevice;
      attributes->device = block->device;
      attributes->devicePointer = const_cast<void*>(address);
    } else if (is_pinned(address)) {
      attributes->type = cudaMemoryTypeHost;
      attributes->device = current_device();
      attributes->devicePointer = attributes->hostPointer = const_cast<void*>(address);
    } else {
      attributes->type = cudaMemoryTypeUnregistered;
      attributes->device = -2;  // no device
      attributes->hostPointer = const_cast<void*>(address);
    }
    return cudaSuccess;
  });
}

}  // extern "C"
