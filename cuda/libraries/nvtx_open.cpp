// NVTX is a header, which looks for a tool when it is first called and loads nothing where none has set it
// up. The simulated device has a stand-in instead of this file (sim/nvtx.cpp).
#include "libraries/nvtx.h"

#include <fmt/core.h>
#include <nvtx3/nvToolsExt.h>

namespace fornax::cuda {
namespace {

/// Where the library's ranges go; null where no tool listens.
nvtxDomainHandle_t domain() noexcept {
  static const nvtxDomainHandle_t handle = nvtxDomainCreateA("fornax");
  return handle;
}

}  // namespace

void begin_range(std::string_view op, std::string_view kernel) noexcept {
  if (!domain()) return;
  char name[128];
  const std::string_view slash = kernel.empty() ? "" : "/";
  *fmt::format_to_n(name, sizeof(name) - 1, "{}{}{}", op, slash, kernel).out = '\0';
  nvtxEventAttributes_t attributes{};
  attributes.version = NVTX_VERSION;
  attributes.size = NVTX_EVENT_ATTRIB_STRUCT_SIZE;
  attributes.messageType = NVTX_MESSAGE_TYPE_ASCII;
  attributes.message.ascii = name;
  nvtxDomainRangePushEx(domain(), &attributes);
}

void end_range() noexcept {
  if (domain()) nvtxDomainRangePop(domain());
}

}  // namespace fornax::cuda
