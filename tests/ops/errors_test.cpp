// Every public op refuses what it cannot take by an error of its kind, under its name and in the one form.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <regex>
#include <string>
#include <vector>

#include "fornax/ops/batch_norm.h"
#include "fornax/ops/conv2d.h"
#include "fornax/ops/create.h"
#include "fornax/ops/dropout.h"
#include "fornax/ops/elementwise.h"
#include "fornax/ops/embedding.h"
#include "fornax/ops/image.h"
#include "fornax/ops/layer_norm.h"
#include "fornax/ops/linear.h"
#include "fornax/ops/loss.h"
#include "fornax/ops/matmul.h"
#include "fornax/ops/optim_step.h"
#include "fornax/ops/pool.h"
#include "fornax/ops/random.h"
#include "fornax/ops/rearrange.h"
#include "fornax/ops/reduce.h"
#include "fornax/ops/softmax.h"
#include "support/error_of.h"

namespace fornax::test {
namespace {

struct Case {
  std::string op;
  std::function<void()> call;
};

/// Each message is `[op] expected ..., got ...`.
template <class E>
void expect_errors(const std::vector<Case>& cases) {
  for (const Case& each : cases) {
    const std::string message = error_of<E>(each.call);
    EXPECT_TRUE(std::regex_match(message, std::regex("\\[" + each.op + "\\] expected .+, got .+")))
        << each.op << ": " << message;
  }
}

const Tensor numbers = zeros({2, 3}), integers = zeros({2, 3}, {.dtype = i64}), other = zeros({2, 4}),
             doubles = zeros({2, 3}, {.dtype = f64}), flags = zeros({2, 3}, {.dtype = boolean}), none;

using Unary = Tensor (*)(const Tensor&);
using Binary = Tensor (*)(const Tensor&, const Tensor&);
using BinaryScalar = Tensor (*)(const Tensor&, Scalar);

const std::vector<std::pair<std::string, Unary>> of_numbers = {
    {"neg", neg}, {"abs", abs}, {"sign", sign}, {"square", square}};
const std::vector<std::pair<std::string, Unary>> of_floating = {
    {"floor", floor},     {"reciprocal", reciprocal},
    {"exp", exp},         {"log", log},
    {"sqrt", sqrt},       {"tanh", tanh},
    {"sigmoid", sigmoid}, {"relu", relu},
    {"silu", silu},       {"gelu", [](const Tensor& x) { return gelu(x); }}};
const std::vector<std::pair<std::string, Binary>> arithmetic = {
    {"add", add},         {"sub", sub},         {"mul", mul}, {"div", div},
    {"maximum", maximum}, {"minimum", minimum}, {"pow", pow}};
const std::vector<std::pair<std::string, Binary>> comparisons = {{"eq", eq}, {"ne", ne}, {"lt", lt},
                                                                 {"le", le}, {"gt", gt}, {"ge", ge}};
const std::vector<std::pair<std::string, Binary>> logic = {
    {"logical_and", logical_and}, {"logical_or", logical_or}, {"logical_xor", logical_xor}};
const std::vector<std::pair<std::string, Unary>> reductions = {
    {"sum", [](const Tensor& x) { return sum(x, {7}); }},
    {"mean", [](const Tensor& x) { return mean(x, {7}); }},
    {"var", [](const Tensor& x) { return var(x, {7}); }},
    {"norm", [](const Tensor& x) { return norm(x, 2, {7}); }},
    {"logsumexp", [](const Tensor& x) { return logsumexp(x, {7}); }},
    {"amax", [](const Tensor& x) { return amax(x, {7}); }},
    {"amin", [](const Tensor& x) { return amin(x, {7}); }},
    {"max", [](const Tensor& x) { return max(x, 7).values; }},
    {"min", [](const Tensor& x) { return min(x, 7).values; }},
    {"argmax", [](const Tensor& x) { return argmax(x, 7); }},
    {"argmin", [](const Tensor& x) { return argmin(x, 7); }},
    {"softmax", [](const Tensor& x) { return softmax(x, 7); }},
    {"log_softmax", [](const Tensor& x) { return log_softmax(x, 7); }}};

TEST(Errors, OfUnaryOps) {
  std::vector<Case> dtypes, undefined;
  for (const auto& [op, f] : of_numbers) dtypes.push_back({op, [f] { f(flags); }});
  for (const auto& [op, f] : of_floating) dtypes.push_back({op, [f] { f(integers); }});
  dtypes.push_back({"logical_not", [] { logical_not(numbers); }});
  dtypes.push_back({"clamp", [] { clamp(integers, 0.5); }});
  dtypes.push_back({"dropout", [] { dropout(integers, 0.5, true); }});
  expect_errors<DTypeError>(dtypes);
  for (const auto& list : {of_numbers, of_floating})
    for (const auto& [op, f] : list) undefined.push_back({op, [f] { f(none); }});
  undefined.push_back({"clamp", [] { clamp(none, 0); }});
  undefined.push_back({"logical_not", [] { logical_not(none); }});
  expect_errors<ValueError>(undefined);
}

TEST(Errors, OfBinaryOps) {
  std::vector<Case> dtypes, shapes, undefined;
  for (const auto& list : {arithmetic, comparisons}) {
    for (const auto& [op, f] : list) {
      dtypes.push_back({op, [f] { f(numbers, doubles); }});
      shapes.push_back({op, [f] { f(numbers, other); }});
      undefined.push_back({op, [f] { f(numbers, none); }});
      undefined.push_back({op, [f] { f(none, numbers); }});
    }
  }
  for (const auto& [op, f] : logic) {
    dtypes.push_back({op, [f] { f(numbers, numbers); }});
    shapes.push_back({op, [f] { f(flags, zeros({2, 4}, {.dtype = boolean})); }});
    undefined.push_back({op, [f] { f(none, flags); }});
  }
  for (const auto& [op, f] : std::vector<std::pair<std::string, BinaryScalar>>{{"add", add},
                                                                               {"sub", sub},
                                                                               {"mul", mul},
                                                                               {"maximum", maximum},
                                                                               {"minimum", minimum},
                                                                               {"eq", eq},
                                                                               {"lt", lt},
                                                                               {"pow", pow},
                                                                               {"div", div}}) {
    dtypes.push_back({op, [f] { f(integers, 0.5); }});
    undefined.push_back({op, [f] { f(none, 1); }});
  }
  dtypes.push_back({"where", [] { where(flags, numbers, doubles); }});
  shapes.push_back({"where", [] { where(flags, other, 0); }});
  undefined.push_back({"where", [] { where(none, numbers, numbers); }});
  undefined.push_back({"where", [] { where(none, 1, 0); }});
  expect_errors<DTypeError>(dtypes);
  expect_errors<ShapeError>(shapes);
  expect_errors<ValueError>(undefined);
}

TEST(Errors, OfReductions) {
  std::vector<Case> axes, undefined;
  for (const auto& [op, f] : reductions) {
    axes.push_back({op, [f] { f(numbers); }});
    undefined.push_back({op, [f] { f(none); }});
  }
  axes.push_back({"any", [] { any(flags, {7}); }});
  axes.push_back({"all", [] { all(flags, {7}); }});
  expect_errors<IndexError>(axes);
  expect_errors<ValueError>(undefined);
  expect_errors<ShapeError>({{"amax", [] { amax(zeros({0})); }},
                             {"amin", [] { amin(zeros({0})); }},
                             {"max",
                              [] {
                                max(zeros({0, 2}), 0);
                              }},
                             {"min",
                              [] {
                                min(zeros({0, 2}), 0);
                              }},
                             {"argmax", [] { argmax(zeros({0})); }},
                             {"argmin", [] { argmin(zeros({0})); }},
                             {"var",
                              [] {
                                var(numbers, {0, 0});
                              }},
                             {"logsumexp", [] {
                                logsumexp(numbers, {0, -2});
                              }}});
  expect_errors<DTypeError>({{"mean", [] { mean(integers); }},
                             {"var", [] { var(integers); }},
                             {"norm", [] { norm(integers); }},
                             {"logsumexp", [] { logsumexp(integers); }},
                             {"softmax", [] { softmax(integers, 0); }},
                             {"argmax", [] { argmax(flags); }},
                             {"any", [] { any(numbers); }},
                             {"all", [] { all(numbers); }}});
}

TEST(Errors, OfInPlaceOps) {
  Tensor x = zeros({2, 3}), undefined, whole = zeros({2}, {.dtype = i64});
  expect_errors<ShapeError>({{"add_", [&] { x.add_(other); }},
                             {"sub_", [&] { x.sub_(other); }},
                             {"mul_", [&] { x.mul_(other); }},
                             {"div_", [&] { x.div_(other); }},
                             {"copy_", [&] { x.copy_(other); }},
                             {"relu_", [&] { zeros({1}).expand({2}).relu_(); }},
                             {"clamp_", [&] { zeros({1}).expand({2}).clamp_(0); }}});
  expect_errors<DTypeError>({{"add_", [&] { x.add_(doubles); }},
                             {"mul_", [&] { whole.mul_(0.5); }},
                             {"fill_", [&] { whole.fill_(0.5); }},
                             {"uniform_", [&] { uniform_(whole); }},
                             {"normal_", [&] { normal_(whole); }}});
  expect_errors<ValueError>({{"add_", [&] { x.add_(none); }},
                             {"add_", [&] { undefined.add_(x); }},
                             {"copy_", [&] { x.copy_(none); }},
                             {"fill_", [&] { undefined.fill_(1); }},
                             {"relu_", [&] { undefined.relu_(); }}});
  EXPECT_EQ(x.version(), 0u);
}

TEST(Errors, OfViewsAndRearranging) {
  expect_errors<ShapeError>({{"squeeze", [] { numbers.squeeze(0); }},
                             {"permute", [] { numbers.permute({0}); }},
                             {"permute",
                              [] {
                                numbers.permute({0, -2});
                              }},
                             {"expand", [] { numbers.expand({2}); }},
                             {"expand",
                              [] {
                                numbers.expand({2, 4});
                              }},
                             {"view",
                              [] {
                                numbers.view({4, -1});
                              }},
                             {"reshape",
                              [] {
                                numbers.reshape({-1, -1});
                              }},
                             {"flatten", [] { numbers.flatten(1, 0); }},
                             {"concat",
                              [] {
                                concat({numbers, other});
                              }},
                             {"stack",
                              [] {
                                stack({numbers, other});
                              }},
                             {"channels_last", [] { numbers.to(MemoryFormat::channels_last); }}});
  expect_errors<IndexError>({{"size", [] { numbers.size(2); }},
                             {"squeeze", [] { numbers.squeeze(2); }},
                             {"unsqueeze", [] { numbers.unsqueeze(4); }},
                             {"transpose", [] { numbers.transpose(0, 2); }},
                             {"slice", [] { numbers.slice(2, 0, 1); }},
                             {"narrow", [] { numbers.narrow(0, 1, 2); }},
                             {"select", [] { numbers.select(1, 3); }},
                             {"concat", [] { concat({numbers}, 2); }},
                             {"split", [] { split(numbers, 1, 2); }},
                             {"flip", [] { flip(numbers, {2}); }}});
  expect_errors<ValueError>({{"slice", [] { numbers.slice(0, 0, 1, 0); }},
                             {"split", [] { split(numbers, 0); }},
                             {"chunk", [] { chunk(numbers, 0); }}});
}

TEST(Errors, OfCreation) {
  expect_errors<DTypeError>({{"full", [] { full({2}, 0.5, {.dtype = i32}); }},
                             {"full_like", [] { full_like(integers, 0.5); }},
                             {"arange", [] { arange(0, 1, 0.5); }},
                             {"linspace", [] { linspace(0, 1, 2, {.dtype = i64}); }},
                             {"rand", [] { rand({2}, {.dtype = i64}); }},
                             {"randn", [] { randn({2}, {.dtype = i64}); }}});
  expect_errors<ShapeError>({{"empty", [] { empty({-1}); }}, {"empty", [] { eye(-1); }}});
}

TEST(Errors, OfLayersOps) {
  const Tensor image = zeros({1, 3, 4, 4}), weight = zeros({2, 3, 3, 3});
  expect_errors<ValueError>(
      {{"conv2d", [&] { conv2d(image, none); }},
       {"conv2d", [&] { conv2d(none, weight); }},
       {"matmul", [&] { matmul(numbers, none); }},
       {"linear", [&] { linear(numbers, none); }},
       {"batch_norm", [&] { batch_norm(none, none, none, none, none); }},
       {"layer_norm", [&] { layer_norm(none, {3}); }},
       {"embedding", [&] { embedding(none, integers); }},
       {"embedding", [&] { embedding(numbers, none); }},
       {"max_pool2d", [&] { max_pool2d(none, 2); }},
       {"avg_pool2d", [&] { avg_pool2d(none, 2); }},
       {"adaptive_avg_pool2d", [&] { adaptive_avg_pool2d(image, 0); }},
       {"adaptive_max_pool2d", [&] { adaptive_max_pool2d(image, 0); }},
       {"cross_entropy", [&] { cross_entropy(none, integers); }},
       {"cross_entropy", [&] { cross_entropy(numbers, none); }},
       {"nll_loss", [&] { nll_loss(numbers, none); }},
       {"mse_loss", [&] { mse_loss(numbers, none); }},
       {"l1_loss", [&] { l1_loss(none, numbers); }},
       {"binary_cross_entropy_with_logits", [&] { binary_cross_entropy_with_logits(numbers, none); }},
       {"normalize_images", [&] { normalize_images(none, zeros({3}), zeros({3})); }},
       {"sgd_step", [&] { sgd_step(std::vector<SgdEntry>{{.parameter = numbers}}, {}); }},
       {"adamw_step", [&] { adamw_step(std::vector<AdamWEntry>{{.gradient = numbers}}, {}); }},
       {"clip_by_norm_", [&] { clip_by_norm_(std::vector{numbers}, none, 1); }},
       {"total_norm", [&] { total_norm(std::vector{none}); }}});
  expect_errors<ShapeError>({{"adaptive_max_pool2d", [&] { adaptive_max_pool2d(numbers, 1); }},
                             {"clip_by_norm_", [&] { clip_by_norm_(std::vector{numbers}, numbers, 1); }},
                             {"layer_norm", [&] { layer_norm(numbers, {2}); }},
                             {"layer_norm", [&] { layer_norm(numbers, {3}, zeros({2})); }}});
  expect_errors<DTypeError>({{"layer_norm", [&] { layer_norm(numbers, {3}, zeros({3}, {.dtype = f64})); }},
                             {"clip_by_norm_", [&] { clip_by_norm_(std::vector{integers}, none, 1); }}});
}

}  // namespace
}  // namespace fornax::test
