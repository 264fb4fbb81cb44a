#pragma once

/// What exists besides memory, for tests that look for leaks.
namespace fornax::sim {

/// Events, and objects of libraries that were made and not destroyed.
int live_events();
int live_library_objects();

/// For stand-ins of libraries: an object was made (1) or destroyed (-1).
void count_library_object(int change);

}  // namespace fornax::sim
