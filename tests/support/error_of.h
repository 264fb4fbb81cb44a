#pragma once

#include <string>
#include <utility>

#include "fornax/base/error.h"

namespace fornax::test {

/// The message of the E that `call` throws, or a text that no message equals.
template <class E = Error, class Call>
std::string error_of(Call&& call) {
  try {
    std::forward<Call>(call)();
  } catch (const E& error) {
    return error.what();
  } catch (const std::exception& other) {
    return std::string("another type of error: ") + other.what();
  }
  return "no error";
}

}  // namespace fornax::test
