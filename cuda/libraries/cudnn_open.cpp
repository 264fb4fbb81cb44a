// The simulated device has a stand-in instead of this file (sim/libraries/cudnn.cpp).
#include "libraries/cudnn.h"

namespace fornax::cuda {

const Cudnn* cudnn() { return load_cudnn(); }

}  // namespace fornax::cuda
