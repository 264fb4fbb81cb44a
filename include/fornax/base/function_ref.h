#pragma once

#include <memory>
#include <type_traits>
#include <utility>

namespace fornax {

template <class Signature>
class FunctionRef;

/// A borrowed callable: two pointers, no allocation. It must not outlive what it refers to. A
/// default-constructed one is false and must not be called.
template <class R, class... A>
class FunctionRef<R(A...)> {
 public:
  FunctionRef() = default;
  template <class F>
  requires(!std::is_same_v<std::remove_cvref_t<F>, FunctionRef> && std::is_invocable_r_v<R, F&, A...>)
      FunctionRef(F&& f)  // NOLINT(bugprone-forwarding-reference-overload): not for a FunctionRef
      : object_(const_cast<void*>(static_cast<const void*>(std::addressof(f)))),
        call_([](void* object, A... args) -> R {
          return (*static_cast<std::remove_reference_t<F>*>(object))(std::forward<A>(args)...);
        }) {}
  explicit operator bool() const { return call_ != nullptr; }
  R operator()(A... args) const { return call_(object_, std::forward<A>(args)...); }

 private:
  void* object_ = nullptr;
  R (*call_)(void*, A...) = nullptr;
};

}  // namespace fornax
