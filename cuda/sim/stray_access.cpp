// Policy: an access that the processor refuses is explained on stderr: which rule of CUDA it broke, and
// where. Then it goes the way it would have gone without.
#include <execinfo.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <string>

#include "sim/block.h"
#include "sim/fiber.h"
#include "sim/host_memory.h"
#include "sim/memory.h"
#include "sim/report.h"
#include "sim/stream.h"

namespace fornax::sim {
namespace {

struct sigaction previous_segv, previous_bus;

std::string describe(const void* address) {
  std::string text;
  if (runs_kernel) {
    text = Fiber::is_overflow(address) ? "a kernel overflows its stack"
                                       : "a kernel accesses memory that is not there";
    if (is_device_memory(address)) text = "a kernel accesses device memory that was never allocated";
  } else if (is_device_memory(address)) {
    text = "host code touches device memory";
  } else if (is_guarded(address)) {
    text = "host code touches pinned memory while a copy of it is pending";
  } else {
    text = "segmentation fault";
  }
  char where[64];
  std::snprintf(where, sizeof where, " at %p", address);
  text += where;
  if (is_device_memory(address))
    if (const Block* const block = block_around(address))
      text += " (block " + std::to_string(block->number) + " of " + std::to_string(block->bytes) +
              " bytes, + " + std::to_string(static_cast<const char*>(address) - block->data) +
              (block->is_freed ? ", freed)" : ")");
  if (const Operation* const operation = running_operation())
    text += ", in " + operation->shown_name() + " " + running_thread_name();
  return text;
}

// No care is taken of what a signal handler may not do: the process ends here in any case.
void explain(int signal, siginfo_t* info, void*) {
  const std::string text = "SIMULATED DEVICE: " + describe(info->si_addr) + "\n";
  if (write(2, text.data(), text.size()) < 0) _exit(1);
  print_reports();
  void* frames[16];
  const int count = backtrace(frames, 16);
  if (count > 2) backtrace_symbols_fd(frames + 2, count - 2, 2);
  sigaction(signal, signal == SIGSEGV ? &previous_segv : &previous_bus,
            nullptr);  // on return it happens again
}

}  // namespace

void explain_faults() {
  // The overflow of a stack is only explained on another one.
  static char alternative[64 << 10];
  stack_t stack{};
  stack.ss_sp = alternative;
  stack.ss_size = sizeof alternative;
  sigaltstack(&stack, nullptr);
  struct sigaction action {};
  action.sa_sigaction = explain;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigaction(SIGSEGV, &action, &previous_segv);
  sigaction(SIGBUS, &action, &previous_bus);
  void* warm_up[1];
  backtrace(warm_up, 1);  // loads what it needs now
}

}  // namespace fornax::sim
