// Stands in for cuda/ in a build without it.
#include "device/backends.h"
#include "fornax/base/error.h"
#include "fornax/cuda/graph.h"
#include "fornax/cuda/math_mode.h"
#include "fornax/cuda/memory.h"
#include "fornax/cuda/stream.h"
#include "fornax/cuda/timer.h"

namespace fornax {

Backend* cuda_backend() { return nullptr; }

namespace cuda {
namespace {

[[noreturn]] void fail(const char* function) {
  throw DeviceError(function,
                    "expected a build with CUDA, got one without (configure with -DFORNAX_CUDA=ON)");
}

}  // namespace

MemoryStats memory_stats(Device) { fail("memory_stats"); }
std::map<void*, std::size_t> memory_by_stream(Device) { fail("memory_by_stream"); }
std::size_t available_memory(Device) { fail("available_memory"); }
void reset_peak_memory(Device) { fail("reset_peak_memory"); }
void empty_cache(Device) { fail("empty_cache"); }
void set_release_threshold(Device, std::size_t) { fail("set_release_threshold"); }
Stream stream_from_pool(Device, StreamPriority) { fail("stream_from_pool"); }
void* native_handle(Stream) { fail("native_handle"); }
StreamTimer::StreamTimer(Stream) { fail("StreamTimer"); }
double StreamTimer::seconds() const { fail("StreamTimer"); }

CudnnChoices cudnn_choices() { return {}; }
void set_cudnn_choices(CudnnChoices) {}  // NOLINT(performance-unnecessary-value-param): kept where CUDA is

class CudaGraph::Recording {};
CudaGraph::CudaGraph(Device, std::function<void()>, const CudaGraphOptions&) { fail("CudaGraph"); }
CudaGraph::~CudaGraph() = default;
CudaGraph::CudaGraph(CudaGraph&&) noexcept = default;
CudaGraph& CudaGraph::operator=(CudaGraph&&) noexcept = default;
void CudaGraph::run() { fail("CudaGraph"); }
bool CudaGraph::is_captured() const { fail("CudaGraph"); }

}  // namespace cuda
}  // namespace fornax
