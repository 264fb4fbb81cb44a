#pragma once

#include <dlfcn.h>

#include <initializer_list>

namespace fornax::cuda {

/// Opens the first of these libraries that is there; null if none is. It stays open.
inline void* open_library(std::initializer_list<const char*> names) {
  for (const char* name : names)
    if (void* library = dlopen(name, RTLD_NOW | RTLD_LOCAL)) return library;
  return nullptr;
}

/// Sets `function` to the library's symbol; false if it has none of that name.
template <class Function>
bool find_symbol(void* library, const char* name, Function*& function) {
  function = reinterpret_cast<Function*>(dlsym(library, name));
  return function != nullptr;
}

}  // namespace fornax::cuda
