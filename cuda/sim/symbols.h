#pragma once

#include <string>

namespace fornax::sim {

/// The name of the function at `address`, without its namespaces' anonymity and its parameters.
std::string function_name(const void* address);

/// "file.cu:12" of the code before the return address `after`, or "inlined.cuh:3 in file.cu:12"; empty
/// without debug information.
std::string source_line(const void* after);

}  // namespace fornax::sim
