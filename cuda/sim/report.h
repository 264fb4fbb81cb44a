#pragma once

#include <string>

#include "sim/place.h"
#include "sim/simulator.h"

namespace fornax::sim {

/// Notes a finding, once for each kind, operation and text. `after` is the return address of the code that
/// did it.
void report(const char* kind, const std::string& text, const void* after = nullptr);

/// The same of a place in a kernel that the kernel itself gave.
void report(const char* kind, const std::string& text, const Place& where);

/// Prints the findings that nobody took: when the process is about to die.
void print_reports();

/// True if this kind was reported of this code while the current operation runs: saves composing the text.
bool is_reported(const char* kind, const void* after);

}  // namespace fornax::sim
