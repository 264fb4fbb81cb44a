// Policy: a byte has 256 values, so each channel gets a table of results, computed in double and rounded
// once.
#include <algorithm>
#include <vector>

#include "fornax/base/parallel.h"
#include "ops/normalize_images/normalize_images_op.h"

namespace fornax::ops {
namespace {

using Index = std::int64_t;

constexpr Index piece_size = 32768;

/// [channel][byte]
template <class S>
std::vector<S> tables(const NormalizeImages& args) {
  std::vector<S> values;
  values.reserve(static_cast<std::size_t>(args.y.size(1) * 256));
  for (Index c = 0; c < args.y.size(1); ++c) {
    const double mean = args.mean.ptr<const float>()[c], std = args.std.ptr<const float>()[c];
    for (int byte = 0; byte < 256; ++byte)
      values.push_back(S(static_cast<accumulate_t<S>>((byte / 255.0 - mean) / std)));
  }
  return values;
}

/// Where rows and columns of one image of y come from.
struct Source {
  Index row, column;
  bool mirrored;
};

Source source_of(const NormalizeImages& args, Index image) {
  Source source{(args.x.size(2) - args.y.size(2)) / 2, (args.x.size(3) - args.y.size(3)) / 2, false};
  if (args.offsets.defined()) {
    const auto* offsets = args.offsets.ptr<const std::int64_t>() + 2 * image;
    source.row = std::clamp(offsets[0], -args.y.size(2), args.x.size(2));  // farther out is as black
    source.column = std::clamp(offsets[1], -args.y.size(3), args.x.size(3));
  }
  source.mirrored = args.flip.defined() && args.flip.ptr<const bool>()[image];
  return source;
}

/// `count` pixels of `channels` values each; x and its strides are those of the first.
template <class S>
void convert(S* y, const std::uint8_t* x, Index x_channel, Index x_pixel, Index count, Index channels,
             const S* table) {
  for (Index i = 0; i < count; ++i, x += x_pixel)
    for (Index c = 0; c < channels; ++c) *y++ = table[c * 256 + x[c * x_channel]];
}

template <class S>
void normalize_row(const NormalizeImages& args, const S* table, Index image, Index i) {
  const TensorView &x = args.x, &y = args.y;
  const Index width = y.size(3), channels = y.size(1);
  const Source source = source_of(args, image);
  S* to = y.ptr<S>() + (image * y.size(2) + i) * width * channels;
  static constexpr std::uint8_t black = 0;
  Index left = width, inside = 0;  // columns of y, in the order of x, before and within x
  const bool row_inside = i + source.row >= 0 && i + source.row < x.size(2);
  if (row_inside) {
    left = std::clamp<Index>(-source.column, 0, width);
    inside = std::clamp<Index>(x.size(3) - source.column, left, width) - left;
  }
  const Index right = width - left - inside;
  const Index x_channel = x.size(1) == 1 ? 0 : x.stride(1);
  const std::uint8_t* from = &black;
  if (inside > 0)
    from = x.ptr<const std::uint8_t>() + image * x.stride(0) + (i + source.row) * x.stride(2) +
           (left + source.column + (source.mirrored ? inside - 1 : 0)) * x.stride(3);
  const Index first = source.mirrored ? right : left, last = width - first - inside;
  convert(to, &black, 0, 0, first, channels, table);
  convert(to + first * channels, from, x_channel, source.mirrored ? -x.stride(3) : x.stride(3), inside,
          channels, table);
  convert(to + (first + inside) * channels, &black, 0, 0, last, channels, table);
}

void run(const NormalizeImages& args) {
  if (args.y.numel() == 0) return;
  const Index rows = args.y.size(2), row_size = args.y.size(3) * args.y.size(1);
  visit_floating(args.y.dtype, [&]<class S>(std::type_identity<S>) {
    const std::vector<S> values = tables<S>(args);
    parallel_for(0, args.y.size(0) * rows, 1 + piece_size / row_size, [&](Index first, Index last) {
      for (Index i = first; i < last; ++i) normalize_row(args, values.data(), i / rows, i % rows);
    });
  });
}

}  // namespace

constinit const dispatch::Kernel<NormalizeImages> normalize_images_cpu{
    {"table", DeviceType::cpu, floating_dtypes},
    [](const NormalizeImages& args) {
      return args.y.is_channels_last() ? dispatch::accepts : "writes channels_last";
    },
    run};

}  // namespace fornax::ops
