#pragma once

#include <string_view>

namespace fornax::cuda {

/// Begins a range named `op`/`kernel`, or `op` where there is no kernel, on this thread's line of a tool that
/// listens to NVTX, such as Nsight Systems. Without one it costs the test of a pointer.
void begin_range(std::string_view op, std::string_view kernel) noexcept;
/// Ends the range that this thread began last.
void end_range() noexcept;

}  // namespace fornax::cuda
