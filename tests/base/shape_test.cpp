#include "fornax/base/shape.h"

#include <gtest/gtest.h>

#include "fornax/base/error.h"

namespace fornax {
namespace {

TEST(Shape, ChannelsLastPutsChannelsAdjacent) {
  EXPECT_EQ(strides_of({2, 3, 4, 5}, MemoryFormat::channels_last), (Strides{60, 1, 15, 3}));
  EXPECT_EQ(strides_of({2, 3, 4, 5}), (Strides{60, 20, 5, 1}));
}

TEST(Shape, StridesOfSizeOneDimensionsDoNotMatter) {
  EXPECT_TRUE(has_format({2, 1, 4, 5}, {20, 77, 5, 1}, MemoryFormat::contiguous));
  EXPECT_TRUE(has_format({2, 1, 4, 5}, {20, 77, 5, 1}, MemoryFormat::channels_last));
  EXPECT_FALSE(has_format({2, 3, 4, 5}, {60, 20, 5, 1}, MemoryFormat::channels_last));
}

TEST(Shape, BroadcastFollowsNumPy) {
  EXPECT_EQ(broadcast_shapes({4, 1, 3}, {2, 1}, "add"), (Shape{4, 2, 3}));
  EXPECT_EQ(broadcast_shapes({0, 3}, {1}, "add"), (Shape{0, 3}));
  try {
    broadcast_shapes({4, 3}, {2, 3}, "add");
    FAIL();
  } catch (const ShapeError& e) {
    EXPECT_STREQ(e.what(), "[add] expected shapes that broadcast, got [4,3] and [2,3]");
  }
}

TEST(Shape, AxisErrorNamesTheRange) {
  EXPECT_EQ(normalize_axis(-1, 3, "sum"), 2);
  EXPECT_THROW(normalize_axis(3, 3, "sum"), IndexError);
}

}  // namespace
}  // namespace fornax
