// Pooling against plain loops in double.
#include <cmath>
#include <functional>

#include "fornax/ops/pool.h"
#include "ops/op_cases.h"

namespace fornax::test {
namespace {

/// Which rows (or columns) of an axis window i holds, padding included.
using Taps = std::function<std::vector<std::int64_t>(std::int64_t i)>;

Taps regular(std::int64_t in, std::int64_t kernel, std::int64_t stride, std::int64_t padding,
             std::int64_t dilation) {
  return [=](std::int64_t i) {
    std::vector<std::int64_t> taps;
    for (std::int64_t t = 0; t < kernel; ++t) {
      const std::int64_t at = i * stride - padding + t * dilation;
      if (at < in + padding) taps.push_back(at);
    }
    return taps;
  };
}

Taps even(std::int64_t in, std::int64_t out) {
  return [=](std::int64_t i) {
    std::vector<std::int64_t> taps;
    for (std::int64_t at = 0; at < in; ++at)
      if ((at + 1) * out > i * in && at * out < (i + 1) * in) taps.push_back(at);
    return taps;
  };
}

enum class Kind { max, mean, mean_without_padding };

/// Fills in the case's expected numbers from its input, for an output of height x width windows.
void expect_pooled(OpCase& op, Kind kind, std::int64_t height, std::int64_t width, const Taps& rows,
                   const Taps& columns) {
  const Shape in = op.inputs[0].shape();
  const Shape out{in[0], in[1], height, width};
  const std::vector<double> x = op.inputs[0].to_vector<double>();
  std::vector<double> y, dy, dx(x.size(), 0);
  for (std::int64_t plane = 0; plane < in[0] * in[1]; ++plane)
    for (std::int64_t i = 0; i < height; ++i)
      for (std::int64_t j = 0; j < width; ++j) {
        std::vector<std::size_t> inside;
        std::int64_t size = 0;
        for (const std::int64_t r : rows(i))
          for (const std::int64_t c : columns(j)) {
            ++size;
            if (r >= 0 && r < in[2] && c >= 0 && c < in[3])
              inside.push_back(static_cast<std::size_t>((plane * in[2] + r) * in[3] + c));
          }
        dy.push_back(static_cast<double>(y.size() % 13) / 4 - 1);
        if (kind == Kind::max) {
          std::size_t largest = inside[0];
          for (const std::size_t at : inside)
            if (x[at] > x[largest]) largest = at;
          y.push_back(x[largest]);
          dx[largest] += dy.back();
        } else {
          const double divisor =
              kind == Kind::mean ? static_cast<double>(size) : static_cast<double>(inside.size());
          double sum = 0;
          for (const std::size_t at : inside) {
            sum += x[at];
            dx[at] += dy.back() / divisor;
          }
          y.push_back(sum / divisor);
        }
      }
  op.expected = from_span<double>(y, out);
  op.dy = from_span<double>(dy, out);
  op.expected_grads = {from_span<double>(dx, in)};
}

struct Windows {
  std::string name;
  Shape shape;
  Pair kernel, stride, padding = 0, dilation = 1;
  Pair size;  // of the result
  bool ceil_mode = false;
};

void add_windows(std::vector<OpCase>& cases, const Windows& w) {
  const Taps rows = regular(w.shape[2], w.kernel.h, w.stride.h, w.padding.h, w.dilation.h);
  const Taps columns = regular(w.shape[3], w.kernel.w, w.stride.w, w.padding.w, w.dilation.w);
  OpCase op{.name = "max_pool2d_" + w.name, .inputs = {hashed(w.shape, 1)}};
  op.run = [w](std::span<const Tensor> in) {
    return max_pool2d(
        in[0], w.kernel,
        {.stride = w.stride, .padding = w.padding, .dilation = w.dilation, .ceil_mode = w.ceil_mode});
  };
  expect_pooled(op, Kind::max, w.size.h, w.size.w, rows, columns);
  cases.push_back(op);
  if (w.dilation != Pair(1)) return;
  for (const bool counting : {true, false}) {
    op.name = "avg_pool2d_" + w.name + (counting ? "" : "_without_padding");
    op.run = [w, counting](std::span<const Tensor> in) {
      return avg_pool2d(in[0], w.kernel,
                        {.stride = w.stride,
                         .padding = w.padding,
                         .ceil_mode = w.ceil_mode,
                         .count_include_pad = counting});
    };
    expect_pooled(op, counting ? Kind::mean : Kind::mean_without_padding, w.size.h, w.size.w, rows, columns);
    cases.push_back(op);
  }
}

void add_adaptive(std::vector<OpCase>& cases, const std::string& name, const Shape& shape, Pair size) {
  const Taps rows = even(shape[2], size.h), columns = even(shape[3], size.w);
  OpCase op{.name = "adaptive_avg_pool2d_" + name, .inputs = {hashed(shape, 2)}};
  op.run = [size](std::span<const Tensor> in) { return adaptive_avg_pool2d(in[0], size); };
  expect_pooled(op, Kind::mean, size.h, size.w, rows, columns);
  cases.push_back(op);
  op.name = "adaptive_max_pool2d_" + name;
  op.run = [size](std::span<const Tensor> in) { return adaptive_max_pool2d(in[0], size); };
  expect_pooled(op, Kind::max, size.h, size.w, rows, columns);
  cases.push_back(op);
}

}  // namespace

std::vector<OpCase> pool_op_cases() {
  std::vector<OpCase> cases;
  add_windows(cases, {.name = "2x2", .shape = {2, 3, 6, 8}, .kernel = 2, .stride = 2, .size = {3, 4}});
  add_windows(
      cases,
      {.name = "stem", .shape = {2, 5, 9, 11}, .kernel = 3, .stride = 2, .padding = 1, .size = {5, 6}});
  add_windows(cases, {.name = "many_channels",
                      .shape = {1, 75, 5, 4},
                      .kernel = 3,
                      .stride = 2,
                      .padding = 1,
                      .size = {3, 2}});
  add_windows(
      cases,
      {.name = "overlapping", .shape = {1, 3, 7, 5}, .kernel = 3, .stride = 1, .padding = 1, .size = {7, 5}});
  add_windows(cases, {.name = "uneven",
                      .shape = {2, 3, 11, 8},
                      .kernel = {5, 2},
                      .stride = {2, 3},
                      .padding = {2, 1},
                      .size = {6, 3}});
  add_windows(cases, {.name = "gaps", .shape = {1, 2, 9, 9}, .kernel = 2, .stride = 3, .size = 3});
  add_windows(cases, {.name = "ceil",
                      .shape = {1, 3, 6, 7},
                      .kernel = 3,
                      .stride = 2,
                      .padding = 1,
                      .size = 4,
                      .ceil_mode = true});
  add_windows(cases, {.name = "ceil_not_beyond",
                      .shape = {1, 3, 2, 5},
                      .kernel = 2,
                      .stride = {2, 3},
                      .padding = 1,
                      .size = {2, 2},
                      .ceil_mode = true});
  add_windows(cases, {.name = "dilated",
                      .shape = {1, 3, 9, 9},
                      .kernel = 3,
                      .stride = 2,
                      .padding = 1,
                      .dilation = 2,
                      .size = 4});
  add_windows(cases,
              {.name = "of_many_taps", .shape = {1, 2, 19, 18}, .kernel = 17, .stride = 1, .size = {3, 2}});
  add_windows(
      cases,
      {.name = "vectors", .shape = {1, 16, 7, 6}, .kernel = 3, .stride = 2, .padding = 1, .size = {4, 3}});
  add_windows(
      cases,
      {.name = "of_many_taps_vectors", .shape = {1, 8, 18, 17}, .kernel = 17, .stride = 1, .size = {2, 1}});
  add_adaptive(cases, "global", {2, 19, 7, 9}, 1);
  add_adaptive(cases, "global_vectors", {2, 16, 5, 7}, 1);
  add_adaptive(cases, "even", {2, 3, 6, 8}, {3, 2});
  add_adaptive(cases, "uneven", {2, 3, 7, 5}, {3, 4});
  add_adaptive(cases, "larger_than_map", {1, 2, 3, 2}, {5, 3});
  return cases;
}

}  // namespace fornax::test
