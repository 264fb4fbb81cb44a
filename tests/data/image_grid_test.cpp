#include "fornax/data/image_grid.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fornax/base/error.h"
#include "fornax/ops/create.h"
#include "support/error_of.h"

namespace fornax::data {
namespace {

using namespace test;

using testing::ElementsAre;

TEST(MakeGrid, PutsImagesInRows) {
  Tensor images = empty({3, 3, 1, 2}, {.dtype = u8});
  for (std::int64_t i = 0; i < 3; ++i) images[i].fill_(i + 1);
  const Tensor grid = make_grid(images, {.nrow = 2, .padding = 1, .pad_value = 9});
  EXPECT_EQ(grid.shape(), Shape({3, 5, 7}));
  for (std::int64_t channel = 0; channel < 3; ++channel)
    EXPECT_THAT(grid[channel].to_vector<std::uint8_t>(), ElementsAre(9, 9, 9, 9, 9, 9, 9,  //
                                                                     9, 1, 1, 9, 2, 2, 9,  //
                                                                     9, 9, 9, 9, 9, 9, 9,  //
                                                                     9, 3, 3, 9, 9, 9, 9,  //
                                                                     9, 9, 9, 9, 9, 9, 9));
}

TEST(MakeGrid, ColoursGreyImagesAndLeavesASingleOneAsItIs) {
  EXPECT_EQ(make_grid(ones({20, 1, 4, 5})).shape(), Shape({3, 3 * 6 + 2, 8 * 7 + 2}));
  EXPECT_EQ(make_grid(ones({1, 1, 4, 5})).shape(), Shape({3, 4, 5}));
  EXPECT_EQ(make_grid(ones({2, 4, 4, 5})).shape(), Shape({4, 8, 16}));
}

TEST(MakeGrid, SaysWhatIsWrong) {
  EXPECT_EQ(error_of<ShapeError>([] {
              make_grid(ones({3, 4, 5}));
            }),
            "[make_grid] expected images [N,C,height,width], got f32[3,4,5]@cpu");
  EXPECT_THROW(make_grid(ones({0, 3, 4, 5})), ShapeError);
  EXPECT_EQ(error_of<ValueError>([] {
              make_grid(ones({2, 3, 4, 5}), {.nrow = 0});
            }),
            "[make_grid] expected nrow of 1 or more and padding of 0 or more, got 0 and 2");
}

}  // namespace
}  // namespace fornax::data
