#include "train/evaluation_record.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

#include "fornax/autograd/grad_mode.h"
#include "fornax/base/error.h"
#include "fornax/data/image_file.h"
#include "fornax/ops/elementwise.h"
#include "fornax/ops/pool.h"
#include "fornax/ops/rearrange.h"
#include "fornax/ops/softmax.h"

namespace fornax::train {
namespace {

constexpr std::int64_t most_classes = 1000;  ///< whose matrix is counted: 8 MB
constexpr std::int64_t most_pixels = 128;    ///< of a picture's longer side
constexpr std::size_t most_answers = 5;      ///< of a prediction that the tooltip lists

bool is_classification(const data::Batch& batch, const Tensor& output) {
  return output.rank() == 2 && is_floating(output.dtype()) && output.size(1) >= 1 &&
         output.size(1) <= most_classes && batch.label.dtype() == i64 &&
         batch.label.shape() == Shape{output.size(0)};
}

std::string name_of(std::int64_t label, const std::vector<std::string>& names) {
  const auto known = label >= 0 && label < std::ssize(names);
  return known ? names[static_cast<std::size_t>(label)] : fmt::format("{}", label);
}

/// [1,C,1,1], of each channel or one for all.
Tensor by_channel(const std::vector<float>& values, const Tensor& x) {
  const auto size = std::ssize(values);
  if (size != 1 && size != x.size(1))
    throw ValueError("report", fmt::format("expected a mean and stddev for each of {} channels or one for "
                                           "all, got {}",
                                           x.size(1), size));
  return from_span<float>(values, {1, size, 1, 1}, x.device());
}

/// As they were before they were normalised, from 0 to 1, and no larger than they are shown.
Tensor pictures_of(const Tensor& x, const ReportOptions& options) {
  const std::int64_t height = x.size(2), width = x.size(3);
  const std::int64_t factor = (std::max(height, width) + most_pixels - 1) / most_pixels;
  const Tensor pictures = x.to(f32) * by_channel(options.stddev, x) + by_channel(options.mean, x);
  if (factor == 1) return pictures.to(Device::cpu());
  const Pair size{std::max<std::int64_t>(height / factor, 1), std::max<std::int64_t>(width / factor, 1)};
  return adaptive_avg_pool2d(pictures, size).to(Device::cpu());
}

/// "cat 91.2 %\ndog 8.1 %": the most probable ones.
std::string answers(std::span<const float> probabilities, const std::vector<std::string>& names) {
  std::vector<std::size_t> order(probabilities.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, std::greater(), [&](std::size_t label) { return probabilities[label]; });
  order.resize(std::min(order.size(), most_answers));
  std::string text;
  for (const std::size_t label : order)
    text += fmt::format("{}{} {:.1f} %", text.empty() ? "" : "\n",
                        name_of(static_cast<std::int64_t>(label), names), 100 * probabilities[label]);
  return text;
}

}  // namespace

void EvaluationRecord::add(const data::Batch& batch, const Tensor& output) {
  const NoGrad no_grad;
  const bool classifies = is_classification(batch, output);
  if (classifies) {
    if (!matrix_) matrix_.emplace(output.size(1));
    matrix_->update(output, batch.label);
  }
  if (batch.x.rank() == 0 || wanted_ == 0) return;
  const std::int64_t count = std::min(wanted_, batch.x.size(0));
  const auto keep = [&](std::vector<Tensor>& kept, const Tensor& rows) {
    kept.push_back(rows.detach().narrow(0, 0, count).clone());
  };
  keep(inputs_, batch.x);
  wanted_ -= count;
  if (!classifies) return;
  keep(outputs_, output);
  keep(labels_, batch.label);
}

Tensor EvaluationRecord::inputs() const { return inputs_.empty() ? Tensor() : concat(inputs_); }

std::optional<Classification> EvaluationRecord::classification(const std::vector<std::string>& names) const {
  if (!matrix_) return {};
  Classification all{.counts = matrix_->counts().to_vector<std::int64_t>(), .report = matrix_->report()};
  for (std::int64_t label = 0; label < matrix_->counts().size(0); ++label)
    all.names.push_back(name_of(label, names));
  return all;
}

std::vector<Prediction> EvaluationRecord::predictions(const ReportOptions& options) const {
  const NoGrad no_grad;
  const Tensor x = inputs();
  const bool shows = !outputs_.empty() && x.rank() == 4 && is_floating(x.dtype()) && x.numel() > 0 &&
                     (x.size(1) == 1 || x.size(1) == 3);
  if (!shows) return {};
  const Tensor pictures = pictures_of(x, options);
  const Tensor output = concat(outputs_).to(Device::cpu()).to(f32);
  const std::int64_t classes = output.size(1);
  const std::vector<float> probabilities = softmax(output, 1).to_vector<float>();
  const std::vector<std::int64_t> labels = concat(labels_).to_vector<std::int64_t>();
  std::vector<Prediction> all;
  for (std::int64_t i = 0; i < std::ssize(labels); ++i) {
    const std::span own =
        std::span(probabilities)
            .subspan(static_cast<std::size_t>(i * classes), static_cast<std::size_t>(classes));
    const auto largest = std::ranges::max_element(own);
    const std::int64_t label = labels[static_cast<std::size_t>(i)], prediction = largest - own.begin();
    const bool sound = !std::isnan(*largest);
    all.push_back({.picture = data::encode_png(pictures[i]),
                   .label = name_of(label, options.classes),
                   .prediction = sound ? name_of(prediction, options.classes) : "nan",
                   .probability = sound ? *largest : 0,
                   .right = sound && prediction == label,
                   .answers = sound ? answers(own, options.classes) : ""});
  }
  return all;
}

}  // namespace fornax::train
