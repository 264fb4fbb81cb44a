#pragma once

#include "device/cuda.cuh"

// Reductions over groups of a block's threads that lie any distance apart: columns of a tile whose rows are
// threads, say. The order depends on the group's size only.
namespace fornax::cuda {

/// Which group a thread belongs to: thread t is its member number `member`, t + stride the next one. A thread
/// whose number is not below `members`, which is the same for all threads, is in no group.
struct Group {
  int members, member, stride;
};

/// Merges the parts of each group's threads into that of its member 0; those of the others are undefined
/// afterwards. A Part is values `at[Part::size]` of the type Part::Value, and mine.merge(other). All threads
/// of the block, at most `threads`, must call it; it ends with the shared memory free for the next call.
template <int threads, class Part>
__device__ inline void group_reduce(Part& mine, const Group& group) {
  using Value = typename Part::Value;
  FORNAX_SHARED(Value, buffer, [Part::size][threads]);  // a thread writes its slots once
  const int thread = static_cast<int>(threadIdx.x);
  for (int members = group.members; members > 1;) {
    const int half = (members + 1) / 2;
    if (group.member >= half && group.member < members)
      for (int i = 0; i < Part::size; ++i) buffer[i][thread] = mine.at[i];
    __syncthreads();
    if (group.member + half < members) {
      Part other;
      for (int i = 0; i < Part::size; ++i) other.at[i] = buffer[i][thread + half * group.stride];
      mine.merge(other);
    }
    members = half;
  }
  __syncthreads();
}

}  // namespace fornax::cuda
