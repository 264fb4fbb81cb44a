// Policy: a switch saves the registers that a call preserves, and nothing else (9 ns; ucontext asks the
// kernel for the signal mask and takes a hundred times as long). Stacks lie in one reserved region, a guard
// page below each.
#include "sim/fiber.h"

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "sim/poison.h"
#if defined(FORNAX_SIM_ASAN)
#include <sanitizer/common_interface_defs.h>
#endif

extern "C" void fornax_sim_switch(void** save_stack_pointer, void* to_stack_pointer);

#if defined(__x86_64__)
asm(R"(
.text
.globl fornax_sim_switch
.hidden fornax_sim_switch
.type fornax_sim_switch, @function
fornax_sim_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size fornax_sim_switch, .-fornax_sim_switch
)");
#elif defined(__aarch64__)
asm(R"(
.text
.globl fornax_sim_switch
.hidden fornax_sim_switch
.type fornax_sim_switch, %function
fornax_sim_switch:
  sub sp, sp, #160
  stp x19, x20, [sp]
  stp x21, x22, [sp, #16]
  stp x23, x24, [sp, #32]
  stp x25, x26, [sp, #48]
  stp x27, x28, [sp, #64]
  stp x29, x30, [sp, #80]
  stp d8, d9, [sp, #96]
  stp d10, d11, [sp, #112]
  stp d12, d13, [sp, #128]
  stp d14, d15, [sp, #144]
  mov x9, sp
  str x9, [x0]
  mov sp, x1
  ldp x19, x20, [sp]
  ldp x21, x22, [sp, #16]
  ldp x23, x24, [sp, #32]
  ldp x25, x26, [sp, #48]
  ldp x27, x28, [sp, #64]
  ldp x29, x30, [sp, #80]
  ldp d8, d9, [sp, #96]
  ldp d10, d11, [sp, #112]
  ldp d12, d13, [sp, #128]
  ldp d14, d15, [sp, #144]
  add sp, sp, #160
  ret
.size fornax_sim_switch, .-fornax_sim_switch
)");
#else
#error "the simulated device has no stack switch for this processor: see fornax_sim_switch"
#endif

namespace fornax::sim {
namespace {

constexpr std::size_t page = 4096;
constexpr std::size_t stack_bytes = 256 << 10;          // touched as far as used
constexpr std::size_t slot_bytes = stack_bytes + page;  // the guard page first
constexpr std::size_t max_fibers = 1024;

constinit char* region = nullptr;
constinit std::size_t fibers = 0;

constinit void* scheduler_stack_pointer = nullptr;
[[maybe_unused]] constinit const void* scheduler_stack = nullptr;  // for AddressSanitizer
[[maybe_unused]] constinit std::size_t scheduler_stack_bytes = 0;

char* new_stack() {
  if (!region) {
    void* const memory =
        mmap(nullptr, slot_bytes * max_fibers, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) {
      std::perror("simulated device: no address space for stacks");
      std::abort();
    }
    region = static_cast<char*>(memory);
  }
  if (fibers == max_fibers) std::abort();  // a block has 1,024 threads at most
  char* const stack = region + slot_bytes * fibers++ + page;
  if (mprotect(stack, stack_bytes, PROT_READ | PROT_WRITE) != 0) {
    std::perror("simulated device: no memory for a stack");
    std::abort();
  }
  return stack;
}

}  // namespace

constinit const void* Fiber::stacks_begin = nullptr;
constinit const void* Fiber::stacks_end = nullptr;

Fiber::Fiber(void (*entry)()) : entry_(entry), stack_(new_stack()) {
  stacks_begin = region;
  stacks_end = region + slot_bytes * fibers;
  restart();
}

void Fiber::restart() {
  // Tops at one offset in all stacks would share one set of the cache.
  const std::size_t slot = static_cast<std::size_t>(stack_ - region) / slot_bytes;
  const std::size_t colour = slot * 320 % page & ~std::size_t{15};
  char* const top = stack_ + stack_bytes - 16 - colour;
  asan_unpoison(stack_, stack_bytes);
  fake_stack_ = nullptr;
#if defined(__x86_64__)
  auto** slots = reinterpret_cast<void**>(top);
  *--slots = nullptr;  // no return address; the stack is now as a call leaves it
  *--slots = reinterpret_cast<void*>(entry_);
  for (int saved = 0; saved < 6; ++saved) *--slots = nullptr;
#else
  auto** slots = reinterpret_cast<void**>(top - 160);
  for (int saved = 0; saved < 20; ++saved) slots[saved] = nullptr;
  slots[11] = reinterpret_cast<void*>(entry_);  // x30
#endif
  stack_pointer_ = slots;
}

void Fiber::resume() {
#if defined(FORNAX_SIM_ASAN)
  void* fake_stack = nullptr;
  __sanitizer_start_switch_fiber(&fake_stack, stack_, stack_bytes);
#endif
  fornax_sim_switch(&scheduler_stack_pointer, stack_pointer_);
#if defined(FORNAX_SIM_ASAN)
  __sanitizer_finish_switch_fiber(fake_stack, nullptr, nullptr);
#endif
}

void Fiber::suspend() {
#if defined(FORNAX_SIM_ASAN)
  __sanitizer_start_switch_fiber(&fake_stack_, scheduler_stack, scheduler_stack_bytes);
#endif
  fornax_sim_switch(&stack_pointer_, scheduler_stack_pointer);
#if defined(FORNAX_SIM_ASAN)
  __sanitizer_finish_switch_fiber(fake_stack_, &scheduler_stack, &scheduler_stack_bytes);
#endif
}

void Fiber::begin() {
#if defined(FORNAX_SIM_ASAN)
  __sanitizer_finish_switch_fiber(nullptr, &scheduler_stack, &scheduler_stack_bytes);
#endif
}

bool Fiber::is_overflow(const void* address) {
  return on_a_stack(address) &&
         static_cast<std::size_t>(static_cast<const char*>(address) - region) % slot_bytes < page;
}

}  // namespace fornax::sim
