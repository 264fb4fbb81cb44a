#pragma once

#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>

#include "fornax/base/export.h"
#include "fornax/profiler/session.h"
#include "fornax/train/callback.h"

namespace fornax::train {

struct ProfileOptions {
  std::int64_t warm_up = 3;  ///< steps of fit() before those that are profiled
  std::int64_t steps = 5;    ///< that are profiled
  std::FILE* out = stdout;   ///< where the table goes
};

/// Profiles some steps of each fit(), writes their trace to `path` and shows the table of their ops
/// (profiler::Session). The last of these steps waits for the device. What a Trainer does is marked in the
/// trace: "data wait", "forward", "backward", "optimizer step", "evaluation", "checkpoint", and on the
/// loader's threads "make batch".
class FORNAX_API Profile final : public Callback {
 public:
  /// Throws ValueError unless warm_up is 0 or more and steps 1 or more.
  explicit Profile(std::string path, const ProfileOptions& options = {});

  // The first two throw ValueError if another session is under way, the last two IoError where the trace
  // cannot be written.
  void on_fit_begin(Trainer& trainer) override;
  void on_step_end(Trainer& trainer, const StepInfo& info) override;
  /// Writes what there is of a fit() that was too short.
  void on_fit_end(Trainer& trainer) override;

 private:
  void finish();

  std::string path_;
  ProfileOptions options_;
  std::int64_t made_ = 0;  ///< steps of the fit under way
  std::optional<profiler::Session> session_;
};

}  // namespace fornax::train
