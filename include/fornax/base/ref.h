#pragma once

#include <atomic>
#include <cstdint>
#include <utility>

namespace fornax {

/// Base of reference-counted objects. `release_last` may be overridden (hidden) to control how the last
/// reference dies; it is found through the static type of the Ref.
class RefCounted {
 public:
  RefCounted() = default;
  RefCounted(const RefCounted&) = delete;
  RefCounted& operator=(const RefCounted&) = delete;

  /// retain() of an object that no other thread knows yet.
  void retain_first() const noexcept { count_.store(1, std::memory_order_relaxed); }
  void retain() const noexcept { count_.fetch_add(1, std::memory_order_relaxed); }
  /// True when this was the last reference.
  bool release() const noexcept {
    if (count_.load(std::memory_order_acquire) == 1) return true;  // nobody else can add one any more
    return count_.fetch_sub(1, std::memory_order_acq_rel) == 1;
  }
  /// Meaningful to the caller only as "am I the sole owner", when it owns one reference itself.
  std::uint32_t use_count() const noexcept { return count_.load(std::memory_order_acquire); }

 protected:
  ~RefCounted() = default;

 private:
  mutable std::atomic<std::uint32_t> count_{0};
};

/// Shared ownership of a RefCounted object: one pointer wide.
/// Destruction calls `destroy(T*)`, found by argument-dependent lookup.
template <class T>
class Ref {
 public:
  Ref() = default;
  Ref(std::nullptr_t) {}
  explicit Ref(T* object) : object_(object) {
    if (object_) object_->retain();
  }
  Ref(const Ref& other) : Ref(other.object_) {}
  Ref(Ref&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  template <class U>
  requires std::is_convertible_v<U*, T*> Ref(Ref<U> other) : object_(other.leak()) {}
  ~Ref() { reset(); }
  Ref& operator=(Ref other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }

  void reset() {
    if (T* object = std::exchange(object_, nullptr); object && object->release()) destroy(object);
  }
  T* get() const noexcept { return object_; }
  T* operator->() const noexcept { return object_; }
  T& operator*() const noexcept { return *object_; }
  explicit operator bool() const noexcept { return object_ != nullptr; }
  /// Gives up ownership without releasing the reference.
  [[nodiscard]] T* leak() noexcept { return std::exchange(object_, nullptr); }
  friend bool operator==(const Ref& a, const Ref& b) { return a.object_ == b.object_; }

  /// The first reference to a new object, which nobody else has seen: no atomic operation.
  static Ref first(T* object) noexcept {
    object->retain_first();
    Ref ref;
    ref.object_ = object;
    return ref;
  }

 private:
  T* object_ = nullptr;
};

}  // namespace fornax
