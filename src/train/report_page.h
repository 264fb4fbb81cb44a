#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "fornax/nn/summary.h"
#include "fornax/train/json_log.h"
#include "fornax/train/metrics.h"
#include "fornax/train/plot.h"

namespace fornax::train {

/// What a model made of one sample.
struct Prediction {
  std::vector<std::byte> picture;  ///< a PNG file
  std::string label, prediction;
  double probability = 0;  ///< of the prediction, 0 to 1
  bool right = false;
  std::string answers;  ///< the most probable ones, a line each
};

/// How a classifier's predictions fell.
struct Classification {
  std::vector<std::string> names;    ///< by label
  std::vector<std::int64_t> counts;  ///< [C,C] of ConfusionMatrix
  ClassificationReport report;
};

using Texts = std::vector<std::pair<std::string, std::string>>;

/// What a report shows. What is empty has no place on the page.
struct ReportPage {
  std::string title;
  Texts facts;    ///< what was trained
  Texts results;  ///< what came of it
  std::vector<Panel> panels;
  std::vector<Prediction> predictions;
  std::optional<Classification> classification;
  nn::ModelSummary layers;
  std::int64_t layers_samples = 0;  ///< with how many they were called
  Fields options;
};

/// The page as HTML that is XML too, in UTF-8. Texts are escaped; nothing is fetched from elsewhere.
std::string to_html(const ReportPage& page);

}  // namespace fornax::train
