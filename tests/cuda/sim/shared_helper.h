#pragma once

namespace fornax::cuda::test {

/// A function that host code and kernels share, each file with its own copy until they are linked.
[[gnu::noinline]] constexpr float element_of(const float* values, int index) { return values[index]; }

/// Calls it on the host.
float element_on_host(const float* values, int index);

}  // namespace fornax::cuda::test
