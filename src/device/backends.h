#pragma once

namespace fornax {

class Backend;
Backend& cpu_backend();
/// Null in a build without CUDA.
Backend* cuda_backend();

}  // namespace fornax
