#include "fornax/train/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>

namespace fornax::train {
namespace {

constexpr double redraw_seconds = 0.1;
constexpr double keep = 1 - 1. / 30;  ///< of the averages, per step

double steady_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// Columns of the terminal; asked at every redraw, since windows change.
int columns_of(std::FILE* out) {
  constexpr int usual = 80;
  winsize size{};
  return ::ioctl(::fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : usual;
}

std::string duration(double seconds) {
  const auto s = static_cast<std::int64_t>(std::llround(std::clamp(seconds, 0., 1e9)));
  if (s < 3600) return fmt::format("{}:{:02}", s / 60, s % 60);
  return fmt::format("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60);
}

}  // namespace

std::string progress_line(const ProgressState& state, int width) {
  const double share =
      state.steps > 0 ? static_cast<double>(state.step) / static_cast<double>(state.steps) : 1;
  const std::string left = fmt::format("{} {:3.0f}%", state.title, std::floor(100 * share));
  const std::string steps = fmt::format(" {}/{}", state.step, state.steps);
  std::string right;
  const double memory = static_cast<double>(state.memory);
  if (memory > 0)
    right +=
        memory < 1e9 ? fmt::format("  {:.0f} MB", memory / 1e6) : fmt::format("  {:.1f} GB", memory / 1e9);
  right +=
      fmt::format("  {:.{}f} img/s  wait {:.0f}%  ETA {}", state.images_per_second,
                  state.images_per_second < 10 ? 1 : 0, 100 * state.wait_share, duration(state.eta_seconds));
  std::string numbers;
  for (const auto& [name, value] : state.numbers) {
    const std::string number = fmt::format("  {} {:#.4g}", name, value);
    if (width > 0 && left.size() + steps.size() + numbers.size() + number.size() + right.size() >
                         static_cast<std::size_t>(width))
      break;
    numbers += number;
  }
  right = steps + numbers + right;
  if (width == 0) return left + right;

  constexpr int narrowest = 8, widest = 40, frame = 3;  // frame: a space and the brackets
  const int room = std::min(width - static_cast<int>(left.size() + right.size()) - frame, widest);
  std::string line = left;
  if (room >= narrowest) {
    const int full = static_cast<int>(share * room);
    std::string bar(static_cast<std::size_t>(full), '=');
    if (full < room) bar += '>';
    bar.resize(static_cast<std::size_t>(room), ' ');
    line += fmt::format(" [{}]", bar);
  }
  line += right;
  return line.substr(0, static_cast<std::size_t>(width));
}

Progress::Progress(std::string title, std::int64_t steps, Options options) : options_(std::move(options)) {
  if (!options_.seconds) options_.seconds = steady_seconds;
  if (!options_.terminal) options_.terminal = ::isatty(::fileno(options_.out)) == 1;
  state_.title = std::move(title);
  state_.steps = steps;
  last_step_ = last_drawn_ = options_.seconds();
}

void Progress::step(const StepReport& report) {
  const double now = options_.seconds();
  const auto average = [](double& sum, double value) { sum = sum * keep + value; };
  average(weight_, 1);
  average(step_seconds_, now - last_step_);
  average(step_images_, static_cast<double>(report.images));
  average(step_wait_, report.wait_seconds);
  last_step_ = now;

  ++state_.step;
  if (!report.numbers.empty()) state_.numbers = report.numbers;
  state_.memory = report.memory;
  if (step_seconds_ > 0) {
    state_.images_per_second = step_images_ / step_seconds_;
    state_.wait_share = std::clamp(step_wait_ / step_seconds_, 0., 1.);
  }
  state_.eta_seconds =
      step_seconds_ / weight_ * static_cast<double>(std::max<std::int64_t>(state_.steps - state_.step, 0));
  if (now - last_drawn_ >= (*options_.terminal ? redraw_seconds : options_.line_every_seconds)) {
    draw(false);
    last_drawn_ = now;
  }
}

void Progress::finish() { draw(true); }

void Progress::draw(bool last) {
  // One column stays free: a full line would make some terminals wrap.
  write(*options_.terminal ? fmt::format("\r{}\x1b[K{}", progress_line(state_, columns_of(options_.out) - 1),
                                         last ? "\n" : "")
                           : fmt::format("{}\n", progress_line(state_, 0)));
}

void Progress::note(const std::string& text) {
  if (!*options_.terminal) return write(fmt::format("{}\n", text));
  write(fmt::format("\r{}\x1b[K\n", text));
  draw(false);
}

void Progress::write(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), options_.out);
  std::fflush(options_.out);
}

}  // namespace fornax::train
