#include "fornax/train/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

#include "base/with_commas.h"
#include "fornax/base/error.h"
#include "fornax/io/atomic_file.h"
#include "fornax/train/trainer.h"
#include "train/evaluation_record.h"
#include "train/report_page.h"

namespace fornax::train {
namespace {

double steady_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

Texts facts_of(Trainer& trainer) {
  const TrainerOptions& options = trainer.options();
  std::int64_t parameters = 0;
  for (const Tensor& parameter : trainer.model().parameters()) parameters += parameter.numel();
  return {{"model", trainer.model().type_name()},
          {"parameters", with_commas(parameters)},
          {"device", to_string(options.device)},
          {"precision", options.amp ? fmt::format("mixed {}", name_of(*options.amp)) : "f32"},
          {"epochs", fmt::format("{} of {}", trainer.epochs_ended(), options.epochs)},
          {"steps", with_commas(trainer.step())}};
}

}  // namespace

Report::Report(std::string path, ReportOptions options)
    : path_(std::move(path)),
      options_(std::move(options)),
      history_(options_.panels),
      speed_{.title = "images per second", .curves = {{"training", {}}}},
      waiting_{.title = "share of time waiting for data", .curves = {{"training", {}}}} {
  if (options_.samples < 0 || options_.timed_calls < 0)
    throw ValueError("report", fmt::format("expected samples and timed_calls of 0 or more, got {} and {}",
                                           options_.samples, options_.timed_calls));
  if (options_.mean.empty() || options_.mean.size() != options_.stddev.size())
    throw ValueError("report", fmt::format("expected as many means as stddevs, got {} and {}",
                                           options_.mean.size(), options_.stddev.size()));
  if (!options_.seconds) options_.seconds = steady_seconds;
}

Report::~Report() = default;

void Report::on_fit_begin(Trainer&) {
  written_ = false;
  since_logged_ = in_all_ = {};
}

void Report::on_epoch_begin(Trainer&, std::int64_t) { last_ = options_.seconds(); }

void Report::on_step_end(Trainer&, const StepInfo& info) {
  const double now = options_.seconds();
  for (Work* work : {&since_logged_, &in_all_}) {
    work->images += static_cast<double>(info.samples);
    work->seconds += now - last_;
    work->waited += info.wait_seconds;
  }
  last_ = now;
  if (info.numbers.empty()) return;
  history_.add_step(info.step, info.numbers);
  if (const Work work = std::exchange(since_logged_, {}); work.seconds > 0) {
    const auto step = static_cast<double>(info.step);
    speed_.curves[0].points.push_back({step, work.images / work.seconds});
    waiting_.curves[0].points.push_back({step, std::min(work.waited / work.seconds, 1.)});
  }
}

void Report::on_evaluation_begin(Trainer&) {
  evaluation_ = std::make_unique<EvaluationRecord>(options_.samples);
}

void Report::on_evaluation_batch(Trainer&, const data::Batch& batch, const Tensor& output) {
  evaluation_->add(batch, output);
}

void Report::on_epoch_end(Trainer& trainer, const Numbers& evaluation) {
  history_.add_evaluation(trainer.step(), evaluation);
  write(trainer, false);
}

void Report::on_fit_end(Trainer& trainer) {
  const bool ended_with_an_epoch = trainer.steps_in_epoch() == 0;
  if (written_ || trainer.epochs_ended() == 0) write(trainer, ended_with_an_epoch);
}

void Report::write(Trainer& trainer, bool with_layers) {
  ReportPage page{.title = options_.title, .facts = facts_of(trainer), .options = options_.options};
  for (const auto& [name, value] : trainer.last_evaluation())
    page.results.emplace_back("test " + name, fmt::format("{:.4f}", value));
  if (in_all_.seconds > 0) {
    const double speed = in_all_.images / in_all_.seconds;
    page.results.emplace_back("images per second",
                              speed < 100 ? fmt::format("{:.1f}", speed) : with_commas(std::llround(speed)));
    page.results.emplace_back("waiting for data",
                              fmt::format("{:.1f} %", 100 * std::min(in_all_.waited / in_all_.seconds, 1.)));
  }
  page.panels = history_.panels();
  page.panels.insert(page.panels.end(), {speed_, waiting_});
  std::erase_if(page.panels, [](const Panel& panel) {
    return std::ranges::all_of(panel.curves, [](const Curve& curve) { return curve.points.empty(); });
  });
  for (Panel& panel : page.panels)
    if (panel.title == "lr") panel.title = "learning rate";
  if (evaluation_) {
    page.classification = evaluation_->classification(options_.classes);
    page.predictions = evaluation_->predictions(options_);
    if (const Tensor x = evaluation_->inputs(); with_layers && x.defined()) {
      page.layers = nn::summary(trainer.model(), x, {.timed_calls = options_.timed_calls});
      page.layers_samples = x.size(0);
    }
  }
  io::AtomicFile file(path_);
  file.write(to_html(page));
  file.commit();
  written_ = true;
}

}  // namespace fornax::train
