#pragma once

#include <csetjmp>
#include <type_traits>

namespace fornax::data {

/// Calls `body`, which calls a C library whose error handler jumps to `jump`; false if it did. Such a jump
/// runs no destructors: `body` holds nothing but references and what needs none, and no callback of ours lets
/// an exception into the library. Not inlined, so that no variable of a caller is one of the function that
/// calls setjmp.
template <class Body>
[[gnu::noinline]] bool completes(std::jmp_buf& jump, const Body& body) {
  static_assert(std::is_trivially_destructible_v<Body>);
  if (setjmp(jump) != 0) return false;  // NOLINT(cert-err52-cpp): the one way out of libjpeg and libpng
  body();
  return true;
}

}  // namespace fornax::data
