#pragma once

#include <algorithm>
#include <cstdint>

#include "device/group_reduce.cuh"
#include "ops/batch_norm/batch_norm_channels.cuh"
#include "runtime/launch.h"

// Sums over all elements of each channel, in two kernels. In the first one a block takes some channels of a
// chunk of the rows, its threads load and add up a few packs at a time, and the block leaves a partial sum
// per channel and chunk; the second one merges the chunks. What is merged in which order depends on the shape
// only.
//
// channels_last: the threads of a block lie over packs of adjacent channels times rows.
// Planar: a channel of an image is adjacent; where it is short, a block takes several channels side by side,
// so that its accesses stay long, and each thread goes on from image to image.
namespace fornax::cuda {

inline constexpr int sum_block = 256;
/// Blocks of a sum at most, about. A constant: it decides about the bits of the result.
inline constexpr std::int64_t most_sum_blocks = 512;
/// Channels and chunks that a block of the second kernel takes at a time: a sector of memory of channels.
inline constexpr int combine_channels = 8, combine_chunks = sum_block / combine_channels;

/// Count, mean and sum of squared deviations of K channels, merged by Chan's formula. The means are those of
/// differences from a value of the channel, its origin, the same for all chunks: a mean far larger than the
/// deviation would cost the digits of the differences between means.
template <class T, int K>
struct Moments {
  using Value = T;
  static constexpr int size = 2 * K + 1;
  T at[size];

  __device__ T& count() { return at[2 * K]; }
  __device__ T& mean(int k) { return at[k]; }
  __device__ T& m2(int k) { return at[K + k]; }
  __device__ void clear() {
    for (int i = 0; i < size; ++i) at[i] = 0;
  }
  __device__ void merge(Moments& other) {
    if (other.count() == 0) return;
    const T before = count(), all = before + other.count(), weight = other.count() / all;
    for (int k = 0; k < K; ++k) {
      const T delta = other.mean(k) - mean(k);
      mean(k) += delta * weight;
      m2(k) += other.m2(k) + delta * delta * (before * weight);
    }
    count() = all;
  }
};

/// Two plain sums of K channels.
template <class T, int K>
struct PairOfSums {
  using Value = T;
  static constexpr int size = 2 * K;
  T at[size];

  __device__ void clear() {
    for (int i = 0; i < size; ++i) at[i] = 0;
  }
  __device__ void merge(const PairOfSums& other) {
    for (int i = 0; i < size; ++i) at[i] += other.at[i];
  }
};

/// What the first kernel leaves: of each chunk the two sums of each channel and how many elements of a
/// channel it held, and, for moments, each channel's origin (null: zero). A kernel that makes x can leave the
/// same in passing; see combine_moments().
template <class T>
struct ChannelPartials {
  T *first, *second;  // [chunks, channels]
  T* counts;          // [chunks]
  T* origins;         // [channels]
  int chunks;
  std::int64_t channels;

  static std::size_t bytes(std::int64_t chunks, std::int64_t channels) {
    return static_cast<std::size_t>(chunks * (2 * channels + 1) + channels) * sizeof(T);
  }
  ChannelPartials(T* memory, int chunk_count, std::int64_t channel_count)
      : first(memory),
        second(memory + chunk_count * channel_count),
        counts(second + chunk_count * channel_count),
        origins(counts + chunk_count),
        chunks(chunk_count),
        channels(channel_count) {}
};

/// The second kernel: finish(channel, part) gets the merged sums of each channel.
template <class Part, class T, class Finish>
__global__ void combine_chunks_of(ChannelPartials<T> partials, Finish finish) {
  const int thread = static_cast<int>(threadIdx.x), member = thread / combine_channels;
  const std::int64_t channel =
      static_cast<std::int64_t>(blockIdx.x) * combine_channels + thread % combine_channels;
  Part sums;
  sums.clear();
  if (channel < partials.channels) {
#pragma unroll 4
    for (int chunk = member; chunk < partials.chunks; chunk += combine_chunks) {
      const std::int64_t i = chunk * partials.channels + channel;
      Part other;
      other.at[0] = partials.first[i];
      other.at[1] = partials.second[i];
      if constexpr (requires { other.count(); }) other.count() = partials.counts[chunk];
      sums.merge(other);
    }
  }
  group_reduce<sum_block>(sums, {combine_chunks, member, combine_channels});
  if (member == 0 && channel < partials.channels) finish(channel, sums);
}

template <class Part, class T, class Finish>
void combine_partials(const ChannelPartials<T>& partials, const Finish& finish, cudaStream_t stream) {
  const auto blocks = static_cast<unsigned>(divide_up(partials.channels, combine_channels));
  launch(combine_chunks_of<Part, T, Finish>, blocks, sum_block, 0, stream, partials, finish);
}

/// How the first kernel is cut.
struct SumCut {
  NormLayout layout;
  int columns, members;  // threads: packs of channels (planar: channels) times those who share them
  std::int64_t column_tiles;
  int chunks;
  std::int64_t chunk_rows;               // rows of a chunk; planar: with one piece of each line
  std::int64_t line_packs, piece_packs;  // planar
  int pieces;
};

/// `width` elements of `bytes` bytes are a pack.
inline SumCut sum_cut(const NormLayout& layout, int width, std::int64_t bytes) {
  SumCut cut{layout, 1, 1, 1, 0, 1, 1, 1, 1};
  if (layout.size() == 0) return cut;
  constexpr std::int64_t least_packs = 8;  // of a thread
  const auto chunks_for = [&](std::int64_t packs) {
    return std::clamp<std::int64_t>(divide_up(packs, cut.members * least_packs), 1,
                                    std::max<std::int64_t>(most_sum_blocks / cut.column_tiles, 1));
  };
  if (!layout.planar) {
    const std::int64_t packs = layout.length / width;
    cut.column_tiles = divide_up(packs, 128 / (width * bytes));  // lines of the cache
    cut.columns = static_cast<int>(divide_up(packs, cut.column_tiles));
    cut.members = sum_block / cut.columns;
    const std::int64_t whole = cut.members * std::int64_t{4};  // rows in which no thread idles
    cut.chunk_rows = divide_up(divide_up(layout.rows, chunks_for(layout.rows)), whole) * whole;
    cut.chunks = static_cast<int>(divide_up(layout.rows, cut.chunk_rows));
    return cut;
  }
  cut.line_packs = layout.length / width;
  while (cut.members < sum_block && cut.members < cut.line_packs) cut.members *= 2;
  cut.columns = sum_block / cut.members;
  cut.column_tiles = divide_up(layout.lines, cut.columns);
  const std::int64_t chunks = chunks_for(layout.rows * cut.line_packs);
  if (chunks <= layout.rows) cut.chunk_rows = divide_up(layout.rows, chunks);
  cut.piece_packs = divide_up(cut.line_packs, divide_up(chunks, layout.rows));
  cut.pieces = static_cast<int>(divide_up(cut.line_packs, cut.piece_packs));
  cut.chunks = static_cast<int>(divide_up(layout.rows, cut.chunk_rows)) * cut.pieces;
  return cut;
}

/// The packs of one thread of the first kernel, one after the other.
template <bool planar, int V>
class SumWalk {
 public:
  __device__ SumWalk(const SumCut& cut, std::int64_t chunk, std::int64_t channel, int member) {
    const NormLayout& layout = cut.layout;
    const std::int64_t row_size = layout.lines * layout.length;
    const std::int64_t line_bytes = (layout.length + 7) / 8;
    row_ = chunk / cut.pieces * cut.chunk_rows;
    last_row_ = row_ + cut.chunk_rows < layout.rows ? row_ + cut.chunk_rows : layout.rows;
    if constexpr (planar) {
      first_ = chunk % cut.pieces * cut.piece_packs;
      width_ = (first_ + cut.piece_packs < cut.line_packs ? cut.piece_packs : cut.line_packs - first_);
      count_ = (last_row_ - row_) * width_ * V;
      step_ = cut.members;
      row_elements_ = row_size;
      row_bytes_ = layout.lines * line_bytes;
      offset_ = row_ * row_size + channel * layout.length + first_ * V;
      byte_ = (row_ * layout.lines + channel) * line_bytes;
      at_ = member;
      wrap();
    } else {
      count_ = last_row_ - row_;
      row_ += member;
      step_ = cut.members;
      row_elements_ = step_ * row_size;
      row_bytes_ = step_ * line_bytes;
      offset_ = row_ * row_size + channel;
      byte_ = row_ * line_bytes + channel / 8;
      at_ = channel;
    }
  }

  /// Elements of a channel in the chunk, of all threads.
  __device__ std::int64_t count() const { return count_; }
  __device__ bool valid() const { return row_ < last_row_; }
  __device__ void next() {
    if constexpr (planar) {
      at_ += step_;
      wrap();
    } else {
      row_ += step_;
      offset_ += row_elements_;
      byte_ += row_bytes_;
    }
  }
  /// Of the pack in the tensors, of its byte in the bits, and of its first bit in that byte.
  __device__ std::int64_t offset() const { return planar ? offset_ + at_ * V : offset_; }
  __device__ std::int64_t byte() const { return planar ? byte_ + (first_ + at_) * V / 8 : byte_; }
  __device__ int shift() const { return static_cast<int>((planar ? (first_ + at_) * V : at_) % 8); }

 private:
  __device__ void wrap() {
    for (; at_ >= width_ && row_ < last_row_; at_ -= width_) {
      ++row_;
      offset_ += row_elements_;
      byte_ += row_bytes_;
    }
  }

  std::int64_t row_, last_row_, offset_, byte_, at_, count_;
  std::int64_t row_elements_, row_bytes_;  // from one pack to the next, or from one line to the next
  std::int64_t first_ = 0, width_ = 1;     // planar: the piece of the line, in packs
  int step_;
};

/// The first kernel. `Sums` loads Sums::packs packs of Sums::V elements before it adds them to a Sums::Part,
/// of one channel if planar, else of V: Sums(operands, layout, first channel), for moments origin(k), load(u,
/// walk) for u < packs, and add<R>(u, part) for the R packs from u on, all of them or one.
template <class Sums, bool planar, class T = typename Sums::Part::Value>
__global__ void sum_chunks(typename Sums::Operands operands, SumCut cut, ChannelPartials<T> partials) {
  constexpr int channels = planar ? 1 : Sums::V, packs = Sums::packs;
  const int thread = static_cast<int>(threadIdx.x);
  const int column = planar ? thread / cut.members : thread % cut.columns;
  const int member = planar ? thread % cut.members : thread / cut.columns;
  const auto tiles = static_cast<unsigned>(cut.column_tiles);
  const std::int64_t chunk = blockIdx.x / tiles;
  const std::int64_t channel =
      (static_cast<std::int64_t>(blockIdx.x % tiles) * cut.columns + column) * channels;
  const bool inside = member < cut.members && channel < partials.channels;

  typename Sums::Part part;
  part.clear();
  SumWalk<planar, Sums::V> walk(cut, chunk, channel, member);
  if (inside) {
    Sums sums(operands, cut.layout, channel);
    if constexpr (requires { sums.origin(0); })
      if (chunk == 0 && member == 0)
        for (int k = 0; k < channels; ++k) partials.origins[channel + k] = sums.origin(k);
    while (walk.valid()) {
      int count = 0;
#pragma unroll
      for (int u = 0; u < packs; ++u)
        if (walk.valid()) {
          sums.load(u, walk);
          walk.next();
          ++count;
        }
      if (count == packs) {
        sums.template add<packs>(0, part);
      } else {
#pragma unroll
        for (int u = 0; u < packs - 1; ++u)
          if (u < count) sums.template add<1>(u, part);
      }
    }
  }
  group_reduce<sum_block>(part, {cut.members, member, planar ? 1 : cut.columns});
  if (!inside || member != 0) return;
  const std::int64_t to = chunk * partials.channels + channel;
  for (int k = 0; k < channels; ++k) {
    partials.first[to + k] = part.at[k];
    partials.second[to + k] = part.at[channels + k];
  }
  if (channel == 0) partials.counts[chunk] = static_cast<T>(walk.count());
}

/// Launches the first kernel over packs of Sums<width, planar>, the widest that fit, and gives its partial
/// sums to combine(partials).
template <class S, template <class, int, bool> class Sums, class Operands, class Combine>
void sum_channels(const NormLayout& layout, const Operands& operands, bool aligned, cudaStream_t stream,
                  const Combine& combine) {
  using T = compute_t<S>;
  const auto run = [&]<int V, bool planar>() {
    const SumCut cut = sum_cut(layout, V, sizeof(S));
    const Scratch memory(ChannelPartials<T>::bytes(cut.chunks, layout.channels()), stream);
    const ChannelPartials<T> partials(memory.as<T>(), cut.chunks, layout.channels());
    if (cut.chunks > 0)
      launch(sum_chunks<Sums<S, V, planar>, planar>, static_cast<unsigned>(cut.column_tiles * cut.chunks),
             sum_block, 0, stream, operands, cut, partials);
    combine(partials);
  };
  constexpr int wide = pack_size<S>;
  const bool packed = aligned && layout.length % wide == 0;
  if (layout.planar)
    packed ? run.template operator()<wide, true>() : run.template operator()<1, true>();
  else
    packed ? run.template operator()<wide, false>() : run.template operator()<1, false>();
}

}  // namespace fornax::cuda
