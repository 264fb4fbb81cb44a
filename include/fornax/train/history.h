#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "fornax/base/export.h"
#include "fornax/tensor/state.h"
#include "fornax/train/plot.h"
#include "fornax/train/progress.h"

namespace fornax::train {

/// A run's numbers over its steps: a panel for each of some names, with a curve of what training batches gave
/// and one of what evaluations did. Numbers of other names are left out; a name that is never seen has a
/// panel without points.
class FORNAX_API History {
 public:
  explicit History(std::vector<std::string> names);

  void add_step(std::int64_t step, const Numbers& numbers) { add(0, step, numbers); }
  void add_evaluation(std::int64_t step, const Numbers& numbers) { add(1, step, numbers); }
  const std::vector<Panel>& panels() const { return panels_; }

  /// The points [n,2] of each curve, as "loss.train" and "loss.test".
  State state() const;
  /// Throws ValueError, ShapeError or DTypeError for a state of other names or form; then nothing was
  /// changed.
  void load_state(const State& state);

 private:
  void add(std::size_t curve, std::int64_t step, const Numbers& numbers);

  std::vector<Panel> panels_;
};

}  // namespace fornax::train
