#pragma once

#include <span>
#include <string>
#include <string_view>

#include "fornax/base/dtype.h"
#include "fornax/base/export.h"
#include "fornax/device/backend.h"
#include "fornax/dispatch/observer.h"
#include "fornax/dispatch/tensor_view.h"

/// How an op finds its kernel. An op is an `Args` struct (its contract), a row of kernels, best first, and a
/// user function that fills the Args and calls `run`. The library's rows are listed in
/// src/ops/kernel_table.cpp; a user's op brings a row of its own and is used in the same way.
///
/// Args is a plain struct with `static constexpr std::string_view op_name` and a member
/// `auto operands() const` that returns an array of Operand, the output first.
namespace fornax::dispatch {

/// An operand by name, for messages and stream waits.
struct Operand {
  std::string_view name;
  const TensorView* view;
};

/// Why a kernel cannot run, or null: then it can.
using Refusal = const char*;
inline constexpr Refusal accepts = nullptr;

/// What all kernels have, whatever their Args.
struct KernelInfo {
  std::string_view name;
  DeviceType device;
  /// Dtypes of the first operand that the kernel claims; `can_run` refuses the others.
  DTypeSet dtypes;
};

template <class Args>
struct Kernel : KernelInfo {
  Refusal (*can_run)(const Args&);
  /// Enqueues the work on the current stream of the operands' device.
  void (*run)(const Args&);
};

/// A row without its types, as tests and listings walk it.
struct RowInfo {
  std::string_view op;
  std::size_t kernel_count;
  /// The i-th kernel, best first.
  const KernelInfo& (*kernel)(const RowInfo& row, std::size_t i);
};

/// An op's kernels, best first. Make it `constinit` at namespace scope.
template <class Args>
struct Row : RowInfo {
  std::span<const Kernel<Args>* const> kernels;

  constexpr explicit Row(std::span<const Kernel<Args>* const> list)
      : RowInfo{Args::op_name, list.size(),
                [](const RowInfo& row, std::size_t i) -> const KernelInfo& {
                  return *static_cast<const Row&>(row).kernels[i];
                }},
        kernels(list) {}
};

/// The library's ops, in the order of the table.
FORNAX_API std::span<const RowInfo* const> all_rows();

/// While alive, `op` runs on this thread by the kernel of this name alone; if that kernel refuses, the call
/// throws NotImplemented. The environment does the same for a whole program:
/// FORNAX_KERNEL="conv2d=im2col,matmul=gemm", with a line on stderr for what is no op of the library.
class FORNAX_API KernelGuard {
 public:
  KernelGuard(std::string_view op, std::string_view kernel);
  ~KernelGuard();
  KernelGuard(const KernelGuard&) = delete;
  KernelGuard& operator=(const KernelGuard&) = delete;

 private:
  std::string op_;
};

/// What dispatch decided for one call; `refusal` is null for the kernel that ran. All of it is valid during
/// the call of the log only.
struct Decision {
  std::string_view op;
  std::string_view kernel;
  /// The kernel's: kernels of different devices may share a name.
  DeviceType device;
  /// Of the first operand.
  DType dtype;
  Refusal refusal;
};
/// Called for each decision of this thread while set; null stops it. FORNAX_LOG=dispatch prints them to
/// stderr.
using DecisionLog = void (*)(void* context, const Decision&);
FORNAX_API void set_decision_log(DecisionLog log, void* context);

/// "y=f32[2,3]@cpu x=..." of the operands that are there.
FORNAX_API std::string describe(std::span<const Operand> operands);

namespace detail {

/// True when kernels are forced, decisions logged or activities observed anywhere: the slow path looks
/// closer.
FORNAX_API bool watched();
/// The kernel that guards or the environment force for `op`; empty if none.
FORNAX_API std::string_view forced_kernel(std::string_view op);
FORNAX_API void log_decision(const Decision& decision);
FORNAX_API void before_run(std::span<const Operand> operands);
FORNAX_API void after_run(std::span<const Operand> operands);

/// A range of a profiler, and an Activity, for as long as it lives.
class FORNAX_API KernelRange {
 public:
  KernelRange(std::string_view op, const KernelInfo& kernel, std::span<const Operand> operands);
  ~KernelRange();
  KernelRange(const KernelRange&) = delete;
  KernelRange& operator=(const KernelRange&) = delete;

 private:
  Backend& backend_;
  Observed observed_;
};

[[noreturn]] FORNAX_API void fail_no_kernel(std::string_view op, std::string_view reasons,
                                            std::span<const Operand> operands);

template <class Args>
Refusal refusal_of(const Kernel<Args>& kernel, const Args& args, Device device, DType dtype) {
  if (kernel.device != device.type) return "is for another device";
  if (!kernel.dtypes.contains(dtype)) return "does not take this dtype";
  return kernel.can_run(args);
}

template <class Args>
[[gnu::noinline]] const Kernel<Args>& choose_watched(const Row<Args>& row, const Args& args, Device device,
                                                     DType dtype) {
  const std::string_view forced = forced_kernel(row.op);
  const std::string other = "'" + std::string(forced) + "' is forced";
  std::string reasons;
  for (const Kernel<Args>* kernel : row.kernels) {
    const Refusal refusal =
        !forced.empty() && kernel->name != forced ? other.c_str() : refusal_of(*kernel, args, device, dtype);
    log_decision({row.op, kernel->name, kernel->device, dtype, refusal});
    if (!refusal) return *kernel;
    reasons.append(reasons.empty() ? "" : "; ").append(kernel->name).append(": ").append(refusal);
  }
  const auto operands = args.operands();
  fail_no_kernel(row.op, reasons, operands);
}

template <class Args>
const Kernel<Args>& choose(const Row<Args>& row, const Args& args, bool is_watched) {
  const auto operands = args.operands();
  const TensorView& first = *operands[0].view;
  if (!is_watched) {
    for (const Kernel<Args>* kernel : row.kernels)
      if (!refusal_of(*kernel, args, first.device, first.dtype)) return *kernel;
  }
  return choose_watched(row, args, first.device, first.dtype);
}

}  // namespace detail

/// The kernel that would run. Throws NotImplemented with every kernel's reason if none agrees.
template <class Args>
const Kernel<Args>& choose(const Row<Args>& row, const Args& args) {
  return detail::choose(row, args, detail::watched());
}

/// Runs the first kernel of `row` that agrees, on the current stream of the first operand's device, after
/// whatever the operands' home streams still have to do. All operands must be on that device. The observer is
/// told of the run, and on a GPU it is a range "op/kernel" for profilers that listen to NVTX. Does not wait
/// for the device.
template <class Args>
void run(const Row<Args>& row, const Args& args) {
  const bool is_watched = detail::watched();
  const Kernel<Args>& kernel = detail::choose(row, args, is_watched);
  const auto operands = args.operands();
  if (operands[0].view->device.is_cpu()) {
    if (!is_watched) return kernel.run(args);
    const detail::KernelRange range(row.op, kernel, operands);
    return kernel.run(args);
  }
  detail::before_run(operands);
  const detail::KernelRange range(row.op, kernel, operands);
  kernel.run(args);
  detail::after_run(operands);
}

}  // namespace fornax::dispatch
