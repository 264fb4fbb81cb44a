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

/// [byte][channel]
template <class S>
std::vector<S> table_of(const NormalizeImages& args) {
  std::vector<S> values;
  values.reserve(static_cast<std::size_t>(args.y.size(1) * 256));
  for (int byte = 0; byte < 256; ++byte) {
    for (Index c = 0; c < args.y.size(1); ++c) {
      const double mean = args.mean.ptr<const float>()[c], std = args.std.ptr<const float>()[c];
      values.push_back(S(static_cast<accumulate_t<S>>((byte / 255.0 - mean) / std)));
    }
  }
  return values;
}

/// `count` pixels of `channels` values each; x and its strides are those of the first. The usual numbers of
/// channels are `fixed`: the compiler then keeps a pixel in registers.
template <int fixed, class S>
void convert(S* y, const std::uint8_t* x, Index x_channel, Index x_pixel, Index count, Index channels,
             const S* table) {
  const Index n = fixed > 0 ? fixed : channels;
  for (Index i = 0; i < count; ++i, x += x_pixel, y += n)
    for (Index c = 0; c < n; ++c) y[c] = table[x[c * x_channel] * n + c];
}

/// The rows of one image of y, found by where they come from.
template <int fixed, class S>
class Rows {
 public:
  Rows(const NormalizeImages& args, const S* table, Index image) : args_(args), table_(table) {
    const TensorView &x = args.x, &y = args.y;
    const Index width = y.size(3);
    Index column = (x.size(3) - width) / 2;
    row_ = (x.size(2) - y.size(2)) / 2;
    if (args.offsets.defined()) {
      const auto* offsets = args.offsets.ptr<const std::int64_t>() + 2 * image;
      row_ = std::clamp(offsets[0], -y.size(2), x.size(2));  // farther out is as black
      column = std::clamp(offsets[1], -width, x.size(3));
    }
    const bool mirrored = args.flip.defined() && args.flip.ptr<const bool>()[image];
    const Index begin = std::clamp<Index>(-column, 0, width);
    inside_ = std::clamp<Index>(x.size(3) - column, begin, width) - begin;
    before_ = mirrored ? width - begin - inside_ : begin;
    pixel_ = mirrored ? -x.stride(3) : x.stride(3);
    channel_ = x.size(1) == 1 ? 0 : x.stride(1);
    start_ = image * x.stride(0) + (begin + column + (mirrored ? inside_ - 1 : 0)) * x.stride(3);
  }

  void write(S* y, Index row) const {
    const Index width = args_.y.size(3), channels = args_.y.size(1), from = row_ + row;
    static constexpr std::uint8_t black = 0;
    if (from < 0 || from >= args_.x.size(2) || inside_ == 0) {
      convert<fixed>(y, &black, 0, 0, width, channels, table_);
      return;
    }
    const std::uint8_t* const bytes =
        args_.x.template ptr<const std::uint8_t>() + start_ + from * args_.x.stride(2);
    if (before_ > 0) convert<fixed>(y, &black, 0, 0, before_, channels, table_);
    convert<fixed>(y + before_ * channels, bytes, channel_, pixel_, inside_, channels, table_);
    if (const Index end = before_ + inside_; end < width)
      convert<fixed>(y + end * channels, &black, 0, 0, width - end, channels, table_);
  }

 private:
  const NormalizeImages& args_;
  const S* table_;
  Index row_;                      // of x: where the first row of y starts
  Index before_, inside_;          // columns of y: black ones, then those that come from x
  Index start_, pixel_, channel_;  // in x: the first of these in row 0, and steps
};

/// Rows [first, last) of all images.
template <int fixed, class S>
void normalize(const NormalizeImages& args, const S* table, Index first, Index last) {
  const Index height = args.y.size(2), row_size = args.y.size(3) * args.y.size(1);
  for (Index i = first; i < last;) {
    const Index image = i / height;
    const Rows<fixed, S> rows(args, table, image);
    for (const Index end = std::min(last, (image + 1) * height); i < end; ++i)
      rows.write(args.y.ptr<S>() + i * row_size, i - image * height);
  }
}

void run(const NormalizeImages& args) {
  if (args.y.numel() == 0) return;
  const Index rows = args.y.size(0) * args.y.size(2), row_size = args.y.size(3) * args.y.size(1);
  visit_floating(args.y.dtype, [&]<class S>(std::type_identity<S>) {
    const std::vector<S> table = table_of<S>(args);
    const auto work = args.y.size(1) == 3   ? normalize<3, S>
                      : args.y.size(1) == 1 ? normalize<1, S>
                                            : normalize<0, S>;
    parallel_for(0, rows, 1 + piece_size / row_size,
                 [&](Index first, Index last) { work(args, table.data(), first, last); });
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
