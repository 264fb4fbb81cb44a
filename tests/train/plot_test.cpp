#include "fornax/train/plot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <regex>
#include <string>

#include "support/files.h"
#include "support/markup.h"

namespace fornax::train {
namespace {

using namespace test;

using testing::HasSubstr;
using testing::Not;

Plot plot_of(std::vector<Point> points) { return {"t", "epoch", {{"loss", {{"train", std::move(points)}}}}}; }

TEST(Plot, ShowsPanelsCurvesTicksAndLegend) {
  const std::string svg = to_svg({"ResNet-50",
                                  "epoch",
                                  {{"loss", {{"train", {{0, 2}, {1, 1}}}, {"test", {{0, 2.2}, {1, 1.4}}}}},
                                   {"accuracy", {{"test", {{0, 0.1}, {1, 0.9}}}}}}});
  EXPECT_EQ(markup_error(svg), "");
  for (const char* text :
       {">ResNet-50<", ">loss<", ">accuracy<", ">train<", ">test<", ">epoch<", ">0.2<", ">1.0<"})
    EXPECT_THAT(svg, HasSubstr(text));
  EXPECT_EQ(count(svg, "<circle"), 6u);
}

TEST(Plot, EscapesTexts) {
  const std::string svg = to_svg({"a<b>&\x01", "x", {{"p&q", {{"<c>", {{0, 1}}}}}}});
  EXPECT_EQ(markup_error(svg), "");
  EXPECT_THAT(svg, HasSubstr(">a&lt;b&gt;&amp;<"));
  EXPECT_THAT(svg, HasSubstr(">&lt;c&gt;<"));
}

TEST(Plot, ValuesThatAreNotFiniteBreakTheLine) {
  const double nan = std::nan(""), inf = std::numeric_limits<double>::infinity();
  const std::string svg = to_svg(plot_of({{0, 1}, {1, nan}, {2, 3}, {3, 2}, {4, inf}, {5, 1e300}}));
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
  EXPECT_THAT(svg, Not(HasSubstr("inf")));
  EXPECT_TRUE(std::regex_search(svg, std::regex("d=\"M[0-9.]+,[0-9.]+M[0-9.]+,[0-9.]+L[0-9.]+,[0-9.]+\"")));
}

TEST(Plot, LeavesCurvesWithoutPointsOutOfTheLegend) {
  const std::string svg = to_svg({"t", "step", {{"lr", {{"train", {{0, 1}}}, {"test", {}}}}}});
  EXPECT_THAT(svg, HasSubstr(">train<"));
  EXPECT_THAT(svg, Not(HasSubstr(">test<")));
}

TEST(Plot, APointSaysItsValues) {
  EXPECT_THAT(to_svg(plot_of({{1200, 0.0625}})), HasSubstr("<title>1200: 0.0625</title>"));
}

TEST(Plot, AxesStandForAnyRange) {
  for (const std::vector<Point>& points : std::vector<std::vector<Point>>{{},
                                                                          {{0, 0}},
                                                                          {{3, 7}, {3, 7}},
                                                                          {{0, 1e9}, {1, 1e9 + 1e-6}},
                                                                          {{0, -1e99}, {1, 1e99}},
                                                                          {{0, 1e-12}, {1, 2e-12}}}) {
    const std::string svg = to_svg(plot_of(points));
    EXPECT_EQ(markup_error(svg), "");
    EXPECT_GE(count(svg, "class=\"grid\""), 2u);
    EXPECT_LE(count(svg, "class=\"grid\""), 12u);
    EXPECT_THAT(svg, Not(HasSubstr("nan")));
  }
}

TEST(Plot, ManyPointsAreAveraged) {
  std::vector<Point> points;
  points.reserve(100'000);
  for (int i = 0; i < 100'000; ++i) points.push_back({i / 1000., std::exp(-i / 30'000.)});
  const std::string svg = to_svg(plot_of(std::move(points)));
  EXPECT_LT(svg.size(), 20'000u);
  EXPECT_EQ(count(svg, "<circle"), 0u);
}

TEST(Plot, IsWrittenToAFile) {
  const TemporaryDirectory directory;
  const Plot plot = plot_of({{0, 1}});
  write_svg(directory / "curves.svg", plot);
  EXPECT_EQ(read_text(directory / "curves.svg"), to_svg(plot));
}

}  // namespace
}  // namespace fornax::train
