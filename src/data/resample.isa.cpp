// Policy: sums of bytes by integer weights in i32, exact; the same bits at every level.
#include "data/resample.h"

#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace fornax::cpu::FORNAX_ISA {
namespace {

constexpr int precision = 22;  // 255 * 2^22 leaves one bit of i32 for what rounding the weights adds
constexpr std::int32_t half = 1 << (precision - 1);

std::uint8_t to_byte(std::int32_t sum) {
  const std::int32_t value = sum >> precision;
  return static_cast<std::uint8_t>(value < 255 ? value : 255);
}

void pixel(const std::uint8_t* in, std::int64_t channels, const std::int32_t* weights, std::int32_t length,
           std::uint8_t* out) {
  for (std::int64_t c = 0; c < channels; ++c) {
    std::int32_t sum = half;
    for (std::int32_t i = 0; i < length; ++i) sum += in[i * channels + c] * weights[i];
    out[c] = to_byte(sum);
  }
}

#if defined(__AVX2__)
/// A sum of `taps` pixels; reads one byte beyond the last.
[[gnu::always_inline]] inline void rgb_pixel(const std::uint8_t* in, const std::int32_t* weights, int taps,
                                             std::uint8_t* out) {
  __m128i sum = _mm_set1_epi32(half);
  for (int i = 0; i < taps; ++i) {
    std::int32_t bytes;
    __builtin_memcpy(&bytes, in + i * 3, sizeof bytes);
    const __m128i values = _mm_cvtepu8_epi32(_mm_cvtsi32_si128(bytes));
    sum = _mm_add_epi32(sum, _mm_mullo_epi32(values, _mm_set1_epi32(weights[i])));
  }
  const __m128i words = _mm_packus_epi32(_mm_srai_epi32(sum, precision), sum);
  const std::int32_t bytes = _mm_cvtsi128_si32(_mm_packus_epi16(words, words));
  __builtin_memcpy(out, &bytes, 3);
}

/// Pixels of a row as long as there is a byte left behind their source pixels; returns how many. All are sums
/// of as many as the longest, the weights of others being 0: a loop whose length varies is mispredicted all
/// along.
template <int constant>
std::int64_t rgb_across(const std::uint8_t* in, std::int64_t width, const ResampleAxis& axis,
                        std::int64_t step, std::uint8_t* out) {
  const int taps = constant > 0 ? constant : axis.longest;
  std::int64_t x = 0;
  for (; x < axis.count && axis.firsts[x] + taps < width; ++x)
    rgb_pixel(in + axis.firsts[x] * 3, axis.weights + x * axis.most, taps, out + x * step);
  return x;
}

std::int64_t rgb_across(const std::uint8_t* in, std::int64_t width, const ResampleAxis& axis,
                        std::int64_t step, std::uint8_t* out) {
  switch (axis.longest) {
    case 2: return rgb_across<2>(in, width, axis, step, out);
    case 3: return rgb_across<3>(in, width, axis, step, out);
    case 4: return rgb_across<4>(in, width, axis, step, out);
    case 5: return rgb_across<5>(in, width, axis, step, out);
    default: return rgb_across<0>(in, width, axis, step, out);
  }
}
#endif

void across(const std::uint8_t* in, [[maybe_unused]] std::int64_t width, std::int64_t channels,
            const ResampleAxis& axis, bool mirrored, std::uint8_t* out) {
  const std::int64_t step = mirrored ? -channels : channels;
  if (mirrored) out += (axis.count - 1) * channels;
  std::int64_t x = 0;
#if defined(__AVX2__)
  if (channels == 3) x = rgb_across(in, width, axis, step, out);
#endif
  for (; x < axis.count; ++x)
    pixel(in + axis.firsts[x] * channels, channels, axis.weights + x * axis.most, axis.lengths[x],
          out + x * step);
}

/// `columns` bytes of one row.
template <int columns>
void bytes_down(const std::uint8_t* in, std::int64_t width, const std::int32_t* weights, std::int32_t length,
                std::uint8_t* out) {
  std::int32_t sums[columns];
  for (int i = 0; i < columns; ++i) sums[i] = half;
  for (std::int32_t y = 0; y < length; ++y, in += width)
    for (int i = 0; i < columns; ++i) sums[i] += in[i] * weights[y];
  for (int i = 0; i < columns; ++i) out[i] = to_byte(sums[i]);
}

void down(const std::uint8_t* in, std::int64_t width, const ResampleAxis& axis, std::uint8_t* out) {
  constexpr int columns = 32;
  for (std::int64_t y = 0; y < axis.count; ++y, out += width) {
    const std::uint8_t* rows = in + axis.firsts[y] * width;
    const std::int32_t* weights = axis.weights + y * axis.most;
    std::int64_t x = 0;
    for (; x + columns <= width; x += columns)
      bytes_down<columns>(rows + x, width, weights, axis.lengths[y], out + x);
    for (; x < width; ++x) bytes_down<1>(rows + x, width, weights, axis.lengths[y], out + x);
  }
}

}  // namespace

extern const ResampleKernels resample_kernels = {across, down};

}  // namespace fornax::cpu::FORNAX_ISA
