#include "base/arena.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>

namespace tollgate {
namespace {

TEST(Arena, TakesNoMemoryBeforeItsFirstUse) {
  Arena arena;
  EXPECT_EQ(arena.footprint(), 0u);
  arena.reset();
  EXPECT_TRUE(arena.copy("").empty());
  EXPECT_EQ(arena.footprint(), 0u);
}

TEST(Arena, AlignsWhatItGives) {
  Arena arena(64);
  for (const std::size_t alignment : {1, 2, 4, 8, 16}) {
    arena.allocate(1, 1);
    const auto at = reinterpret_cast<std::uintptr_t>(arena.allocate(24, alignment));
    EXPECT_EQ(at % alignment, 0u);
  }
}

TEST(Arena, MakesObjects) {
  struct Point {
    int x, y;
  };
  Arena arena;
  const Point* point = arena.make<Point>(1, 2);
  EXPECT_EQ(point->x + point->y, 3);
  EXPECT_EQ(arena.copy("text"), "text");
}

/// Blocks of random sizes keep their content, whatever comes after them.
TEST(Arena, NeverOverlapsAllocations) {
  std::mt19937 random(1);
  for (const std::size_t first_chunk : {std::size_t{16}, std::size_t{4096}}) {
    Arena arena(first_chunk);
    for (int round = 0; round < 3; ++round) {
      std::vector<std::pair<std::string_view, std::string>> blocks;
      for (int i = 0; i < 2000; ++i) {
        const std::size_t limit = i % 100 == 0 ? 100000 : 200;
        const std::string text(random() % limit, static_cast<char>('a' + i % 26));
        blocks.emplace_back(arena.copy(text), text);
      }
      for (const auto& [kept, expected] : blocks) ASSERT_EQ(kept, expected);
      arena.reset();
    }
  }
}

TEST(Arena, ResetKeepsTheLargestChunkOnly) {
  Arena arena(1024);
  for (int i = 0; i < 100; ++i) arena.allocate(1000);
  const std::size_t before = arena.footprint();
  arena.reset();
  EXPECT_LT(arena.footprint(), before);
  const std::size_t kept = arena.footprint();
  arena.allocate(kept, 1);
  EXPECT_EQ(arena.footprint(), kept);
}

TEST(Arena, ShrinkGivesTheTailBack) {
  Arena arena;
  auto* start = static_cast<char*>(arena.allocate(1000, 1));
  arena.shrink_last(start, 10);
  EXPECT_EQ(arena.allocate(1, 1), start + 10);
}

TEST(Arena, ChunksDoNotOutgrowTheirLimitForSmallAllocations) {
  Arena arena(4096);
  for (int i = 0; i < 10000; ++i) arena.allocate(1000);
  EXPECT_LT(arena.footprint(), 10000u * 1000 + (2u << 20));
}

}  // namespace
}  // namespace tollgate
