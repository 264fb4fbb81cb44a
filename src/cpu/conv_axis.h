#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace fornax::cpu {

struct ConvRange {
  std::int64_t begin, end;
  std::int64_t size() const { return std::max<std::int64_t>(end - begin, 0); }
};
inline ConvRange overlap(ConvRange a, ConvRange b) {
  return {std::max(a.begin, b.begin), std::min(a.end, b.end)};
}

/// The targets i < count whose source, i * stride + offset, lies in [0, sources): those that use a tap of a
/// forward.
inline ConvRange conv_targets(std::int64_t count, std::int64_t sources, std::int64_t stride,
                              std::int64_t offset) {
  return {offset >= 0 ? 0 : (-offset + stride - 1) / stride,
          sources <= offset ? 0 : std::min(count, (sources - offset + stride - 1) / stride)};
}

/// One axis (rows or columns) of a convolution seen from its targets: the pixels that are written. A target
/// reads source `s` at tap `k`, or nothing. Targets that read at the same taps, at the same distances, form a
/// class: all pixels of a product of two classes take part in the same sums, borders and phases of a stride
/// included, so that no tile has to look at padding.
class ConvAxis {
 public:
  /// A tap, and how far its source lies behind that of the first tap of its class.
  struct Tap {
    std::int64_t live;  ///< number among the taps that are used at all, sources ascending
    std::int64_t shift;
    friend bool operator==(const Tap&, const Tap&) = default;
  };
  struct Class {
    std::vector<Tap> taps;
    std::vector<std::int64_t> targets;
    std::vector<std::int64_t> sources;  ///< of the first tap, for each target; 0 if there is no tap
  };

  std::vector<Class> classes;
  std::vector<std::int64_t> live_taps;  ///< numbers of the taps that some target uses, sources ascending
  bool descends() const { return live_taps.size() > 1 && live_taps.front() > live_taps.back(); }

  /// The forward: target o reads source o * stride - padding + k * dilation.
  static ConvAxis forward(std::int64_t targets, std::int64_t sources, std::int64_t taps, std::int64_t stride,
                          std::int64_t padding, std::int64_t dilation) {
    return {targets, taps, false, [=](std::int64_t o, std::int64_t k) -> std::int64_t {
              const std::int64_t s = o * stride - padding + k * dilation;
              return s < sources ? s : -1;
            }};
  }
  /// The gradient of the input: target i reads the source o for which i = o * stride - padding + k *
  /// dilation.
  static ConvAxis backward(std::int64_t targets, std::int64_t sources, std::int64_t taps, std::int64_t stride,
                           std::int64_t padding, std::int64_t dilation) {
    return {targets, taps, true, [=](std::int64_t i, std::int64_t k) -> std::int64_t {
              const std::int64_t s = i + padding - k * dilation;
              return s >= 0 && s % stride == 0 && s / stride < sources ? s / stride : -1;
            }};
  }

 private:
  /// `source(target, tap)` is negative where nothing is read. Sources descend with the tap if `descending`.
  template <class Source>
  ConvAxis(std::int64_t targets, std::int64_t taps, bool descending, Source&& source) {
    for (std::int64_t i = 0; i < taps; ++i) {
      const std::int64_t k = descending ? taps - 1 - i : i;
      for (std::int64_t t = 0; t < targets; ++t) {
        if (source(t, k) < 0) continue;
        live_taps.push_back(k);
        break;
      }
    }
    std::vector<Tap> read;
    for (std::int64_t t = 0; t < targets; ++t) {
      read.clear();
      std::int64_t first = 0;
      for (std::size_t i = 0; i < live_taps.size(); ++i) {
        const std::int64_t s = source(t, live_taps[i]);
        if (s < 0) continue;
        if (read.empty()) first = s;
        read.push_back({static_cast<std::int64_t>(i), s - first});
      }
      auto own = std::find_if(classes.begin(), classes.end(), [&](const Class& c) { return c.taps == read; });
      if (own == classes.end()) own = classes.insert(own, Class{read, {}, {}});
      own->targets.push_back(t);
      own->sources.push_back(first);
    }
  }
};

}  // namespace fornax::cpu
