#pragma once

#include "fornax/models/resnet.h"
#include "fornax/tensor/state.h"

namespace fornax::models {

/// The options of a ResNet that computes what Keras' ResNet50, 101 and 152 do, with these numbers of classes
/// and width:
///
///   auto model = models::resnet50(models::keras_resnet_options());
///   model->load_state(models::resnet_state_from_keras(io::load_keras("resnet50.h5")));
///
/// Images are bytes without their mean, 123.68, 116.779 and 103.939 for red, green and blue, and not scaled:
/// in data::ImageOptions .mean is these / 255, and .stddev 1 / 255. Keras puts a softmax behind the logits.
FORNAX_API ResNetOptions keras_resnet_options(std::int64_t classes = 1000, double width = 1);

/// Makes of the weights of Keras' ResNet50, 101 or 152 (io::load_keras), of the present names
/// ("conv2_block1_1_conv") or the former ones ("res2a_branch2a"), the state of ours: convolutions as [out,
/// in, height, width], the dense layer as [out, in], the batch counts 0. Keras' images are BGR; here the
/// first convolution is turned round, so that images are RGB as everywhere else. A file without the top gives
/// a state without "fc". Throws ValueError naming the weight that is missing, has another rank, or is not of
/// a ResNet.
FORNAX_API State resnet_state_from_keras(const State& keras);

}  // namespace fornax::models
