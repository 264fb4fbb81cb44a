#pragma once

#include <algorithm>
#include <cstddef>

#include "sim/simulator.h"

/// Functions of a library's table that tests can order to fail, and that fail on a lost device.
namespace fornax::sim {

template <std::size_t n>
struct Name {
  char text[n];
  consteval Name(const char (&from)[n]) { std::copy_n(from, n, text); }
};

/// `failing<"name", function, status>` counts the call; then it is `function`, or gives `status`.
template <Name name, auto function, auto status>
struct Failing;
template <Name name, class Status, class... P, Status (*function)(P...), Status status>
struct Failing<name, function, status> {
  static Status call(P... arguments) {
    return library_call_fails(name.text) ? status : function(arguments...);
  }
};
template <Name name, auto function, auto status>
inline constexpr auto failing = &Failing<name, function, status>::call;

}  // namespace fornax::sim
