#include "cpu/conv.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "fornax/base/parallel.h"
#include "support/isa_levels.h"

namespace fornax::cpu {
namespace {

using Index = std::int64_t;

ConvShape shape_of(Index n, Index ic, Index ih, Index iw, Index oc, Index kh, Index kw, Pair stride,
                   Pair padding, Pair dilation = 1, Index groups = 1) {
  const Index oh = (ih + 2 * padding.h - dilation.h * (kh - 1) - 1) / stride.h + 1;
  const Index ow = (iw + 2 * padding.w - dilation.w * (kw - 1) - 1) / stride.w + 1;
  return {n, ic, ih, iw, oc, oh, ow, kh, kw, stride, padding, dilation, groups};
}

// Large enough to be cut in every way: several blocks of pixels, channels and outputs, several stretches and
// slabs, runs along rows and along images.
const ConvShape shapes[] = {
    shape_of(3, 5, 31, 29, 7, 3, 3, 1, 1),                   // runs along rows
    shape_of(2, 3, 64, 61, 70, 7, 7, 2, 3),                  // few channels, many pixels
    shape_of(40, 17, 6, 5, 21, 3, 3, 1, 1),                  // runs along images, in two parts
    shape_of(33, 30, 8, 8, 9, 3, 3, 2, 1),                   // the same with a stride
    shape_of(19, 12, 1, 1, 140, 3, 3, 1, 1),                 // taps that no pixel uses
    shape_of(9, 8, 13, 12, 10, 1, 1, 2, 0),                  // pointwise, every second pixel
    shape_of(2, 400, 9, 9, 150, 1, 1, 1, 0),                 // pointwise, two stretches
    shape_of(1, 210, 5, 4, 200, 3, 3, 1, 1),                 // five stretches, blocks of channels and outputs
    shape_of(20, 12, 7, 9, 18, 3, 2, {2, 1}, {1, 0}, 1, 3),  // groups
    shape_of(3, 70, 9, 8, 70, 3, 3, 2, 1, 1, 70),            // depthwise
    shape_of(1, 2, 40, 33, 3, 2, 3, {3, 2}, {0, 2}, {2, 1}),  // uneven
};

/// Small multiples of 1/4: all products and sums are exact in float.
template <class T>
std::vector<T> values(Index count, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<T> result(static_cast<std::size_t>(count));
  for (T& value : result) value = static_cast<T>(static_cast<int>(random() % 9) - 4) / 4;
  return result;
}

template <class T>
ConvWeight<T> dense(const ConvShape& s, T* data, bool channels_last) {
  const Index channels = s.ic / s.groups, taps = s.kh * s.kw;
  if (channels_last) return {data, taps * channels, 1, s.kw * channels, channels};
  return {data, channels * taps, taps, s.kw, 1};
}

/// Calls f(pixel of x, pixel of y, u, v) for all pairs that a kernel's tap joins.
template <class F>
void for_each_pair(const ConvShape& s, F&& f) {
  for (Index n = 0; n < s.n; ++n) {
    for (Index i = 0; i < s.oh; ++i) {
      for (Index j = 0; j < s.ow; ++j) {
        for (Index u = 0; u < s.kh; ++u) {
          for (Index v = 0; v < s.kw; ++v) {
            const Index y = i * s.stride.h - s.padding.h + u * s.dilation.h;
            const Index x = j * s.stride.w - s.padding.w + v * s.dilation.w;
            if (y < 0 || y >= s.ih || x < 0 || x >= s.iw) continue;
            f((n * s.ih + y) * s.iw + x, (n * s.oh + i) * s.ow + j, u, v);
          }
        }
      }
    }
  }
}

template <class T>
struct Convolution {
  ConvShape s;
  bool channels_last;
  std::vector<T> x = values<T>(s.n * s.ih * s.iw * s.ic, 1),
                 w = values<T>(s.oc * s.ic / s.groups * s.kh * s.kw, 2);
  std::vector<T> bias = values<T>(s.oc, 3), dy = values<T>(s.n * s.oh * s.ow * s.oc, 4),
                 residual = values<T>(s.n * s.oh * s.ow * s.oc, 5);

  std::vector<T> forward(const ConvEpilogue<T>& epilogue) const {
    std::vector<T> y(dy.size(), T(77));
    conv_forward<T>(s, x.data(), dense<const T>(s, w.data(), channels_last), epilogue, y.data());
    return y;
  }
  /// One that does all it can.
  ConvEpilogue<T> epilogue() const { return {bias.data(), residual.data(), true}; }
  std::vector<T> grad_input() const {
    std::vector<T> dx(x.size(), T(77));
    conv_grad_input<T>(s, dy.data(), dense<const T>(s, w.data(), channels_last), dx.data());
    return dx;
  }
  std::vector<T> grad_weight() const {
    std::vector<T> dw(w.size(), T(77));
    conv_grad_weight<T>(s, dy.data(), x.data(), dense<T>(s, dw.data(), channels_last));
    return dw;
  }

  /// Calls f(x's, y's, w's index) for every product of the convolution.
  template <class F>
  void for_each_product(F&& f) const {
    const Index channels = s.ic / s.groups, outputs = s.oc / s.groups;
    const ConvWeight<const T> at = dense<const T>(s, nullptr, channels_last);
    for_each_pair(s, [&](Index from, Index to, Index u, Index v) {
      for (Index o = 0; o < s.oc; ++o) {
        for (Index c = 0; c < channels; ++c) {
          f(static_cast<std::size_t>(from * s.ic + o / outputs * channels + c),
            static_cast<std::size_t>(to * s.oc + o),
            static_cast<std::size_t>(o * at.oc + c * at.ic + u * at.kh + v * at.kw));
        }
      }
    });
  }
};

class Conv : public ::testing::TestWithParam<Isa> {};
INSTANTIATE_TEST_SUITE_P(Levels, Conv, ::testing::ValuesIn(levels_of_this_machine()),
                         [](const auto& level) { return std::string(name_of(level.param)); });

template <class T>
void check(const ConvShape& s, bool channels_last) {
  const Convolution<T> conv{s, channels_last};
  std::vector<T> y(conv.dy.size()), dx(conv.x.size()), dw(conv.w.size());
  for (std::size_t i = 0; i < y.size(); ++i) y[i] = conv.bias[i % static_cast<std::size_t>(s.oc)];
  conv.for_each_product([&](std::size_t i, std::size_t o, std::size_t k) {
    y[o] += conv.x[i] * conv.w[k];
    dx[i] += conv.dy[o] * conv.w[k];
    dw[k] += conv.dy[o] * conv.x[i];
  });
  const std::string what = fmt::format("n{} c{} {}x{} o{} k{}x{} {}", s.n, s.ic, s.ih, s.iw, s.oc, s.kh, s.kw,
                                       channels_last ? "channels_last weight" : "contiguous weight");
  EXPECT_EQ(conv.forward({.bias = conv.bias.data()}), y) << what;
  for (std::size_t i = 0; i < y.size(); ++i) y[i] = std::max(y[i] + conv.residual[i], T(0));
  EXPECT_EQ(conv.forward(conv.epilogue()), y) << what;
  EXPECT_EQ(conv.grad_input(), dx) << what;
  EXPECT_EQ(conv.grad_weight(), dw) << what;
}

TEST_P(Conv, EqualsTheNaiveLoopsHoweverTheWorkIsCut) {
  const IsaGuard guard(GetParam());
  for (const ConvShape& s : shapes) {
    check<float>(s, true);
    check<float>(s, false);
    check<double>(s, true);
  }
}

TEST_P(Conv, HasTheSameBitsForAnyNumberOfThreads) {
  const IsaGuard guard(GetParam());
  const int before = num_threads();
  for (const ConvShape& s : shapes) {
    Convolution<float> conv{s, true};
    std::mt19937 random(7);
    std::normal_distribution<float> normal;
    for (auto* tensor : {&conv.x, &conv.w, &conv.dy}) {
      for (float& value : *tensor) value = normal(random);
    }
    set_num_threads(1);
    const auto y = conv.forward(conv.epilogue()), dx = conv.grad_input(), dw = conv.grad_weight();
    set_num_threads(5);
    EXPECT_EQ(conv.forward(conv.epilogue()), y);
    EXPECT_EQ(conv.grad_input(), dx);
    EXPECT_EQ(conv.grad_weight(), dw);
  }
  set_num_threads(before);
}

}  // namespace
}  // namespace fornax::cpu
