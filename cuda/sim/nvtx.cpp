// Stands in for NVTX: a trace says of each operation in which range it was enqueued.
#include "libraries/nvtx.h"

#include <string>
#include <vector>

#include "sim/range.h"

namespace fornax {
namespace {

thread_local std::vector<std::string> ranges;

}  // namespace

std::string sim::current_range() { return ranges.empty() ? std::string() : ranges.back(); }

void cuda::begin_range(std::string_view op, std::string_view kernel) noexcept {
  ranges.push_back(std::string(op).append(kernel.empty() ? "" : "/").append(kernel));
}

void cuda::end_range() noexcept { ranges.pop_back(); }

}  // namespace fornax
