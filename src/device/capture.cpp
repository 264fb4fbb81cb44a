#include "device/capture.h"

namespace fornax {
namespace {

constinit thread_local Capture* recording = nullptr;

}  // namespace

Capture* current_capture() noexcept { return recording; }

CaptureScope::CaptureScope(Capture& capture) noexcept { recording = &capture; }
CaptureScope::~CaptureScope() { recording = nullptr; }

}  // namespace fornax
