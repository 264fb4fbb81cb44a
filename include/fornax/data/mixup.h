#pragma once

#include "fornax/base/export.h"
#include "fornax/data/dataset.h"

/// Batches whose samples are mixed with one another, on their device and without waiting for it:
///
///     SampleRandom random = EpochRandom{seed, epoch}.sample(step);
///     const MixedBatch mixed = mixup(batch, 0.2, random);
///     const Tensor y = (*model)(mixed.x);
///     const Tensor loss = mixed.weight * cross_entropy(y, mixed.label) +
///                         (1 - mixed.weight) * cross_entropy(y, mixed.other_label);
///
/// which is the cross-entropy with the mixed labels as class probabilities.
namespace fornax::data {

/// Sample i mixed with the one before it, the first with the last.
struct MixedBatch {
  Tensor x, label;
  Tensor other_label;  ///< of the samples that were mixed in
  double weight = 1;   ///< of `label`; 1 - weight of the other
};

/// weight * x + (1 - weight) * other, with a weight from the distribution Beta(alpha, alpha) (Zhang et al.,
/// 2018). Throws ValueError unless alpha is above 0, DTypeError unless x is floating.
FORNAX_API MixedBatch mixup(const Batch& batch, double alpha, SampleRandom& random);

/// A rectangle of each image [N, C, H, W] replaced by that of the other, of the area 1 - weight, the weight
/// from Beta(alpha, alpha) (Yun et al., 2019) and then, as images have edges, what is left in truth. Throws
/// ValueError unless alpha is above 0, ShapeError for another rank.
FORNAX_API MixedBatch cutmix(const Batch& batch, double alpha, SampleRandom& random);

}  // namespace fornax::data
