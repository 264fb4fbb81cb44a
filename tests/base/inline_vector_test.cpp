#include "fornax/base/inline_vector.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <vector>

namespace fornax {
namespace {

using Handles = InlineVector<std::shared_ptr<int>, 2>;

TEST(InlineVector, KeepsItsElementsInOrderWhenTheyAreMoreThanItHoldsInline) {
  InlineVector<int, 2> list;
  for (int i = 0; i < 5; ++i) {
    list.push_back(i);
    EXPECT_EQ(list.size(), static_cast<std::size_t>(i) + 1);
    EXPECT_EQ(list[static_cast<std::size_t>(i)], i);
  }
  EXPECT_THAT(std::vector(list.begin(), list.end()), testing::ElementsAre(0, 1, 2, 3, 4));
}

TEST(InlineVector, LetsItsElementsGoWhenCleared) {
  for (const int count : {1, 2, 3}) {
    const auto handle = std::make_shared<int>(7);
    Handles list;
    for (int i = 0; i < count; ++i) list.push_back(handle);
    EXPECT_EQ(handle.use_count(), count + 1);
    list.clear();
    EXPECT_TRUE(list.empty());
    EXPECT_EQ(handle.use_count(), 1);
    list.push_back(handle);
    EXPECT_EQ(list[0], handle);
  }
}

}  // namespace
}  // namespace fornax
