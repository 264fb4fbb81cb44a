// Policy: while a stream captures, its operations become nodes instead of running; a launch enqueues copies
// of them, each captured stream on a stream of its own, so that clocks, schedules and tracking are those of
// plain operations. What CUDA forbids in a capture fails with its error and spoils the capture.
#include "sim/graph.h"

#include <algorithm>
#include <string>
#include <utility>

#include "sim/report.h"

namespace fornax::sim {
namespace {

std::vector<Capture*>& captures() {
  static auto& all = *new std::vector<Capture*>;
  return all;
}
constinit thread_local cudaStreamCaptureMode mode_of_thread = cudaStreamCaptureModeGlobal;

cudaError_t spoil(Capture& capture, cudaError_t error) {
  capture.is_invalid = true;
  return error;
}

/// The nodes that come before, or are, one of `last`.
std::vector<bool> history(const Graph& graph, const std::vector<std::size_t>& last) {
  std::vector<bool> is_in(graph.nodes.size());
  for (const std::size_t node : last) is_in[node] = true;
  for (std::size_t node = graph.nodes.size(); node-- > 0;)
    if (is_in[node])
      for (const std::size_t before : graph.nodes[node].after) is_in[before] = true;
  return is_in;
}

void join_frontier(std::vector<std::size_t>& frontier, const std::vector<std::size_t>& other) {
  for (const std::size_t node : other)
    if (std::find(frontier.begin(), frontier.end(), node) == frontier.end()) frontier.push_back(node);
}

}  // namespace

Graph::~Graph() {
  for (Block* const block : blocks) leave_graph(*block);
}

cudaStreamCaptureMode& thread_capture_mode() { return mode_of_thread; }

cudaError_t begin_capture(Stream& stream, cudaStreamCaptureMode mode) {
  if (stream.id == 0) return cudaErrorStreamCaptureUnsupported;
  if (stream.capture) return spoil(*stream.capture, cudaErrorIllegalState);
  stream.capture = std::make_shared<Capture>();
  *stream.capture = {std::make_shared<Graph>(), &stream, mode, std::this_thread::get_id(), {&stream}};
  stream.lane = 0;
  stream.frontier.clear();
  captures().push_back(stream.capture.get());
  return cudaSuccess;
}

cudaError_t end_capture(Stream& stream, std::shared_ptr<Graph>& graph) {
  const std::shared_ptr<Capture> capture = stream.capture;
  if (!capture) return cudaErrorIllegalState;
  if (capture->origin != &stream) return spoil(*capture, cudaErrorStreamCaptureUnmatched);
  if (capture->mode != cudaStreamCaptureModeRelaxed && capture->thread != std::this_thread::get_id())
    return spoil(*capture, cudaErrorStreamCaptureWrongThread);
  const std::vector<bool> joined = history(*capture->graph, stream.frontier);
  bool is_unjoined = false;
  for (Stream* const other : capture->streams) {
    for (const std::size_t node : other->frontier) is_unjoined = is_unjoined || !joined[node];
    other->capture = nullptr;
    other->frontier.clear();
  }
  std::erase(captures(), capture.get());
  if (capture->is_invalid) return cudaErrorStreamCaptureInvalidated;
  if (is_unjoined) return cudaErrorStreamCaptureUnjoined;
  graph = capture->graph;
  return cudaSuccess;
}

void capture_operation(Stream& stream, Operation operation) {
  Graph& graph = *stream.capture->graph;
  graph.nodes.push_back({std::move(operation), stream.lane, stream.frontier});
  stream.frontier = {graph.nodes.size() - 1};
}

cudaError_t refuse_in_capture() {
  if (mode_of_thread == cudaStreamCaptureModeRelaxed) return cudaSuccess;
  cudaError_t status = cudaSuccess;
  for (Capture* const capture : captures()) {
    const bool is_own = capture->thread == std::this_thread::get_id();
    const bool is_concerned = capture->mode == cudaStreamCaptureModeGlobal
                                  ? is_own || mode_of_thread == cudaStreamCaptureModeGlobal
                                  : capture->mode == cudaStreamCaptureModeThreadLocal && is_own;
    if (is_concerned) status = spoil(*capture, cudaErrorStreamCaptureUnsupported);
  }
  return status;
}

cudaError_t refuse_wait(const Stream& stream) {
  return stream.capture ? spoil(*stream.capture, cudaErrorStreamCaptureUnsupported) : cudaSuccess;
}

cudaError_t refuse_wait(const Event& event) {
  return event.capture ? spoil(*event.capture, cudaErrorCapturedEvent) : cudaSuccess;
}

bool record_in_capture(Stream& stream, Event& event) {
  event.capture = stream.capture;
  event.frontier = stream.frontier;
  if (stream.capture) event.recorded = nullptr;
  return stream.capture != nullptr;
}

bool wait_in_capture(Stream& stream, const Event& event, cudaError_t& status) {
  status = cudaSuccess;
  if (!event.capture) {
    if (!stream.capture) return false;
    if (event.recorded) status = spoil(*stream.capture, cudaErrorStreamCaptureIsolation);
    return event.recorded != nullptr;
  }
  Capture& capture = *event.capture;
  if (!capture.origin->capture || capture.origin->capture != event.capture) {  // it has ended
    status = stream.capture ? spoil(*stream.capture, cudaErrorCapturedEvent) : cudaErrorCapturedEvent;
  } else if (!stream.capture) {
    stream.capture = event.capture;
    stream.lane = capture.streams.size();
    stream.frontier = event.frontier;
    capture.streams.push_back(&stream);
    capture.graph->lanes = capture.streams.size();
  } else if (stream.capture != event.capture) {
    spoil(capture, cudaErrorStreamCaptureMerge);
    status = spoil(*stream.capture, cudaErrorStreamCaptureMerge);
  } else {
    join_frontier(stream.frontier, event.frontier);
  }
  return true;
}

void launch_graph(const std::shared_ptr<Graph>& graph, Stream& stream, std::vector<Stream*>& lanes) {
  while (lanes.size() + 1 < graph->lanes) lanes.push_back(&new_stream(stream.device));
  const OperationPtr begin = enqueue(stream, "begin graph", nullptr);
  std::vector<OperationPtr> enqueued, last_of_lane(graph->lanes);
  for (const GraphNode& node : graph->nodes) {
    Operation operation = node.operation;
    if (node.lane > 0) operation.after.push_back(begin);
    for (const std::size_t before : node.after) operation.after.push_back(enqueued[before]);
    Stream& on = node.lane == 0 ? stream : *lanes[node.lane - 1];
    enqueued.push_back(enqueue(on, std::move(operation)));
    last_of_lane[node.lane] = enqueued.back();
  }
  Operation end;
  end.name = "end graph";
  end.run = [graph] {};  // alive until now
  for (const OperationPtr& last : last_of_lane)
    if (last) end.after.push_back(last);
  enqueue(stream, std::move(end));
}

}  // namespace fornax::sim
