// Policy: the work is recorded on a stream of the pool, on which its warm-up ran too. Streams are ordered by
// the host at each run, as dispatch does it for each kernel: before it the graph's stream waits for all that
// other streams have been given to do with what the graph uses, after it all of that is in use on the graph's
// stream. Numbers of the host travel in one copy from page-locked memory before each launch.
#include "fornax/cuda/graph.h"

#include <cuda_runtime.h>
#include <fmt/core.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <utility>
#include <vector>

#include "device/capture.h"
#include "fornax/base/error.h"
#include "fornax/cuda/stream.h"
#include "fornax/device/backend.h"
#include "fornax/dispatch/observer.h"
#include "runtime/check.h"
#include "runtime/device_state.h"
#include "runtime/graph_memory.h"

namespace fornax::cuda {
namespace {

struct DestroyGraph {
  void operator()(cudaGraph_t graph) const { cudaGraphDestroy(graph); }
};
struct DestroyExecutable {
  void operator()(cudaGraphExec_t executable) const { cudaGraphExecDestroy(executable); }
};
using GraphOwner = std::unique_ptr<std::remove_pointer_t<cudaGraph_t>, DestroyGraph>;
using ExecutableOwner = std::unique_ptr<std::remove_pointer_t<cudaGraphExec_t>, DestroyExecutable>;

constexpr std::size_t chunk_bytes = 32768;

}  // namespace

class CudaGraph::Recording final : public Capture {
 public:
  Recording(Device device, std::function<void()> work, int warm_up)
      : work_(std::move(work)), stream_(stream_from_pool(device)), warm_up_(warm_up) {}
  ~Recording() override {
    try {
      if (executable_) stream_.synchronize();
    } catch (const std::exception&) {
      // The device is lost: nothing runs any more.
    }
  }

  void run() {
    if (current_capture())
      throw CudaError("CudaGraph", "expected no recording on this thread, got a run inside of one");
    const Stream caller = current_stream(stream_.device);
    if (warm_up_ > 0) {
      Event(caller).wait_on(stream_);
      const StreamGuard guard(stream_);
      work_();
      --warm_up_;
    } else if (executable_) {
      launch(caller, true);
    } else {
      record();
      launch(caller, false);
    }
    Event(stream_).wait_on(caller);
  }
  bool is_captured() const { return executable_ != nullptr; }

  bool records(Stream stream) const override {
    if (stream.device != stream_.device) return false;
    if (stream == stream_) return true;
    cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
    check(cudaStreamIsCapturing(native(stream), &status), "cudaStreamIsCapturing");
    return status != cudaStreamCaptureStatusNone;
  }
  void use(Storage& storage, Stream stream) override {
    expect_recorded(stream);
    if (const auto [place, is_new] = storages_.try_emplace(&storage); is_new)
      place->second = Ref<Storage>(&storage);
  }
  void add(Storage& storage) override {
    expect_recorded(storage.home());
    storages_.try_emplace(&storage);
  }
  bool takes(Storage& storage) noexcept override {
    if (storages_.erase(&storage) > 0) return false;  // it was allocated by the work
    try {
      dead_.push_back(&storage);
    } catch (const std::exception&) {
      // The host has no memory for the list: the block is lost.
    }
    return true;
  }
  Place renewed(const std::vector<std::byte>& first, std::function<void(std::byte*)> next) override {
    const std::size_t bytes = (first.size() + 15) / 16 * 16;
    if (chunks_.empty() || chunks_.back().values.size() + bytes > chunks_.back().storage->bytes())
      chunks_.push_back({Storage::allocate(std::max(bytes, chunk_bytes), stream_.device), {}, {}});
    Chunk& chunk = chunks_.back();
    const std::size_t offset = chunk.values.size();
    chunk.values.resize(offset + bytes);
    std::ranges::copy(first, chunk.values.begin() + static_cast<std::ptrdiff_t>(offset));
    chunk.renewals.emplace_back(offset, std::move(next));
    return {chunk.storage, offset};
  }

 private:
  /// Numbers of the host, side by side in device memory.
  struct Chunk {
    Ref<Storage> storage;
    std::vector<std::byte> values;
    std::vector<std::pair<std::size_t, std::function<void(std::byte*)>>> renewals;
  };

  void expect_recorded(Stream stream) const {
    if (!records(stream))
      throw CudaError("CudaGraph", fmt::format("expected work on the stream that is captured or on one that "
                                               "waited for it, got work on another stream of {}",
                                               to_string(stream.device)));
  }

  void record() {
    const cudaStream_t stream = native(stream_);
    memory_ = std::make_shared<GraphMemory>(stream_.device.index);
    storages_.clear();
    chunks_.clear();
    cudaGraph_t graph = nullptr;
    check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), "cudaStreamBeginCapture");
    try {
      {
        const StreamGuard guard(stream_);
        const CaptureScope capture(*this);
        const GraphMemoryScope scope(memory_);
        work_();
      }
      check(cudaStreamEndCapture(stream, &graph), "cudaStreamEndCapture");
      const GraphOwner owner(graph);
      keep_used();
      memory_->close(stream);
      cudaGraphExec_t executable = nullptr;
      check(cudaGraphInstantiateWithFlags(&executable, graph, 0), "cudaGraphInstantiateWithFlags");
      executable_.reset(executable);
    } catch (...) {
      abandon(stream);
      try {
        throw;
      } catch (const DeviceLost&) {
        throw;
      } catch (const CudaError& error) {
        throw CudaError("CudaGraph",
                        fmt::format("expected work that can be captured, got {}; nothing of it was "
                                    "enqueued",
                                    error.what()));
      }
    }
  }

  /// What was allocated and still lives is kept, like what was used.
  void keep_used() {
    for (auto& [storage, owner] : storages_)
      if (!owner) owner = Ref<Storage>(storage);
    bury();
  }
  void bury() {
    for (Storage* const storage : std::exchange(dead_, {})) destroy(storage);
  }
  /// Ends a capture that failed.
  void abandon(cudaStream_t stream) noexcept {
    cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
    if (cudaStreamIsCapturing(stream, &status) == cudaSuccess && status != cudaStreamCaptureStatusNone) {
      cudaGraph_t graph = nullptr;
      cudaStreamEndCapture(stream, &graph);
      if (graph) cudaGraphDestroy(graph);
    }
    cudaGetLastError();
    executable_ = nullptr;
    memory_ = nullptr;
    storages_.clear();
    chunks_.clear();
    bury();
  }

  void launch(Stream caller, bool renew) {
    if (renew)  // first: what a number's owner throws must find nothing enqueued
      for (Chunk& chunk : chunks_)
        for (const auto& [offset, next] : chunk.renewals) next(chunk.values.data() + offset);
    std::vector<Stream> others{caller};
    for (const auto& [storage, owner] : storages_) {
      storage->add_streams(others);
      std::ranges::sort(others, {}, &Stream::handle);
      others.erase(std::ranges::unique(others).begin(), others.end());
    }
    for (const Stream& other : others)
      if (other != stream_) Event(other).wait_on(stream_);
    for (const Chunk& chunk : chunks_) {
      const Ref<Storage> sent = Storage::allocate_pinned(chunk.values.size());
      std::memcpy(sent->data(), chunk.values.data(), chunk.values.size());
      backend_of(DeviceType::cuda).copy(chunk.storage->data(), sent->data(), chunk.values.size(), stream_);
      sent->used_on(stream_);
    }
    for (const auto& [storage, owner] : storages_) storage->used_on(stream_);
    const dispatch::Observed observed([&] {
      return dispatch::Activity{
          .kind = dispatch::Activity::Kind::op, .name = "cuda_graph", .stream = stream_};
    });
    check(cudaGraphLaunch(executable_.get(), native(stream_)), "cudaGraphLaunch");
  }

  std::function<void()> work_;
  Stream stream_;
  int warm_up_;
  std::shared_ptr<GraphMemory> memory_;  // of what the work allocates, though it may leave none of it
  ExecutableOwner executable_;
  /// What the recorded work uses; while it is recorded, without an owner where the work allocated it.
  std::map<Storage*, Ref<Storage>> storages_;
  std::vector<Storage*> dead_;
  std::vector<Chunk> chunks_;
};

CudaGraph::CudaGraph(Device device, std::function<void()> work, const CudaGraphOptions& options) {
  if (!work) throw ValueError("CudaGraph", "expected work, got an empty function");
  if (options.warm_up < 0)
    throw ValueError("CudaGraph", fmt::format("expected a warm_up of 0 or more, got {}", options.warm_up));
  recording_ = std::make_unique<Recording>(device, std::move(work), options.warm_up);
}
CudaGraph::~CudaGraph() = default;
CudaGraph::CudaGraph(CudaGraph&&) noexcept = default;
CudaGraph& CudaGraph::operator=(CudaGraph&&) noexcept = default;

void CudaGraph::run() { recording_->run(); }
bool CudaGraph::is_captured() const { return recording_->is_captured(); }

}  // namespace fornax::cuda
