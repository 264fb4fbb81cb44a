#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "fornax/base/dtype.h"
#include "fornax/base/export.h"
#include "fornax/device/stream.h"

/// How a profiler (fornax/profiler/session.h) hears of what threads do.
namespace fornax::dispatch {

/// What a thread does for some time.
struct Activity {
  enum class Kind : std::uint8_t { op, copy, range };
  Kind kind = Kind::range;
  std::string name;    ///< of the op; "copy pinned to device"; of a range whatever the program calls it
  Stream stream = {};  ///< on which its work is enqueued; one of the CPU: it is done when the activity ends
  std::string kernel = {};          ///< of an op
  std::optional<DType> dtype = {};  ///< of an op's first operand
  std::string operands = {};        ///< of an op: "y=f32[2,3]@cpu x=..."
  std::size_t bytes = 0;            ///< of a copy
};

/// Who is told of the activities of all threads. On each thread they lie in one another: what began last ends
/// first.
class Observer {
 public:
  /// This thread begins something.
  virtual void begin(Activity activity) = 0;
  /// This thread ends what it began last.
  virtual void end() noexcept = 0;

 protected:
  ~Observer() = default;
};

/// Null where nobody is told.
FORNAX_API Observer* observer() noexcept;
/// Tells `observer` from now on; null: nobody. Whoever was told before must outlive the program: threads end
/// what they had begun.
FORNAX_API void set_observer(Observer* observer) noexcept;

/// Tells the observer, if there is one, of what this thread does while it lives.
class Observed {
 public:
  /// `describe()` gives the Activity; it is called only if somebody is told.
  template <class Describe>
  explicit Observed(Describe describe) : observer_(observer()) {
    if (observer_) observer_->begin(describe());
  }
  ~Observed() {
    if (observer_) observer_->end();
  }
  Observed(const Observed&) = delete;
  Observed& operator=(const Observed&) = delete;

 private:
  Observer* observer_;
};

}  // namespace fornax::dispatch
