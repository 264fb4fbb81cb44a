#pragma once

#include <string>
#include <string_view>

#include "libraries/cudnn.h"
#include "sim/libraries/cudnn_content.h"

/// A tee: the descriptors that the stand-in gets go to the real cuDNN too, so that what NVIDIA accepts is
/// what is computed here.
namespace fornax::sim {

/// From now on the stand-in refuses the graphs for which `real` has no plan on a device of these properties
/// (cuDNN's JSON); null: it judges alone.
void set_cudnn_judge(const cuda::Cudnn* real, std::string_view device = {});

/// How many graphs were judged since the last set_cudnn_judge().
int graphs_judged();

/// Why the judge refuses a graph; empty if it does not, or there is none.
std::string refusal_of_judge(const Content& graph);

}  // namespace fornax::sim
