#pragma once

#include "fornax/base/export.h"

namespace fornax::train {

/// While alive, SIGINT (Ctrl-C) and SIGTERM do not end the program: they ask it to come to an end by itself,
/// as a Trainer does after the step under way. A second one of the same kind ends it at once.
///
///     const train::StopSignals signals;
///     train::Trainer trainer(*model, optimizer, {.stop = [&] { return signals.received(); }, ...});
///     if (!trainer.fit(loader)) return signals.exit_code();
class FORNAX_API StopSignals {
 public:
  /// Throws ValueError if there is another one.
  StopSignals();
  /// What the signals did before, they do again.
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  bool received() const noexcept;
  /// What a program returns that has come to its end for a signal: 130 for SIGINT, as shells expect, else 0.
  int exit_code() const noexcept;
};

}  // namespace fornax::train
