#include "fornax/profiler/range.h"

#include <string>

#include "device/backends.h"
#include "fornax/device/backend.h"

namespace fornax::profiler {

Range::Range(std::string_view name)
    : observed_([&] {
        return dispatch::Activity{.kind = dispatch::Activity::Kind::range, .name = std::string(name)};
      }) {
  if (Backend* const cuda = cuda_backend()) cuda->begin_range(name, {});
}

Range::~Range() {
  if (Backend* const cuda = cuda_backend()) cuda->end_range();
}

}  // namespace fornax::profiler
