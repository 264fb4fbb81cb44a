// What a tool that listens to NVTX is told: this program is one, linked in.
#define NVTX_NO_IMPL
#include <gmock/gmock.h>
#include <nvtx3/nvToolsExt.h>

#include <string>
#include <vector>

#include "fornax/device/backend.h"
#include "fornax/profiler/range.h"

namespace fornax {
namespace {

using testing::ElementsAre;

std::vector<std::string>& heard() {
  static std::vector<std::string> events;
  return events;
}

int domain_of_library;

nvtxDomainHandle_t NVTX_API create(const char* name) {
  heard().push_back(std::string("domain ") + name);
  return reinterpret_cast<nvtxDomainHandle_t>(&domain_of_library);
}

int NVTX_API push(nvtxDomainHandle_t domain, const nvtxEventAttributes_t* attributes) {
  EXPECT_EQ(static_cast<void*>(domain), &domain_of_library);
  EXPECT_EQ(attributes->version, NVTX_VERSION);
  EXPECT_EQ(attributes->size, sizeof(nvtxEventAttributes_t));
  EXPECT_EQ(attributes->messageType, NVTX_MESSAGE_TYPE_ASCII);
  heard().push_back(attributes->message.ascii);
  return 0;
}

int NVTX_API pop(nvtxDomainHandle_t domain) {
  EXPECT_EQ(static_cast<void*>(domain), &domain_of_library);
  heard().push_back("end");
  return 0;
}

int NVTX_API initialize(NvtxGetExportTableFunc_t table) {
  const auto* callbacks = static_cast<const NvtxExportTableCallbacks*>(table(NVTX_ETID_CALLBACKS));
  NvtxFunctionTable functions = nullptr;
  unsigned size = 0;
  if (!callbacks->GetModuleFunctionTable(NVTX_CB_MODULE_CORE2, &functions, &size)) return 0;
  *functions[NVTX_CBID_CORE2_DomainCreateA] = reinterpret_cast<NvtxFunctionPointer>(create);
  *functions[NVTX_CBID_CORE2_DomainRangePushEx] = reinterpret_cast<NvtxFunctionPointer>(push);
  *functions[NVTX_CBID_CORE2_DomainRangePop] = reinterpret_cast<NvtxFunctionPointer>(pop);
  return 1;
}

}  // namespace
}  // namespace fornax

/// Where NVTX looks for a tool that is linked in.
extern "C" {
NvtxInitializeInjectionNvtxFunc_t InitializeInjectionNvtx2_fnptr = fornax::initialize;
}

namespace fornax {
namespace {

TEST(Nvtx, ATimelineShowsOpAndKernelAndRangesAndCutsALongName) {
  Backend& backend = backend_of(DeviceType::cuda);
  backend.begin_range("conv2d", "cudnn");
  backend.begin_range(std::string(100, 'o'), std::string(100, 'k'));
  backend.end_range();
  backend.end_range();
  { const profiler::Range range("forward"); }
  EXPECT_THAT(heard(),
              ElementsAre("domain fornax", "conv2d/cudnn", std::string(100, 'o') + "/" + std::string(26, 'k'),
                          "end", "end", "forward", "end"));
}

}  // namespace
}  // namespace fornax
