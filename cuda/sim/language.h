#pragma once

#include <cuda_runtime.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <tuple>
#include <type_traits>
#include <utility>

#include "runtime/check.h"
#include "sim/place.h"

// The device language as C++ for the simulated device (docs/gpu_without_gpu.md). device/cuda.cuh includes
// this header where nvcc does not compile. A kernel is a plain function that is called once per simulated
// thread; what it asks of the device (its coordinates, shared memory, barriers, warp operations) are calls
// into the simulator. Words that are not here are not simulated, and do not compile.

#undef __global__
#undef __device__
#undef __host__
#undef __constant__
#undef __forceinline__
#undef __launch_bounds__
#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)

/// Of functions of this header that access memory in the kernel's name: they say so themselves.
#define FORNAX_SIM_NOT_TRACKED __attribute__((no_sanitize("thread"), noinline))

namespace fornax::sim {

// Of the simulated thread that runs: the same at every call of one thread, hence const.
[[gnu::const]] uint3 thread_index() noexcept;
[[gnu::const]] uint3 block_index() noexcept;
[[gnu::const]] dim3 block_dimensions() noexcept;
[[gnu::const]] dim3 grid_dimensions() noexcept;

/// One static shared variable of a kernel. The simulator finds it a place in each block that reaches it.
struct SharedVariable {
  const char* name;
  std::size_t bytes, alignment;
  std::uint64_t block = 0;  // the serial number of the block that it has its place in
  std::size_t offset = 0;
};
void* shared_variable(SharedVariable& variable);
void* dynamic_shared();

enum class Vote : std::uint8_t { none, any, all, count };
int block_barrier(Vote vote, bool predicate, Place where);

enum class WarpOperation : std::uint8_t {
  sync,
  shuffle,
  shuffle_up,
  shuffle_down,
  shuffle_xor,
  ballot,
  any,
  all
};
std::uint64_t warp_operation(WarpOperation operation, unsigned mask, std::uint64_t value, int argument,
                             int width, Place where);

template <class T>
T shuffle(WarpOperation operation, unsigned mask, T value, int argument, int width, Place where) {
  static_assert(sizeof(T) == 4 || sizeof(T) == 8, "a shuffle moves values of 4 or 8 bytes");
  std::uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof(T));
  bits = warp_operation(operation, mask, bits, argument, width, where);
  std::memcpy(&value, &bits, sizeof(T));
  return value;
}

/// Reports the access and ends the kernel, as a device would.
[[noreturn]] void stop_misaligned(std::size_t bytes, Place where);

/// Tells the tracker that the running thread changes `bytes` at `data` atomically.
void note_atomic(const void* data, std::size_t bytes, const void* caller);

template <class T, class Change>
FORNAX_SIM_NOT_TRACKED T change_atomically(T* data, Change change) {
  note_atomic(data, sizeof(T), __builtin_return_address(0));
  const T old = *data;
  *data = change(old);
  return old;
}

/// A kernel with its arguments, its type forgotten.
struct Launch {
  const void* kernel;
  void* arguments;  // owned
  std::size_t argument_bytes;
  void (*run)(void* arguments);  // once per simulated thread
  void (*drop)(void* arguments);
};
cudaError_t enqueue_kernel(const Launch& launch, dim3 grid, dim3 block, std::size_t shared_bytes,
                           cudaStream_t stream);

template <class... P>
struct Arguments {
  void (*kernel)(P...);
  std::tuple<P...> values;

  static void run(void* self) {
    const auto& arguments = *static_cast<const Arguments*>(self);
    std::apply(arguments.kernel, arguments.values);
  }
  static void drop(void* self) { delete static_cast<Arguments*>(self); }
};

}  // namespace fornax::sim

#define threadIdx (::fornax::sim::thread_index())
#define blockIdx (::fornax::sim::block_index())
#define blockDim (::fornax::sim::block_dimensions())
#define gridDim (::fornax::sim::grid_dimensions())
inline constexpr int warpSize = 32;

// The static variable belongs to the instance of a template, as a shared variable does.
#define FORNAX_SHARED(type, name, dims)                                                             \
  using fornax_type_of_##name = type dims;                                                          \
  static ::fornax::sim::SharedVariable fornax_place_of_##name{#name, sizeof(fornax_type_of_##name), \
                                                              alignof(fornax_type_of_##name)};      \
  auto& name = *static_cast<fornax_type_of_##name*>(::fornax::sim::shared_variable(fornax_place_of_##name))
#define FORNAX_DYNAMIC_SHARED(type, name) \
  type* const name = static_cast<type*>(::fornax::sim::dynamic_shared())
#define FORNAX_CONSTANT(type, name, dims) [[maybe_unused]] static const type name dims

#define FORNAX_SIM_HERE fornax::sim::Place where = fornax::sim::Place::here()

inline void __syncthreads(FORNAX_SIM_HERE) {
  fornax::sim::block_barrier(fornax::sim::Vote::none, false, where);
}
inline int __syncthreads_or(int predicate, FORNAX_SIM_HERE) {
  return fornax::sim::block_barrier(fornax::sim::Vote::any, predicate != 0, where);
}
inline int __syncthreads_and(int predicate, FORNAX_SIM_HERE) {
  return fornax::sim::block_barrier(fornax::sim::Vote::all, predicate != 0, where);
}
inline int __syncthreads_count(int predicate, FORNAX_SIM_HERE) {
  return fornax::sim::block_barrier(fornax::sim::Vote::count, predicate != 0, where);
}
inline void __syncwarp(unsigned mask = 0xffffffffu, FORNAX_SIM_HERE) {
  fornax::sim::warp_operation(fornax::sim::WarpOperation::sync, mask, 0, 0, 32, where);
}
template <class T>
T __shfl_sync(unsigned mask, T value, int lane, int width = 32, FORNAX_SIM_HERE) {
  return fornax::sim::shuffle(fornax::sim::WarpOperation::shuffle, mask, value, lane, width, where);
}
template <class T>
T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32, FORNAX_SIM_HERE) {
  return fornax::sim::shuffle(fornax::sim::WarpOperation::shuffle_up, mask, value, static_cast<int>(delta),
                              width, where);
}
template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32, FORNAX_SIM_HERE) {
  return fornax::sim::shuffle(fornax::sim::WarpOperation::shuffle_down, mask, value, static_cast<int>(delta),
                              width, where);
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int lane_mask, int width = 32, FORNAX_SIM_HERE) {
  return fornax::sim::shuffle(fornax::sim::WarpOperation::shuffle_xor, mask, value, lane_mask, width, where);
}
inline unsigned __ballot_sync(unsigned mask, int predicate, FORNAX_SIM_HERE) {
  return static_cast<unsigned>(
      fornax::sim::warp_operation(fornax::sim::WarpOperation::ballot, mask, predicate != 0, 0, 32, where));
}
inline int __any_sync(unsigned mask, int predicate, FORNAX_SIM_HERE) {
  return static_cast<int>(
      fornax::sim::warp_operation(fornax::sim::WarpOperation::any, mask, predicate != 0, 0, 32, where));
}
inline int __all_sync(unsigned mask, int predicate, FORNAX_SIM_HERE) {
  return static_cast<int>(
      fornax::sim::warp_operation(fornax::sim::WarpOperation::all, mask, predicate != 0, 0, 32, where));
}

#include "sim/intrinsics.h"

namespace fornax::cuda {

/// Enqueues a kernel; arguments are converted to its parameters' types now. Throws CudaError.
template <class... P, class... A>
void launch(void (*kernel)(P...), dim3 grid, dim3 block, std::size_t shared_bytes, cudaStream_t stream,
            A&&... arguments) {
  using Arguments = sim::Arguments<P...>;
  static_assert((std::is_trivially_copyable_v<P> && ...), "a kernel's arguments are copied as bytes");
  static_assert(sizeof(std::tuple<P...>) <= 32764, "CUDA limits a kernel's arguments to 32,764 bytes");
  auto* const call = new Arguments{kernel, std::tuple<P...>(static_cast<P>(std::forward<A>(arguments))...)};
  check(sim::enqueue_kernel({reinterpret_cast<const void*>(kernel), call, sizeof(Arguments), &Arguments::run,
                             &Arguments::drop},
                            grid, block, shared_bytes, stream),
        "launch");
}

inline void check_aligned(const void* data, std::size_t bytes,
                          fornax::sim::Place where = fornax::sim::Place::here()) {
  if (reinterpret_cast<std::uintptr_t>(data) % bytes != 0) sim::stop_misaligned(bytes, where);
}

}  // namespace fornax::cuda
