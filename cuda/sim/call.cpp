// Policy: a fault is decided before a call does anything, so that a failed call has no effect. An error that
// loses the device is returned by every later call of every thread.
#include "sim/call.h"

#include <condition_variable>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sim/census.h"
#include "sim/report.h"
#include "sim/simulator.h"

namespace fornax::sim {
namespace {

struct Fault {
  std::string api;
  int calls_left;
  cudaError_t error;
};

struct State {
  std::mutex mutex;
  std::condition_variable host_function_done;
  std::vector<Fault> faults;
  std::map<std::string, int, std::less<>> counts;
  cudaError_t loss = cudaSuccess;
  int host_waits = 0, library_objects = 0;
};
State& state() {
  static State& instance = *new State;
  return instance;
}

constinit thread_local int lock_depth = 0;
constinit thread_local cudaError_t thread_error = cudaSuccess;
constinit thread_local bool runs_host_function = false;

cudaError_t likely_error(std::string_view api) {
  if (api == "launch") return cudaErrorLaunchOutOfResources;
  if (api == "cudaGetDeviceCount") return cudaErrorNoDevice;
  if (api.find("lloc") != api.npos || api.find("Create") != api.npos) return cudaErrorMemoryAllocation;
  return cudaErrorUnknown;
}

}  // namespace

Lock::Lock() {
  if (lock_depth++ == 0) state().mutex.lock();
}
Lock::~Lock() {
  if (--lock_depth == 0) state().mutex.unlock();
}

Unlocked::Unlocked() : depth_(std::exchange(lock_depth, 0)) { state().mutex.unlock(); }
Unlocked::~Unlocked() {
  state().mutex.lock();
  lock_depth = depth_;
  state().host_function_done.notify_all();
}

void wait_for_host_function() {
  const int depth = std::exchange(lock_depth, 0);
  std::unique_lock lock(state().mutex, std::adopt_lock);
  state().host_function_done.wait(lock);
  lock.release();
  lock_depth = depth;
}

Entry::Entry(const char* api) {
  ++state().counts[api];
  const cudaError_t ordered = ordered_fault(api);
  if (state().loss != cudaSuccess) {
    fault_ = state().loss;
  } else if (loses_device(ordered) && std::string_view(api) == "launch") {
    late_fault_ = ordered;
  } else {
    fault_ = ordered;
    if (loses_device(ordered)) lose_device(ordered);
  }
  if (runs_host_function) {
    report("host-function", std::string(api) + " is called by a host function of a stream");
    fault_ = cudaErrorNotPermitted;
  }
}

cudaError_t Entry::result(cudaError_t status) const {
  if (status != cudaSuccess && status != cudaErrorNotReady) thread_error = status;
  return status;
}

cudaError_t ordered_fault(const char* api) {
  std::vector<Fault>& faults = state().faults;
  cudaError_t error = cudaSuccess;
  for (auto fault = faults.begin(); fault != faults.end();) {
    if (fault->api == api && --fault->calls_left == 0) {
      error = fault->error;
      fault = faults.erase(fault);
    } else {
      ++fault;
    }
  }
  return error;
}

bool loses_device(cudaError_t error) {
  switch (error) {
    case cudaErrorIllegalAddress:
    case cudaErrorLaunchTimeout:
    case cudaErrorLaunchFailure:
    case cudaErrorAssert:
    case cudaErrorHardwareStackError:
    case cudaErrorIllegalInstruction:
    case cudaErrorMisalignedAddress:
    case cudaErrorInvalidAddressSpace:
    case cudaErrorInvalidPc:
    case cudaErrorECCUncorrectable: return true;
    default: return false;
  }
}

cudaError_t device_loss() { return state().loss; }
void lose_device(cudaError_t error) {
  if (state().loss == cudaSuccess) state().loss = error;
}

cudaError_t last_error() { return state().loss != cudaSuccess ? state().loss : thread_error; }
cudaError_t take_last_error() {
  const cudaError_t error = last_error();
  thread_error = cudaSuccess;
  return error;
}

void count_host_wait() { ++state().host_waits; }
bool library_call_fails(std::string_view api) {
  const Entry entry(std::string(api).c_str());
  return entry.fault() != cudaSuccess;
}

void count_library_object(int change) {
  const Lock lock;
  state().library_objects += change;
}
int live_library_objects() {
  const Lock lock;
  return state().library_objects;
}

bool& in_host_function() { return runs_host_function; }

void forget_faults_and_counts() {
  state().faults.clear();
  state().counts.clear();
  state().loss = cudaSuccess;
  state().host_waits = 0;
  thread_error = cudaSuccess;
}

void fail_at(std::string_view api, int nth, cudaError_t error) {
  const Lock lock;
  state().faults.push_back({std::string(api), nth, error == cudaSuccess ? likely_error(api) : error});
}
std::map<std::string, int> call_counts() {
  const Lock lock;
  return {state().counts.begin(), state().counts.end()};
}
int call_count(std::string_view api) {
  const Lock lock;
  const auto count = state().counts.find(api);
  return count == state().counts.end() ? 0 : count->second;
}
void clear_call_counts() {
  const Lock lock;
  state().counts.clear();
}
int host_waits() {
  const Lock lock;
  return state().host_waits;
}

}  // namespace fornax::sim
