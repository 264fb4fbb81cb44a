#pragma once

namespace fornax::sim {

/// A stack of its own, on which simulated threads run. Only one fiber runs at a time; it goes back to where
/// it was resumed from. Fibers are never destroyed.
class Fiber {
 public:
  /// `entry` must not return.
  explicit Fiber(void (*entry)());

  /// Called outside of fibers: runs this one until it suspends.
  void resume();
  /// Called on this fiber.
  void suspend();
  /// Called first thing in `entry`.
  void begin();
  /// Forgets what the fiber was doing: the next resume() begins at the entry.
  void restart();

  /// True if `address` lies in the stack of some fiber (guard pages included).
  static bool on_a_stack(const void* address) { return address >= stacks_begin && address < stacks_end; }
  /// True if `address` is in the page below some fiber's stack: it has overflowed.
  static bool is_overflow(const void* address);

 private:
  static constinit const void *stacks_begin, *stacks_end;

  void (*entry_)();
  char* stack_;
  void* stack_pointer_ = nullptr;
  void* fake_stack_ = nullptr;  // AddressSanitizer's
};

}  // namespace fornax::sim
