#pragma once

#include <cuda_runtime.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

/// How tests steer and question the simulated device (docs/gpu_without_gpu.md).
namespace fornax::sim {

/// True if every access of a kernel is checked (FORNAX_SIM_TRACKED).
bool is_tracked();
/// For the rest of the process accesses are counted (TracedOperation) and no longer checked, and stand-ins of
/// libraries declare what they touch and compute nothing: what a step of full size reads and writes, without
/// the time and the memory that checks and products take. Numbers that depend on a product are meaningless.
void only_count_bytes();

// ---- Findings

struct Report {
  std::string kind;  // "barrier-divergence", "bad-free", "race", ...
  std::string text;
};
/// Runs all pending work, checks the guard zones of device memory, and hands over what was found since the
/// last call. What nobody took until the process exits is printed, and makes the exit status 66.
std::vector<Report> take_reports();
/// The same as text, a line per report; empty if there are none.
std::string take_report_text();

// ---- Schedules

struct Schedule {
  enum Kind {
    eager,  // an operation runs when it is enqueued
    lazy    // operations run when the host waits, in an order that the seed picks among those allowed
  };
  Kind kind = eager;
  std::uint64_t seed = 1;
};
/// FORNAX_SIM_SCHEDULE=lazy,7 in the environment is where a process starts from.
void set_schedule(Schedule schedule);
/// 0: blocks and threads start in ascending order; else in an order drawn by this seed.
void set_thread_order(std::uint64_t seed);

// ---- Faults

/// The `nth` call of `api` from now on (1: the next) fails with `error`; cudaSuccess: with what the call is
/// likely to fail with. `api` is the function's name, or "launch". An error that loses the device (an illegal
/// address, say) is returned by every later call too until reset(); given for "launch", the launch succeeds
/// and the kernel fails when it runs.
void fail_at(std::string_view api, int nth, cudaError_t error = cudaSuccess);
/// How often each function was called since reset() or clear_call_counts().
std::map<std::string, int> call_counts();
int call_count(std::string_view api);
void clear_call_counts();
/// Counts the calls that make the host wait for the device (synchronisation, copies to and from pageable
/// memory by the host's leave, cudaFree, ...).
int host_waits();

/// Finishes all work, then forgets faults, counts and reports, and goes back to the eager schedule, ascending
/// order and full memory. Streams, events and memory stay.
void reset();

// ---- Memory

struct Allocation {
  const void* data;
  std::size_t bytes;
  int device;
  bool is_pinned;
};
/// Device and pinned memory that nobody has freed.
std::vector<Allocation> live_allocations();
/// Bytes that each device has from now on.
void set_memory_limit(std::size_t bytes);
/// How many devices there are: 1 at first. Call it before anything asks for them.
void set_device_count(int count);
/// Whether the host may look at device memory for as long as this lives: for tests that peek.
class HostAccess {
 public:
  HostAccess();
  ~HostAccess();
  HostAccess(const HostAccess&) = delete;
  HostAccess& operator=(const HostAccess&) = delete;
};

// ---- Traces

struct TracedOperation {
  std::string name;   // the kernel's, or of the copy, ...
  std::string range;  // "conv2d/cudnn" if this kernel of that op enqueued it; empty outside of ops
  std::uint32_t id;   // ascending in the order of enqueueing
  int stream;
  std::uint32_t position;  // in its stream
  std::vector<std::uint32_t> clock;
  /// Distinct bytes that it read and wrote: of a kernel only if is_tracked().
  std::uint64_t bytes_read, bytes_written;
};
/// From now on operations are remembered.
void start_trace();
/// Runs all pending work and hands over what was enqueued since start_trace().
std::vector<TracedOperation> take_trace();
/// True if the program makes `a` finish before `b` begins: by a stream, an event or a wait of the host.
bool happens_before(const TracedOperation& a, const TracedOperation& b);

// ---- For stand-ins of libraries

/// Enqueues work of a library: `work` runs in the order of `stream` and may access device memory, but
/// declares what it touches.
cudaError_t enqueue_host_op(std::string name, cudaStream_t stream, std::function<void()> work);
/// Counts a call of `api`, a function of a library; true if a test has ordered that it fails.
bool library_call_fails(std::string_view api);
enum class Access { read, write };
/// True after only_count_bytes(): the work is done when it has declared what it touches.
bool only_counts_bytes();
/// Inside of such work: by the device's clock it takes that much longer.
void pass_time(std::chrono::nanoseconds time);
/// Inside of such work: declares an access. False, and a report, if the bytes are not in live device memory.
bool touch(const void* data, std::size_t bytes, Access access);

}  // namespace fornax::sim
