#include "fornax/data/dataset.h"

#include <fmt/core.h>

#include <cstring>
#include <exception>
#include <string_view>
#include <utility>

#include "data/sample_error.h"

namespace fornax::data {
namespace {

const std::byte* bytes(const Tensor& tensor) {
  return static_cast<const std::byte*>(static_cast<TensorView>(tensor).data);
}
std::byte* bytes(Tensor& tensor) { return static_cast<std::byte*>(static_cast<TensorView>(tensor).data); }

}  // namespace

void naming_sample(const Dataset& dataset, std::int64_t index, FunctionRef<void()> make) {
  const auto fail = [&](std::string_view why) {
    std::throw_with_nested(
        SampleError("dataset", fmt::format("expected to get '{}', got: {}", dataset.name(index), why)));
  };
  try {
    make();
  } catch (const std::exception& e) {
    fail(e.what());
  } catch (...) {
    fail("an exception that is not a std::exception");
  }
}

std::string Dataset::name(std::int64_t index) const { return fmt::format("sample {}", index); }

SampleRandom Dataset::random_of(std::int64_t index, const EpochRandom& random) const {
  return random.sample(index);
}

std::vector<Sample> Dataset::get_samples(std::span<const std::int64_t> indices,
                                         const EpochRandom& random) const {
  std::vector<Sample> samples;
  samples.reserve(indices.size());
  for (const std::int64_t index : indices) {
    naming_sample(*this, index, [&] {
      SampleRandom numbers = random_of(index, random);
      samples.push_back(get(index, numbers));
    });
  }
  return samples;
}

Batch Dataset::get_batch(std::span<const std::int64_t> indices, const EpochRandom& random) const {
  return collate(get_samples(indices, random),
                 [&](std::int64_t place) { return name(indices[static_cast<std::size_t>(place)]); });
}

std::vector<Tensor> Dataset::get_parts(std::span<const std::int64_t> indices,
                                       const EpochRandom& random) const {
  const Batch batch = get_batch(indices, random);
  return {batch.x, batch.label};
}

Batch Dataset::join(std::span<const Tensor> parts) const { return {parts[0], parts[1]}; }

void Dataset::check_index(std::int64_t index) const {
  if (index < 0 || index >= size())
    throw IndexError("dataset", fmt::format("expected an index from 0 to {}, got {}", size() - 1, index));
}

Batch collate(std::span<const Sample> samples, const std::function<std::string(std::int64_t place)>& name) {
  const auto count = static_cast<std::int64_t>(samples.size());
  if (count == 0) throw ShapeError("collate", "expected at least one sample, got none");
  const Tensor& first = samples[0].x;
  Shape shape = first.shape();
  shape.insert(0, count);
  Batch batch{empty(shape, {.dtype = first.dtype()}), empty({count}, {.dtype = i64})};
  const std::size_t size = static_cast<std::size_t>(first.numel()) * size_of(first.dtype());
  auto* out = bytes(batch.x);
  auto* label = batch.label.data<std::int64_t>();
  for (std::int64_t i = 0; i < count; ++i, out += size) {
    const Sample& sample = samples[static_cast<std::size_t>(i)];
    const auto message = [&](const std::string& expected) {
      return fmt::format("expected {}, got {} for {}", expected, describe(sample.x),
                         name ? fmt::format("'{}'", name(i)) : fmt::format("sample {} of the batch", i));
    };
    if (!sample.x.device().is_cpu()) throw DeviceError("collate", message("samples on the CPU"));
    if (sample.x.dtype() != first.dtype())
      throw DTypeError("collate", message("samples like the first, " + describe(first)));
    if (sample.x.shape() != first.shape())
      throw ShapeError("collate", message("samples like the first, " + describe(first)));
    if (size > 0) std::memcpy(out, bytes(sample.x.contiguous()), size);
    label[i] = sample.label;
  }
  return batch;
}

TensorDataset::TensorDataset(Tensor x, Tensor label) : x_(std::move(x)), label_(std::move(label)) {
  const auto message = [&](const char* expected) {
    return fmt::format("expected {}, got x={} label={}", expected, describe(x_), describe(label_));
  };
  if (x_.rank() < 1 || label_.rank() != 1 || x_.shape()[0] != label_.shape()[0])
    throw ShapeError("tensor_dataset", message("x of [n,...] with label of [n]"));
  if (label_.dtype() != i64) throw DTypeError("tensor_dataset", message("labels of i64"));
  if (!x_.device().is_cpu() || !label_.device().is_cpu())
    throw DeviceError("tensor_dataset", message("tensors on the CPU"));
  x_ = x_.detach();
  label_ = label_.contiguous();
}

Sample TensorDataset::get(std::int64_t index, SampleRandom&) const {
  check_index(index);
  return {x_.select(0, index), label_.data<std::int64_t>()[index]};
}

}  // namespace fornax::data
