#include "profiler/recording.h"

#include <algorithm>
#include <limits>

namespace fornax::profiler {

void nest(std::vector<Slice>& slices) {
  std::ranges::reverse(slices);  // of two with the same times the outer one ended last
  std::ranges::stable_sort(slices, [](const Slice& a, const Slice& b) {
    return a.start != b.start ? a.start < b.start : a.end > b.end;
  });
  std::vector<Slice*> around;
  std::int64_t last_start = std::numeric_limits<std::int64_t>::min();
  for (Slice& slice : slices) {
    for (; !around.empty() && slice.end > around.back()->end; around.pop_back())
      slice.start = std::max(slice.start, around.back()->end);
    slice.start = last_start = std::max(slice.start, last_start);
    slice.end = std::max(slice.end, slice.start);
    slice.self = slice.end - slice.start;
    if (!around.empty()) around.back()->self -= slice.self;
    around.push_back(&slice);
  }
}

}  // namespace fornax::profiler
