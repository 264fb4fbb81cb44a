#pragma once

#include <cstdint>

#include "device/cuda.cuh"

// Vector loads and stores: N adjacent elements in one access of up to 16 bytes.
namespace fornax::cuda {

template <class T, int N>
struct alignas(sizeof(T) * N) Pack {
  T at[N];
  __device__ T& operator[](int i) { return at[i]; }
  __device__ const T& operator[](int i) const { return at[i]; }
};

/// How many elements of T one 16-byte access moves.
template <class T>
inline constexpr int pack_size = 16 / static_cast<int>(sizeof(T));

/// `data` must be aligned to the pack's size.
template <int N, class T>
__device__ inline Pack<T, N> load_pack(const T* data) {
  check_aligned(data, sizeof(Pack<T, N>));
  return *reinterpret_cast<const Pack<T, N>*>(data);
}
template <int N, class T>
__device__ inline void store_pack(T* data, const Pack<T, N>& pack) {
  check_aligned(data, sizeof(Pack<T, N>));
  *reinterpret_cast<Pack<T, N>*>(data) = pack;
}

/// `index`, a multiple of N, a power of two. nvcc stores each element of a pack by itself where it cannot
/// prove them adjacent, which is above it as soon as the index is a sum of products. The mask makes one value
/// of it.
template <int N>
__device__ constexpr std::int64_t pack_index(std::int64_t index) {
  return index & ~std::int64_t{N - 1};
}

/// True if `data` may be accessed in packs of `bytes` (host side).
inline bool is_aligned(const void* data, std::size_t bytes) {
  return reinterpret_cast<std::uintptr_t>(data) % bytes == 0;
}

}  // namespace fornax::cuda
