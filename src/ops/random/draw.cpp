#include "ops/random/draw.h"

#include <array>
#include <span>

#include "fornax/ops/replayed.h"

namespace fornax::ops {

Draw Draw::take(Device device) {
  Generator& generator = default_generator();
  const Generator::Draw first = generator.draw();
  if (device.is_cpu()) return {first, {}};
  const std::array words{static_cast<std::int64_t>(first.seed), static_cast<std::int64_t>(first.offset)};
  return {first, fornax::replayed<std::int64_t>(device, words, [&generator](std::span<std::int64_t> to) {
            const Generator::Draw next = generator.draw();
            to[0] = static_cast<std::int64_t>(next.seed);
            to[1] = static_cast<std::int64_t>(next.offset);
          })};
}

}  // namespace fornax::ops
