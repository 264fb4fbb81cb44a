#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>

#include "device/convert.cuh"
#include "device/loop.cuh"
#include "device/pack.cuh"
#include "runtime/launch.h"
#include "runtime/partly.h"

// Many tensors in one launch. Policy: a table of their addresses travels in the kernel's arguments: 170 to
// 540 entries, depending on how many tensors belong together (half of that before CUDA 13); a longer list is
// a few launches. Tensors are cut into parts of part_size elements, a block for each, which finds its tensor
// by binary search; so the cut depends on the shapes only. The tensors of an entry that have one memory
// layout without gaps are taken as one row, in accesses of 16 bytes where all of them are aligned. An entry
// of other strides has a launch of its own, which walks them as they are.
namespace fornax::cuda {

/// What a kernel's arguments may weigh. CUDA takes 32,764 bytes with every driver of CUDA 13, and 4,096 with
/// some of CUDA 12; these hold all tensors of a ResNet-50.
#if CUDART_VERSION >= 13000
inline constexpr std::size_t argument_bytes = 8192;
#else
inline constexpr std::size_t argument_bytes = 4096;
#endif
/// Elements of a tensor that one block treats.
inline constexpr int part_size = 4096;

constexpr std::int64_t parts_of(std::int64_t elements) { return (elements + part_size - 1) / part_size; }

struct Nothing {};

/// Entries of N tensors of one size each, and an Extra for each.
template <int N, class Extra>
struct TensorTable {
  static constexpr int operands = N;
  /// What is left for a kernel's other arguments is 96 bytes.
  static constexpr int capacity =
      (argument_bytes - 96 - 16) /
      (N * sizeof(void*) + sizeof(Extra) + sizeof(std::uint32_t) + sizeof(std::uint16_t));

  void* data[capacity][N];
  Extra extra[capacity];
  std::uint32_t end[capacity];   // number of parts up to the entry's last
  std::uint16_t rest[capacity];  // elements of the entry's last part
  int count = 0;

  /// What block number `block` treats.
  struct Part {
    int entry;
    std::int64_t first;
    int size;
  };
  __device__ Part part(std::uint32_t block) const {
    int low = 0, high = count - 1;
    while (low < high) {
      const int middle = (low + high) / 2;
      if (end[middle] > block)
        high = middle;
      else
        low = middle + 1;
    }
    const std::uint32_t start = low == 0 ? 0 : end[low - 1];
    return {low, std::int64_t{block - start} * part_size, block + 1 == end[low] ? rest[low] : part_size};
  }

  bool full() const { return count == capacity; }
  std::uint32_t parts() const { return count == 0 ? 0 : end[count - 1]; }
  void add(const std::array<const TensorView*, N>& views, Extra value) {
    const std::int64_t elements = views[0]->numel(), added = parts_of(elements);
    for (int k = 0; k < N; ++k) data[count][k] = views[static_cast<std::size_t>(k)]->data;
    extra[count] = value;
    end[count] = parts() + static_cast<std::uint32_t>(added);
    rest[count] = static_cast<std::uint16_t>(elements - (added - 1) * part_size);
    ++count;
  }
};

// A rule says how an entry's elements change:
//   using Element; using Extra; static constexpr int operands;
//   bool begin(extra)               called by all threads of a block at first, may change both; false: there
//                                   is nothing to do
//   static bool reads(k, extra)     whether operand k is looked at
//   static constexpr bool writes(k)
//   void operator()(compute_t<Element>* values, extra) const     values[k] of operand k

/// P adjacent elements of each operand.
template <int P, class Rule>
__device__ inline void update_pack(typename Rule::Element* const* data, std::int64_t at, const Rule& rule,
                                   const typename Rule::Extra& extra) {
  using T = typename Rule::Element;
  using A = compute_t<T>;
  Pack<T, P> packs[Rule::operands] = {};
#pragma unroll
  for (int k = 0; k < Rule::operands; ++k)
    if (Rule::reads(k, extra)) packs[k] = load_pack<P>(data[k] + at);
#pragma unroll
  for (int p = 0; p < P; ++p) {
    A values[Rule::operands];
#pragma unroll
    for (int k = 0; k < Rule::operands; ++k) values[k] = convert<A>(packs[k][p]);
    rule(values, extra);
#pragma unroll
    for (int k = 0; k < Rule::operands; ++k) packs[k][p] = convert<T>(values[k]);
  }
#pragma unroll
  for (int k = 0; k < Rule::operands; ++k)
    if (Rule::writes(k)) store_pack(data[k] + at, packs[k]);
}

template <class Rule>
using RuleTable = TensorTable<Rule::operands, typename Rule::Extra>;

template <class Rule>
__global__ void update_tensors(RuleTable<Rule> table, Rule rule) {
  using T = typename Rule::Element;
  const auto part = table.part(blockIdx.x);
  auto extra = table.extra[part.entry];
  if (!rule.begin(extra)) return;
  T* data[Rule::operands];
  bool aligned = true;
#pragma unroll
  for (int k = 0; k < Rule::operands; ++k) {
    data[k] = static_cast<T*>(table.data[part.entry][k]) + part.first;
    aligned = aligned && reinterpret_cast<std::uintptr_t>(data[k]) % 16 == 0;
  }
  constexpr int pack = pack_size<T>;
  const int packed = aligned ? part.size / pack * pack : 0, step = static_cast<int>(blockDim.x);
  for (int i = static_cast<int>(threadIdx.x) * pack; i < packed; i += step * pack)
    update_pack<pack>(data, i, rule, extra);
  for (int i = packed + static_cast<int>(threadIdx.x); i < part.size; i += step)
    update_pack<1>(data, i, rule, extra);
}

template <class Rule>
__global__ void update_strided(LoopArgs<Rule::operands> loop, Rule rule, typename Rule::Extra extra) {
  using T = typename Rule::Element;
  if (!rule.begin(extra)) return;
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < loop.count;
       i += step) {
    const auto offsets = loop.offsets(i);
    T* data[Rule::operands];
#pragma unroll
    for (int k = 0; k < Rule::operands; ++k) data[k] = &loop.template element<T>(k, offsets);
    update_pack<1>(data, 0, rule, extra);
  }
}

/// Gathers entries and launches a rule over them.
template <class Rule>
class Updater {
 public:
  using Views = std::array<const TensorView*, static_cast<std::size_t>(Rule::operands)>;

  /// Counts its launches in `launches`.
  Updater(const Rule& rule, cudaStream_t stream, int& launches)
      : rule_(rule), stream_(stream), launches_(launches) {}
  void add(const Views& views, const typename Rule::Extra& extra) {
    const std::int64_t elements = views[0]->numel();
    if (elements == 0) return;
    if (!ops::is_one_row(views)) {
      launch(update_strided<Rule>, grid_for(elements), elementwise_block, 0, stream_,
             loop_args(ops::make_loop(views)), rule_, extra);
      ++launches_;
      return;
    }
    table_.add(views, extra);
    if (table_.full()) flush();
  }
  void flush() {
    if (table_.count == 0) return;
    launch(update_tensors<Rule>, table_.parts(), elementwise_block, 0, stream_, table_, rule_);
    ++launches_;
    table_.count = 0;
  }

 private:
  static_assert(sizeof(RuleTable<Rule>) + sizeof(Rule) + alignof(Rule) <= argument_bytes);

  Rule rule_;
  cudaStream_t stream_;
  int& launches_;
  RuleTable<Rule> table_;
};

/// Calls `f(std::type_identity<T>{})` for each floating dtype: a list may hold several, a launch holds one.
template <class F>
void for_each_floating(F&& f) {
  for (const DType dtype : {f64, f32, f16, bf16}) visit_floating(dtype, f);
}

/// Calls `f(launches)`, an update in place that counts its launches. If one fails after others the error says
/// so, as some tensors have been changed then.
template <class F>
void update_in_launches(std::string_view op, F&& f) {
  int launches = 0;
  try {
    f(launches);
  } catch (const DeviceLost&) {
    throw;  // the tensors are lost, too
  } catch (const Error& error) {
    if (launches == 0) throw;
    fail_partly(op, launches, error);
  }
}

/// What rules over a list of single tensors share.
template <class T>
struct ListRule {
  using Element = T;
  using Extra = Nothing;
  static constexpr int operands = 1;
  __device__ static bool reads(int, const Nothing&) { return true; }
  __device__ static constexpr bool writes(int) { return true; }
};

/// Changes each tensor of a list in place, by the rule that `rule_of(std::type_identity<T>{})` gives for its
/// dtype.
template <class RuleOf>
void update_list(std::string_view op, std::span<const TensorView> list, cudaStream_t stream,
                 RuleOf&& rule_of) {
  update_in_launches(op, [&](int& launches) {
    for_each_floating([&]<class T>(std::type_identity<T> type) {
      Updater updater(rule_of(type), stream, launches);
      for (const TensorView& x : list)
        if (x.dtype == dtype_of<T>) updater.add(std::array{&x}, {});
      updater.flush();
    });
  });
}

}  // namespace fornax::cuda
