#pragma once

namespace fornax::sim {

/// A global that exists before main and after it: static tensors may be made and die then.
template <class T>
union NeverDestroyed {
  T value;

  constexpr NeverDestroyed() : value() {}
  ~NeverDestroyed() {}
};

}  // namespace fornax::sim
