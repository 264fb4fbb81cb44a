#pragma once

#include <string>

#include "fornax/base/export.h"
#include "fornax/tensor/state.h"

/// Weights of Keras in HDF5 (.h5), in the layout of Keras 1 and 2 (`model.save_weights("x.h5")`), in which
/// keras.applications publishes.
namespace fornax::io {

/// Reads the weights of all layers, contiguous, on the CPU, in the file's order and in Keras' layout (kernels
/// [height, width, in, out]). Names are Keras', from the layer's on ("conv1_conv/kernel"), which comes before
/// those that do not have it ("conv1/conv1_W"). Of a whole model (`model.save("x.h5")`) reads its weights.
/// models::resnet_state_from_keras makes a ResNet's state of it.
///
/// Sizes are checked, but libhdf5 is not made for hostile files: read such files only from where you trust.
/// Throws IoError that names the file, layer and weight, and NotImplemented in a build without libhdf5.
FORNAX_API State load_keras(const std::string& path);

}  // namespace fornax::io
