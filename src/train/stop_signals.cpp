#include "fornax/train/stop_signals.h"

#include <csignal>

#include <array>
#include <atomic>

#include "fornax/base/error.h"

namespace fornax::train {
namespace {

constexpr std::array<int, 2> handled = {SIGINT, SIGTERM};

std::atomic<bool> alive = false;
std::atomic<int> last_signal = 0;  ///< 0: none yet
static_assert(std::atomic<int>::is_always_lock_free, "a signal handler writes it");
std::array<struct sigaction, handled.size()> before;

void note(int signal) { last_signal.store(signal, std::memory_order_relaxed); }

}  // namespace

StopSignals::StopSignals() {
  if (alive.exchange(true))
    throw ValueError("stop_signals", "expected one StopSignals at a time, got another one");
  last_signal = 0;
  struct sigaction action {};
  action.sa_handler = note;
  action.sa_flags = SA_RESTART | static_cast<int>(SA_RESETHAND);  // the second time the default comes
  for (std::size_t i = 0; i < handled.size(); ++i) ::sigaction(handled[i], &action, &before[i]);
}

StopSignals::~StopSignals() {
  for (std::size_t i = 0; i < handled.size(); ++i) ::sigaction(handled[i], &before[i], nullptr);
  alive = false;
}

bool StopSignals::received() const noexcept { return last_signal.load(std::memory_order_relaxed) != 0; }

int StopSignals::exit_code() const noexcept { return last_signal == SIGINT ? 130 : 0; }

}  // namespace fornax::train
