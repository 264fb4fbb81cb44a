#include "fornax/dispatch/op.h"

#include <fmt/core.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <utility>
#include <vector>

#include "fornax/base/error.h"
#include "fornax/device/stream.h"

namespace fornax::dispatch {
namespace {

struct Forced {
  std::string op, kernel;
};

/// What the environment asks for, read once.
struct Environment {
  std::vector<Forced> forced;
  bool log = false;

  Environment() {
    if (const char* text = std::getenv("FORNAX_KERNEL")) parse(text);
    const char* topics = std::getenv("FORNAX_LOG");
    log = topics && std::string_view(topics).find("dispatch") != std::string_view::npos;
  }
  void parse(std::string_view text) {
    while (!text.empty()) {
      const std::string_view item = text.substr(0, text.find(','));
      text.remove_prefix(std::min(text.size(), item.size() + 1));
      const std::size_t equals = item.find('=');
      if (equals == std::string_view::npos) {
        throw ValueError("FORNAX_KERNEL", fmt::format("expected op=kernel[,op=kernel...], got \"{}\"", item));
      }
      forced.push_back({std::string(item.substr(0, equals)), std::string(item.substr(equals + 1))});
      // Not an error: it may be an op of the program's own.
      if (std::ranges::none_of(all_rows(), [&](const RowInfo* row) { return row->op == forced.back().op; }))
        fmt::print(stderr, "fornax: FORNAX_KERNEL names '{}', which is no op of the library\n",
                   forced.back().op);
    }
  }
};

const Environment& environment() {
  static const Environment instance;
  return instance;
}

thread_local std::vector<Forced> guards;
thread_local DecisionLog decision_log = nullptr;
thread_local void* decision_context = nullptr;
std::atomic<int> watchers{0};
std::atomic<Observer*> current_observer{nullptr};

}  // namespace

KernelGuard::KernelGuard(std::string_view op, std::string_view kernel) : op_(op) {
  guards.push_back({op_, std::string(kernel)});
  ++watchers;
}

KernelGuard::~KernelGuard() {
  for (std::size_t i = guards.size(); i-- > 0;) {
    if (guards[i].op == op_) {
      guards.erase(guards.begin() + static_cast<std::ptrdiff_t>(i));
      break;
    }
  }
  --watchers;
}

void set_decision_log(DecisionLog log, void* context) {
  watchers += (log ? 1 : 0) - (decision_log ? 1 : 0);
  decision_log = log;
  decision_context = context;
}

Observer* observer() noexcept { return current_observer.load(std::memory_order_acquire); }

void set_observer(Observer* observer) noexcept {
  const Observer* const before = current_observer.exchange(observer);
  watchers += (observer ? 1 : 0) - (before ? 1 : 0);
}

std::string describe(std::span<const Operand> operands) {
  std::string text;
  for (const Operand& operand : operands) {
    if (!operand.view->defined()) continue;
    if (!text.empty()) text += ' ';
    text.append(operand.name).append("=").append(to_string(*operand.view));
  }
  return text;
}

namespace detail {

bool watched() {
  static const bool by_environment = environment().log || !environment().forced.empty();
  return by_environment || watchers.load(std::memory_order_relaxed) != 0;
}

std::string_view forced_kernel(std::string_view op) {
  for (std::size_t i = guards.size(); i-- > 0;)
    if (guards[i].op == op) return guards[i].kernel;
  for (const Forced& forced : environment().forced)
    if (forced.op == op) return forced.kernel;
  return {};
}

void log_decision(const Decision& decision) {
  if (decision_log) decision_log(decision_context, decision);
  if (environment().log) {
    const std::string line = fmt::format("fornax dispatch {} {} {}\n", decision.op, decision.kernel,
                                         decision.refusal ? decision.refusal : "runs");
    std::fwrite(line.data(), 1, line.size(), stderr);
  }
}

void before_run(std::span<const Operand> operands) {
  const Device device = operands[0].view->device;
  const Stream stream = current_stream(device);
  for (const Operand& operand : operands) {
    const TensorView& view = *operand.view;
    if (!view.defined()) continue;
    if (view.device != device)
      throw DeviceError("dispatch", "expected operands on one device, got " + describe(operands));
    if (!view.storage) continue;
    view.storage->ready_for(stream);
    // Noted now, as a kernel that throws may have enqueued a part of its work, and again after it, as the
    // home may have waited in between.
    view.storage->used_on(stream);
  }
}

void after_run(std::span<const Operand> operands) {
  const Stream stream = current_stream(operands[0].view->device);
  for (const Operand& operand : operands)
    if (operand.view->storage) operand.view->storage->used_on(stream);
}

KernelRange::KernelRange(std::string_view op, const KernelInfo& kernel, std::span<const Operand> operands)
    : backend_(backend_of(kernel.device)), observed_([&] {
        const TensorView& first = *operands[0].view;
        return Activity{.kind = Activity::Kind::op,
                        .name = std::string(op),
                        .stream = current_stream(first.device),
                        .kernel = std::string(kernel.name),
                        .dtype = first.dtype,
                        .operands = describe(operands)};
      }) {
  backend_.begin_range(op, kernel.name);
}

KernelRange::~KernelRange() { backend_.end_range(); }

void fail_no_kernel(std::string_view op, std::string_view reasons, std::span<const Operand> operands) {
  throw NotImplemented(
      op, fmt::format("expected a kernel that agrees, got none ({}); {}", reasons, describe(operands)));
}

}  // namespace detail
}  // namespace fornax::dispatch
