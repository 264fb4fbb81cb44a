#include "support/op_walker.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <vector>

#include "fornax/base/error.h"
#include "fornax/dispatch/op.h"

namespace fornax::test {
namespace {

/// Collects what ran on a device, enqueued by this thread while alive.
class Recorder {
 public:
  explicit Recorder(Device device) : device_(device.type) { dispatch::set_decision_log(note, this); }
  ~Recorder() { dispatch::set_decision_log(nullptr, nullptr); }
  const Ran& ran() const { return ran_; }

 private:
  static void note(void* self, const dispatch::Decision& decision) {
    auto& recorder = *static_cast<Recorder*>(self);
    if (!decision.refusal && decision.device == recorder.device_)
      recorder.ran_.emplace(decision.op, decision.kernel, decision.dtype);
  }
  const DeviceType device_;
  Ran ran_;
};

const dispatch::RowInfo* row_of(std::string_view op) {
  for (const dispatch::RowInfo* row : dispatch::all_rows())
    if (row->op == op) return row;
  return nullptr;
}

std::vector<const dispatch::KernelInfo*> kernels_of(const dispatch::RowInfo& row, Device device) {
  std::vector<const dispatch::KernelInfo*> kernels;
  for (std::size_t k = 0; k < row.kernel_count; ++k)
    if (row.kernel(row, k).device == device.type) kernels.push_back(&row.kernel(row, k));
  return kernels;
}

}  // namespace

void force_every_kernel(const OpCase& op_case, DType dtype, Layout layout, Device device, Ran& ran) {
  const OpResult want = reference(op_case, dtype);
  std::set<std::string> ops;
  {
    const Recorder recorder(device);
    expect_close(evaluate(op_case, dtype, layout, device), want, dtype, op_case.slack,
                 fmt::format("{} {} layout {}", op_case.name, name_of(dtype), static_cast<int>(layout)));
    for (const auto& [op, kernel, type] : recorder.ran()) ops.insert(op);
    ran.insert(recorder.ran().begin(), recorder.ran().end());
  }
  for (const std::string& op : ops) {
    const dispatch::RowInfo* row = row_of(op);
    if (!row || kernels_of(*row, device).size() == 1) continue;
    for (const dispatch::KernelInfo* kernel : kernels_of(*row, device)) {
      const dispatch::KernelGuard guard(op, kernel->name);
      const Recorder recorder(device);
      const std::string what =
          fmt::format("{} {} by {} of {}", op_case.name, name_of(dtype), kernel->name, op);
      try {
        expect_close(evaluate(op_case, dtype, layout, device), want, dtype, op_case.slack, what);
        ran.insert(recorder.ran().begin(), recorder.ran().end());
      } catch (const NotImplemented&) {
        // This kernel refuses this case; EveryKernelRunsInEachDtypeItClaims sees to it that it takes another
        // one.
      }
    }
  }
}

void expect_every_kernel_runs(Device device) {
  Ran ran;
  for (const OpCase& op_case : all_op_cases())
    for (const DType dtype : float_types)
      if (op_case.dtypes.contains(dtype)) {
        force_every_kernel(op_case, dtype, Layout::contiguous, device, ran);
        if (!op_case.inputs.empty()) force_every_kernel(op_case, dtype, Layout::channels_last, device, ran);
      }
  for (const dispatch::RowInfo* row : dispatch::all_rows())
    for (const dispatch::KernelInfo* kernel : kernels_of(*row, device))
      for (int d = 0; d < dtype_count; ++d) {
        const auto dtype = static_cast<DType>(d);
        if (!kernel->dtypes.contains(dtype)) continue;
        EXPECT_TRUE(ran.contains({std::string(row->op), std::string(kernel->name), dtype}))
            << row->op << " by " << kernel->name << " has no case in " << name_of(dtype);
      }
}

}  // namespace fornax::test
