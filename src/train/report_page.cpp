#include "train/report_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <iterator>

#include "base/with_commas.h"
#include "train/markup.h"
#include "train/report_style.h"
#include "train/svg.h"

namespace fornax::train {
namespace {

constexpr std::size_t most_cells = 32;       ///< classes of a matrix that is shown whole
constexpr std::size_t most_confusions = 20;  ///< pairs of classes that are listed
constexpr int shades = 10;                   ///< of a cell, s1 to s10 of the style
constexpr std::size_t most_open_rows = 24;   ///< a longer table of layers waits to be opened

using Out = std::back_insert_iterator<std::string>;

std::string percent(double share) { return fmt::format("{:.1f} %", 100 * share); }

void add_texts(Out out, std::string_view name, const Texts& texts) {
  if (texts.empty()) return;
  fmt::format_to(out, R"(<dl class="{}">
)",
                 name);
  for (const auto& [term, text] : texts)
    fmt::format_to(out, "<div><dt>{}</dt><dd>{}</dd></div>\n", escaped(term), escaped(text));
  fmt::format_to(out, "</dl>\n");
}

/// Begins a table, which scrolls where it is wider than the window: columns of texts and then of numbers.
void begin_table(Out out, std::string_view label, const std::vector<std::string_view>& texts,
                 const std::vector<std::string_view>& numbers = {}) {
  fmt::format_to(out, R"(<div class="scroll" tabindex="0" role="region" aria-label="{}">
<table>
<thead><tr>)",
                 label);
  for (const std::string_view name : texts)
    fmt::format_to(out, R"(<th scope="col" class="text">{}</th>)", name);
  for (const std::string_view name : numbers) fmt::format_to(out, R"(<th scope="col">{}</th>)", name);
  fmt::format_to(out, "</tr></thead>\n<tbody>\n");
}

void end_table(Out out) { fmt::format_to(out, "</tbody>\n</table>\n</div>\n"); }

void add_curves(Out out, const std::vector<Panel>& panels) {
  if (panels.empty()) return;
  fmt::format_to(out, R"(<section>
<h2>Curves</h2>
<div class="curves">
)");
  for (const Panel& panel : panels)
    fmt::format_to(
        out,
        R"(<figure><svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {} {}" role="img" aria-label="{} by step">
{}</svg></figure>
)",
        panel_width, panel_height, escaped(panel.title), panel_svg(panel, "step"));
  fmt::format_to(out, "</div>\n</section>\n");
}

void add_predictions(Out out, const std::vector<Prediction>& predictions) {
  if (predictions.empty()) return;
  fmt::format_to(out, R"(<section>
<h2>Predictions</h2>
<p class="note">The first {} samples of the evaluation, {} of them right.</p>
<div class="samples">
)",
                 predictions.size(), std::ranges::count_if(predictions, &Prediction::right));
  for (const Prediction& sample : predictions) {
    const std::string label = escaped(sample.label);
    fmt::format_to(out, R"(<figure class="{}" title="{}"><img alt="{}" src="data:image/png;base64,{}"/>)",
                   sample.right ? "right" : "wrong", escaped(sample.answers), label, base64(sample.picture));
    fmt::format_to(out, "<figcaption><strong>{} {}</strong> <span>{}</span>{}</figcaption></figure>\n",
                   sample.right ? "✓" : "✗", escaped(sample.prediction), percent(sample.probability),
                   sample.right ? "" : "<br/>is " + label);
  }
  fmt::format_to(out, "</div>\n</section>\n");
}

/// The counts of a classification by target and prediction.
class Counts {
 public:
  explicit Counts(const Classification& all) : all_(all) {}
  std::int64_t at(std::size_t target, std::size_t prediction) const {
    return all_.counts[target * all_.names.size() + prediction];
  }
  /// Of the samples of the target.
  double share(std::size_t target, std::size_t prediction) const {
    const std::int64_t samples = all_.report.classes[target].support;
    return samples == 0 ? 0 : static_cast<double>(at(target, prediction)) / static_cast<double>(samples);
  }

 private:
  const Classification& all_;
};

/// Goes with the root, so that a hundredth can be told from nothing.
int shade_of(double share) { return static_cast<int>(std::ceil(shades * std::sqrt(share) - 1e-9)); }

void add_scale(Out out) {
  fmt::format_to(out, R"(<div class="scale note">)");
  for (const bool hit : {true, false}) {
    fmt::format_to(out, R"(<span>{} <table class="matrix"><tbody><tr>)", hit ? "right" : "wrong");
    for (int shade = 2; shade <= shades; shade += 2)
      fmt::format_to(out, R"(<td class="{}s{}">{} %</td>)", hit ? "hit " : "", shade, shade * shade);
    fmt::format_to(out, "</tr></tbody></table></span>\n");
  }
  fmt::format_to(out, "</div>\n");
}

void add_matrix(Out out, const Classification& all) {
  const std::size_t classes = all.names.size();
  const Counts counts(all);
  std::vector<std::string> names;
  for (const std::string& name : all.names) names.push_back(escaped(name));
  fmt::format_to(out,
                 R"(<p class="note">A row for each class that samples are of, a column for each that they were
taken for. The shade is the share of the row, up to:</p>
)");
  add_scale(out);
  fmt::format_to(out, R"(<div class="scroll" tabindex="0" role="region" aria-label="Confusion matrix">
<table class="matrix">
<thead><tr><td class="s0"></td>)");
  for (const std::string& name : names)
    fmt::format_to(out, R"(<th scope="col" title="{0}"><span>{0}</span></th>)", name);
  fmt::format_to(out, "</tr></thead>\n<tbody>\n");
  for (std::size_t target = 0; target < classes; ++target) {
    fmt::format_to(out, R"(<tr><th scope="row" title="{0}">{0}</th>)", names[target]);
    for (std::size_t prediction = 0; prediction < classes; ++prediction) {
      const double share = counts.share(target, prediction);
      fmt::format_to(out, R"(<td class="{}s{}" title="{} as {}: {}">{}</td>)",
                     target == prediction ? "hit " : "", shade_of(share), names[target], names[prediction],
                     percent(share), counts.at(target, prediction));
    }
    fmt::format_to(out, "</tr>\n");
  }
  end_table(out);
}

void add_confusions(Out out, const Classification& all) {
  struct Confusion {
    std::size_t target, prediction;
    std::int64_t count;
  };
  const std::size_t classes = all.names.size();
  const Counts counts(all);
  std::vector<Confusion> confusions;
  for (std::size_t target = 0; target < classes; ++target)
    for (std::size_t prediction = 0; prediction < classes; ++prediction)
      if (const std::int64_t count = counts.at(target, prediction); target != prediction && count > 0)
        confusions.push_back({target, prediction, count});
  std::ranges::stable_sort(confusions, std::greater(), &Confusion::count);
  confusions.resize(std::min(confusions.size(), most_confusions));
  if (confusions.empty()) return;
  begin_table(out, "Most frequent confusions", {"class", "taken for"}, {"samples", "of the class"});
  for (const auto& [target, prediction, count] : confusions)
    fmt::format_to(out, R"(<tr><td class="text">{}</td><td class="text">{}</td><td>{}</td><td>{}</td></tr>
)",
                   escaped(all.names[target]), escaped(all.names[prediction]), with_commas(count),
                   percent(counts.share(target, prediction)));
  end_table(out);
}

void add_classes(Out out, const Classification& all) {
  const auto row = [&](const std::string& name, const ClassMetrics& metrics) {
    fmt::format_to(out, R"(<tr><th scope="row" class="text">{}</th>)", escaped(name));
    for (const double value : {metrics.precision, metrics.recall, metrics.f1})
      fmt::format_to(out, R"(<td class="bar" style="--part: {:.1f}%">{:.4f}</td>)", 100 * value, value);
    fmt::format_to(out, "<td>{}</td></tr>\n", with_commas(metrics.support));
  };
  begin_table(out, "Metrics by class", {"class"}, {"precision", "recall", "F1", "samples"});
  for (std::size_t label = 0; label < all.names.size(); ++label)
    row(all.names[label], all.report.classes[label]);
  fmt::format_to(out, "</tbody>\n<tbody class=\"total\">\n");
  row("mean of the classes", all.report.macro);
  end_table(out);
}

void add_classification(Out out, const Classification& all) {
  fmt::format_to(out, "<section>\n<h2>Confusions</h2>\n");
  if (all.names.size() <= most_cells) add_matrix(out, all);
  add_confusions(out, all);
  fmt::format_to(out, "</section>\n<section>\n<h2>Classes</h2>\n");
  add_classes(out, all);
  fmt::format_to(out, "</section>\n");
}

void add_layers(Out out, const nn::ModelSummary& all, std::int64_t samples) {
  if (all.layers.empty()) return;
  const bool timed = all.seconds > 0;
  fmt::format_to(out, R"(<section>
<h2>Layers</h2>
<details{}><summary>{} layers, {} parameters, {} MACs{}</summary>
<p class="note">Called with {} samples{}.</p>
)",
                 all.layers.size() <= most_open_rows ? R"( open="open")" : "", all.layers.size(),
                 with_commas(all.parameters), with_commas(all.macs),
                 timed ? fmt::format(", {:.3f} ms", 1e3 * all.seconds) : "", samples,
                 timed ? "; timed each by itself, which takes longer than all of them joined" : "");
  std::vector<std::string_view> numbers = {"parameters", "MACs"};
  if (timed) numbers.insert(numbers.end(), {"ms", "of the time"});
  begin_table(out, "Layers", {"layer", "type", "output"}, numbers);
  for (const nn::LayerSummary& layer : all.layers) {
    fmt::format_to(
        out, R"(<tr><th scope="row" class="text">{}</th><td class="text">{}</td><td class="text">{}</td>)",
        escaped(layer.name), escaped(layer.type), to_string(layer.output));
    fmt::format_to(out, "<td>{}</td><td>{}</td>", with_commas(layer.parameters), with_commas(layer.macs));
    if (const double part = layer.seconds / all.seconds; timed)
      fmt::format_to(out, R"(<td>{:.3f}</td><td class="bar" style="--part: {:.1f}%">{}</td>)",
                     1e3 * layer.seconds, 100 * part, percent(part));
    fmt::format_to(out, "</tr>\n");
  }
  end_table(out);
  fmt::format_to(out, "</details>\n</section>\n");
}

void add_options(Out out, const Fields& options) {
  if (options.empty()) return;
  fmt::format_to(out, "<section>\n<h2>Options</h2>\n");
  begin_table(out, "Options", {"option", "value"});
  for (const auto& [name, value] : options) {
    const std::string text = std::visit([](const auto& own) { return fmt::format("{}", own); }, value);
    fmt::format_to(out, R"(<tr><th scope="row" class="text">{}</th><td class="text">{}</td></tr>
)",
                   escaped(name), escaped(text));
  }
  end_table(out);
  fmt::format_to(out, "</section>\n");
}

}  // namespace

std::string to_html(const ReportPage& page) {
  std::string html;
  const Out out = std::back_inserter(html);
  fmt::format_to(out, R"(<!DOCTYPE html>
<html xmlns="http://www.w3.org/1999/xhtml" lang="en">
<head>
<meta charset="utf-8"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<title>{0}</title>
<style>{1}</style>
</head>
<body>
<main>
<h1>{0}</h1>
)",
                 escaped(page.title), report_style);
  add_texts(out, "facts", page.facts);
  add_texts(out, "results", page.results);
  add_curves(out, page.panels);
  add_predictions(out, page.predictions);
  if (page.classification) add_classification(out, *page.classification);
  add_layers(out, page.layers, page.layers_samples);
  add_options(out, page.options);
  fmt::format_to(out, "</main>\n</body>\n</html>\n");
  return html;
}

}  // namespace fornax::train
