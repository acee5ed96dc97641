#include "bloblang/functions/go_random.h"

#include <gmock/gmock.h>

namespace tollgate::bloblang {
namespace {

TEST(GoRandom, GivesTheSequencesOfGo) {
  GoRandom zero;
  EXPECT_EQ(zero.below(INT64_MAX), 8717895732742165505);
  EXPECT_EQ(zero.below(INT64_MAX), 2259404117704393152);
  GoRandom one(1);
  for (const int expected : {10, 51, 21, 51, 37, 20, 58, 48}) EXPECT_EQ(one.below(100), expected);
  GoRandom negative(-7);
  for (const int expected : {3, 6, 0, 3, 4, 5, 1, 4}) EXPECT_EQ(negative.below(8), expected);
  GoRandom longer(42);  // goes around the state more than once
  std::int64_t sum = 0;
  for (int i = 0; i < 1300; ++i) sum += longer.below(8);
  EXPECT_EQ(sum, 4649);
}

}  // namespace
}  // namespace tollgate::bloblang
