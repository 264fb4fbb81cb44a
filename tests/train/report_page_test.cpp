#include "train/report_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "support/markup.h"

namespace fornax::train {
namespace {

using namespace test;

using testing::HasSubstr;
using testing::Not;

/// Of two classes: 3 of the first are right and 1 is wrong, as are both of the second.
Classification two_classes(const std::string& first, const std::string& second) {
  return {.names = {first, second},
          .counts = {3, 1, 2, 0},
          .report = {.classes = {{0.6, 0.75, 2. / 3, 4}, {0, 0, 0, 2}}, .macro = {0.3, 0.375, 1. / 3, 6}}};
}

ReportPage everything() {
  return {.title = "Run <1>",
          .facts = {{"model", "ResNet & \"co\""}},
          .results = {{"test accuracy", "0.5000"}},
          .panels = {{"loss", {{"training batch", {{1, 2}, {2, 1}}}}}},
          .predictions = {{{std::byte{1}}, "cat", "cat", 0.875, true, "cat 87.5 %\ndog 12.5 %"},
                          {{std::byte{2}}, "<dog>", "cat", 0.5, false, "cat 50.0 %"}},
          .classification = two_classes("cat", "<dog>"),
          .layers = {.layers = {{"fc\"1\"", "Linear", {24, 2}, 1'000, 2'000'000, 0.002}},
                     .parameters = 1'000,
                     .macs = 2'000'000,
                     .seconds = 0.004},
          .layers_samples = 24,
          .options = {{"--data", "a<b>"}, {"lr", 0.1}, {"epochs", 3}, {"amp", true}}};
}

TEST(ReportPage, IsXmlWhateverItsTexts) {
  const std::string html = to_html(everything());
  EXPECT_EQ(markup_error(html), "");
  for (const char* text : {"<title>Run &lt;1&gt;</title>", ">ResNet &amp; &quot;co&quot;<", ">a&lt;b&gt;<",
                           ">&lt;dog&gt;<", ">fc&quot;1&quot;<"})
    EXPECT_THAT(html, HasSubstr(text));
  EXPECT_EQ(markup_error(to_html({})), "");
}

TEST(ReportPage, NeedsNothingFromElsewhere) {
  std::string html = to_html(everything());
  for (const std::string name :
       {"http://www.w3.org/1999/xhtml", "http://www.w3.org/2000/svg"}) {  // names only
    const std::string attribute = "xmlns=\"" + name + "\"";
    for (std::size_t at; (at = html.find(attribute)) != std::string::npos;) html.erase(at, attribute.size());
  }
  for (const char* text : {"http", "//", "<script", "<link", "url(", "@import", "href"})
    EXPECT_THAT(html, Not(HasSubstr(text)));
}

TEST(ReportPage, HasNoPlaceForWhatIsNotThere) {
  const std::string html = to_html({.title = "t"});
  EXPECT_THAT(html, Not(HasSubstr("<section>")));
  EXPECT_THAT(html, Not(HasSubstr("<dl")));
}

TEST(ReportPage, ShowsHowOftenAClassWasTakenForEach) {
  const std::string html = to_html(everything());
  for (const char* cell : {R"(<td class="hit s9" title="cat as cat: 75.0 %">3</td>)",
                           R"(<td class="s5" title="cat as &lt;dog&gt;: 25.0 %">1</td>)",
                           R"(<td class="s10" title="&lt;dog&gt; as cat: 100.0 %">2</td>)",
                           R"(<td class="hit s0" title="&lt;dog&gt; as &lt;dog&gt;: 0.0 %">0</td>)"})
    EXPECT_THAT(html, HasSubstr(cell));
  // The more frequent confusion comes first.
  EXPECT_LT(
      html.find(R"(<td class="text">&lt;dog&gt;</td><td class="text">cat</td><td>2</td><td>100.0 %</td>)"),
      html.find(R"(<td class="text">cat</td><td class="text">&lt;dog&gt;</td><td>1</td><td>25.0 %</td>)"));
  EXPECT_THAT(html, HasSubstr(R"(>0.6000</td><td class="bar" style="--part: 75.0%">0.7500</td>)"));
  EXPECT_THAT(html,
              HasSubstr(">mean of the classes</th><td class=\"bar\" style=\"--part: 30.0%\">0.3000</td>"));
}

TEST(ReportPage, ListsTheConfusionsOfMoreClassesThanAMatrixCanShow) {
  constexpr std::size_t classes = 100;
  Classification all{.counts = std::vector<std::int64_t>(classes * classes), .report = {}};
  for (std::size_t label = 0; label < classes; ++label) {
    all.names.push_back("class " + std::to_string(label));
    all.report.classes.push_back({.support = 200});
    all.counts[label * classes + (label + 1) % classes] = static_cast<std::int64_t>(label);
  }
  const std::string html = to_html({.classification = all});
  EXPECT_EQ(markup_error(html), "");
  EXPECT_THAT(html, Not(HasSubstr("class=\"matrix\"")));
  EXPECT_EQ(count(html, "<td class=\"text\">class "), 2 * 20u);
  EXPECT_THAT(html, HasSubstr(R"(<td class="text">class 99</td><td class="text">class 0</td><td>99</td>)"));
  EXPECT_THAT(html, Not(HasSubstr(R"(<td class="text">class 79</td><td class="text">)")));
}

TEST(ReportPage, MarksPredictionsThatAreWrong) {
  const std::string html = to_html(everything());
  EXPECT_THAT(html, HasSubstr("The first 2 samples of the evaluation, 1 of them right."));
  EXPECT_THAT(
      html,
      HasSubstr("<figure class=\"right\" title=\"cat 87.5 %\ndog 12.5 %\"><img alt=\"cat\" "
                "src=\"data:image/png;base64,AQ==\"/><figcaption><strong>✓ cat</strong> <span>87.5 %<"));
  EXPECT_THAT(html, HasSubstr("<strong>✗ cat</strong> <span>50.0 %</span><br/>is &lt;dog&gt;</figcaption>"));
}

TEST(ReportPage, ShowsTimesOfLayersWhereThereAreSome) {
  ReportPage page = everything();
  const std::string timed = to_html(page);
  EXPECT_THAT(timed, HasSubstr("1 layers, 1,000 parameters, 2,000,000 MACs, 4.000 ms<"));
  EXPECT_THAT(timed, HasSubstr(R"(<td>2.000</td><td class="bar" style="--part: 50.0%">50.0 %</td>)"));
  page.layers.seconds = page.layers.layers[0].seconds = 0;
  const std::string plain = to_html(page);
  EXPECT_EQ(markup_error(plain), "");
  EXPECT_THAT(plain, Not(HasSubstr("ms<")));
}

}  // namespace
}  // namespace fornax::train
