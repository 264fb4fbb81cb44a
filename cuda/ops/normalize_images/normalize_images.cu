// Policy: a byte has 256 values, so a first small launch makes a table of results per channel, computed in
// f64 and rounded once: the CPU's bits, without f64 arithmetic per pixel. Then each thread writes 16 bytes of
// y at a time; y is one row of pixels, whose bytes are gathered from x where they are. Blocks keep the table
// in shared memory if it is small, as it is for up to three channels of f64. Indices have 32 bits if y's size
// allows it.
#include "device/convert.cuh"
#include "device/pack.cuh"
#include "ops/normalize_images/normalize_images_op.h"
#include "runtime/launch.h"

namespace fornax::ops {
namespace {

using namespace cuda;

constexpr int byte_values = 256;
constexpr std::int64_t largest_shared_table = 8192;  // bytes

/// table[channel][byte]
template <class T>
__global__ void make_table(T* table, const float* mean, const float* std) {
  const double channel_mean = mean[blockIdx.x], channel_std = std[blockIdx.x];
  const double value = (static_cast<int>(threadIdx.x) / 255.0 - channel_mean) / channel_std;
  table[blockIdx.x * byte_values + threadIdx.x] = convert<T>(static_cast<compute_t<T>>(value));
}

/// Sizes and strides of y [N, C, H, W] and x; x_strides are 0 where x has one channel for all.
struct Images {
  std::int64_t count;  // elements of y
  std::int64_t height, width, x_height, x_width;
  int channels;
  std::int64_t x_image, x_channel, x_row, x_column;
  const std::uint8_t* x;
  const std::int64_t* offsets;
  const bool* flip;
};

__device__ inline std::int64_t clamped(std::int64_t value, std::int64_t low, std::int64_t high) {
  return value < low ? low : value > high ? high : value;
}

/// A walk over the pixels of y.
template <class Index>
class Pixel {
 public:
  __device__ Pixel(const Images& images, Index index)
      : images_(images),
        width_(static_cast<Index>(images.width)),
        height_(static_cast<Index>(images.height)) {
    const Index rows = index / width_;
    column_ = index % width_;
    image_ = rows / height_;
    row_ = rows % height_;
    enter_image();
    find();
  }
  /// Null outside of x, which is black.
  __device__ const std::uint8_t* bytes() const { return bytes_; }
  __device__ void next() {
    if (++column_ == width_) {
      column_ = 0;
      if (++row_ == height_) {
        row_ = 0;
        ++image_;
        enter_image();
      }
    }
    find();
  }

 private:
  __device__ void enter_image() {
    x_row_ = (images_.x_height - images_.height) / 2;
    x_column_ = (images_.x_width - images_.width) / 2;
    if (images_.offsets) {  // farther out is as black
      x_row_ = clamped(images_.offsets[2 * image_], -images_.height, images_.x_height);
      x_column_ = clamped(images_.offsets[2 * image_ + 1], -images_.width, images_.x_width);
    }
    flipped_ = images_.flip && images_.flip[image_];
  }
  __device__ void find() {
    const std::int64_t row = x_row_ + row_;
    const std::int64_t column = x_column_ + (flipped_ ? width_ - 1 - column_ : column_);
    const bool inside = row >= 0 && row < images_.x_height && column >= 0 && column < images_.x_width;
    bytes_ = inside ? images_.x + image_ * images_.x_image + row * images_.x_row + column * images_.x_column
                    : nullptr;
  }

  const Images& images_;
  Index width_, height_, image_, row_, column_;
  std::int64_t x_row_, x_column_;
  bool flipped_;
  const std::uint8_t* bytes_;
};

template <class T, class Index>
__global__ void normalize(T* y, Images images, const T* table, bool shared_table) {
  constexpr int pack = pack_size<T>;
  const int channels = images.channels;
  if (shared_table) {
    FORNAX_DYNAMIC_SHARED(T, shared);
    for (int i = static_cast<int>(threadIdx.x); i < channels * byte_values; i += static_cast<int>(blockDim.x))
      shared[i] = table[i];
    __syncthreads();
    table = shared;
  }
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * blockDim.x * pack;
  for (std::int64_t first = (static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x) * pack;
       first < images.count; first += step) {
    const auto index = static_cast<Index>(first);
    int channel = static_cast<int>(index % static_cast<Index>(channels));
    const int size = images.count - first < pack ? static_cast<int>(images.count - first) : pack;
    Pixel<Index> pixel(images, index / static_cast<Index>(channels));
    Pack<T, pack> values;
#pragma unroll
    for (int k = 0; k < pack; ++k) {
      if (k >= size) continue;
      if (channel == channels) {
        channel = 0;
        pixel.next();
      }
      const std::uint8_t* bytes = pixel.bytes();
      values[k] = table[channel * byte_values + (bytes ? bytes[channel * images.x_channel] : 0)];
      ++channel;
    }
    if (size == pack)
      store_pack(y + first, values);
    else
#pragma unroll
      for (int k = 0; k < pack; ++k)
        if (k < size) y[first + k] = values[k];
  }
}

void run(const NormalizeImages& args) {
  const TensorView &x = args.x, &y = args.y;
  if (y.numel() == 0) return;
  const cudaStream_t stream = stream_for(y);
  const std::int64_t channels = y.size(1);
  const Images images{.count = y.numel(),
                      .height = y.size(2),
                      .width = y.size(3),
                      .x_height = x.size(2),
                      .x_width = x.size(3),
                      .channels = static_cast<int>(channels),
                      .x_image = x.stride(0),
                      .x_channel = x.size(1) == 1 ? 0 : x.stride(1),
                      .x_row = x.stride(2),
                      .x_column = x.stride(3),
                      .x = x.ptr<const std::uint8_t>(),
                      .offsets = args.offsets.ptr<const std::int64_t>(),
                      .flip = args.flip.ptr<const bool>()};
  visit_floating(y.dtype, [&]<class T>(std::type_identity<T>) {
    const std::int64_t table_bytes = channels * byte_values * static_cast<std::int64_t>(sizeof(T));
    const bool shared = table_bytes <= largest_shared_table;
    const Scratch table(static_cast<std::size_t>(table_bytes), stream);
    launch(make_table<T>, static_cast<unsigned>(channels), byte_values, 0, stream, table.as<T>(),
           args.mean.ptr<const float>(), args.std.ptr<const float>());
    const bool narrow = images.count <= 0x7fffffff;
    launch(narrow ? normalize<T, std::int32_t> : normalize<T, std::int64_t>,
           grid_for((images.count + pack_size<T> - 1) / pack_size<T>), elementwise_block,
           static_cast<std::size_t>(shared ? table_bytes : 0), stream, y.ptr<T>(), images, table.as<T>(),
           shared);
  });
}

}  // namespace

constinit const dispatch::Kernel<NormalizeImages> normalize_images_cuda{
    {"pixels", DeviceType::cuda, floating_dtypes},
    [](const NormalizeImages& args) {
      return args.y.is_channels_last() && is_aligned(args.y.data, 16) ? dispatch::accepts
                                                                      : "writes aligned channels_last";
    },
    run};

}  // namespace fornax::ops
