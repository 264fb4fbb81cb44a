#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "fornax/base/error.h"
#include "fornax/base/export.h"
#include "fornax/data/random.h"
#include "fornax/tensor/tensor.h"

namespace fornax::data {

/// One example. On the CPU.
struct Sample {
  Tensor x;
  std::int64_t label = 0;
};

/// Some samples: x [n, ...] and label i64 [n].
struct Batch {
  Tensor x, label;
};

/// A sample could not be made. Names it; the original exception is nested (std::rethrow_if_nested).
class FORNAX_API SampleError : public Error {
  using Error::Error;
};

/// Examples by index. Const calls may come from several threads at once.
class FORNAX_API Dataset {
 public:
  virtual ~Dataset() = default;

  virtual std::int64_t size() const = 0;
  /// The example `index`, from 0 to size() - 1, varied with `random` where the set augments its examples. May
  /// throw anything; the library's sets throw IndexError for another index.
  virtual Sample get(std::int64_t index, SampleRandom& random) const = 0;
  /// What messages call the example, such as its file: "sample 17" unless overridden.
  virtual std::string name(std::int64_t index) const;
  /// The random numbers of the example in this epoch: those of its index, unless the set is made of others,
  /// which then have theirs.
  virtual SampleRandom random_of(std::int64_t index, const EpochRandom& random) const;
  /// get() of each of `indices` with its random numbers of this epoch. Throws SampleError where get() throws.
  std::vector<Sample> get_samples(std::span<const std::int64_t> indices, const EpochRandom& random) const;
  /// get_samples(), put together by collate(). Sets that can fill a batch faster override it.
  virtual Batch get_batch(std::span<const std::int64_t> indices, const EpochRandom& random) const;

  /// The same batch as what goes to a device, on the CPU: Prefetcher copies these tensors and lets join()
  /// make the batch of them there. x and label unless overridden. Sets whose examples grow when they are
  /// prepared, as images do that are kept in bytes, override both.
  virtual std::vector<Tensor> get_parts(std::span<const std::int64_t> indices,
                                        const EpochRandom& random) const;
  /// The batch whose parts these are, on their device. Does not wait for the device.
  virtual Batch join(std::span<const Tensor> parts) const;

 protected:
  /// Throws IndexError unless `index` is one of the set.
  void check_index(std::int64_t index) const;
};

/// Stacks samples of one shape and dtype; x is contiguous. Throws ShapeError, DTypeError, DeviceError naming
/// the first that does not fit: by `name` of its place among `samples` or, without one, by that place.
FORNAX_API Batch collate(std::span<const Sample> samples,
                         const std::function<std::string(std::int64_t place)>& name = {});

/// Rows of a tensor with their labels.
class FORNAX_API TensorDataset final : public Dataset {
 public:
  /// x [n, ...] of any dtype and label i64 [n], both on the CPU. Throws ShapeError, DTypeError, DeviceError.
  TensorDataset(Tensor x, Tensor label);
  std::int64_t size() const override { return x_.shape()[0]; }
  /// Row `index`, a view, and its label. Throws IndexError.
  Sample get(std::int64_t index, SampleRandom& random) const override;

 private:
  Tensor x_, label_;
};

}  // namespace fornax::data
