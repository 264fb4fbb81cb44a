#include "fornax/train/profile.h"

#include <fmt/core.h>

#include <utility>

#include "fornax/base/error.h"

namespace fornax::train {

Profile::Profile(std::string path, const ProfileOptions& options)
    : path_(std::move(path)), options_(options) {
  if (options_.warm_up < 0 || options_.steps < 1)
    throw ValueError("profile",
                     fmt::format("expected a warm_up of 0 or more and 1 or more steps, got {} and {}",
                                 options_.warm_up, options_.steps));
}

void Profile::on_fit_begin(Trainer&) {
  session_.reset();  // of a fit() that threw
  made_ = 0;
  if (options_.warm_up == 0) session_.emplace();
}

void Profile::on_step_end(Trainer&, const StepInfo&) {
  ++made_;
  if (made_ == options_.warm_up) session_.emplace();
  if (made_ == options_.warm_up + options_.steps) finish();
}

void Profile::on_fit_end(Trainer&) {
  if (session_) finish();
}

void Profile::finish() {
  session_->stop();
  session_->write_trace(path_);
  fmt::print(options_.out, "\n{}the trace is in {}: see it at ui.perfetto.dev\n", session_->table(), path_);
  session_.reset();
}

}  // namespace fornax::train
