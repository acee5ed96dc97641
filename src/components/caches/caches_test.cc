#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

#include "component/testing.h"
#include "components/manifest.h"

namespace tollgate {
namespace {

std::unique_ptr<Cache> make_cache(TestBuildContext& context, std::string_view yaml) {
  auto made = context.new_cache(yaml);
  EXPECT_TRUE(made) << (made ? "" : made.error().message());
  return made ? *std::move(made) : nullptr;
}

std::string get(Cache& cache, std::string_view key) {
  const auto found = cache.get(key);
  if (!found) return "error: " + std::string(found.error().message());
  return found->value_or("nothing");
}

class Caches : public testing::TestWithParam<std::string_view> {
 protected:
  TestBuildContext context{Manifest{.caches = caches(), .rate_limits = rate_limits()}};
};

TEST_P(Caches, StoreAddAndForget) {
  ASSERT_TRUE(context.define("cache_resources: [{label: a, lru: {}}, {label: b, memory: {}}]"));
  const auto cache = make_cache(context, GetParam());
  ASSERT_TRUE(cache);
  EXPECT_EQ(get(*cache, "k"), "nothing");
  ASSERT_TRUE(cache->set("k", "v", std::nullopt));
  EXPECT_EQ(get(*cache, "k"), "v");
  EXPECT_FALSE(*cache->add("k", "w", std::nullopt));
  ASSERT_TRUE(cache->remove("k"));
  EXPECT_EQ(get(*cache, "k"), "nothing");
  EXPECT_TRUE(*cache->add("k", "w", std::nullopt));
  EXPECT_EQ(get(*cache, "k"), "w");
}

INSTANTIATE_TEST_SUITE_P(All, Caches,
                         testing::Values("memory: {}", "memory: {shards: 4}", "lru: {}",
                                         "lru: {algorithm: arc}", "lru: {algorithm: two_queues}",
                                         "ttlru: {}", "multilevel: [a, b]"));

TEST(CacheLimits, LruForgetsTheOldest) {
  TestBuildContext context(Manifest{.caches = caches()});
  for (const std::string_view yaml :
       {"lru: {cap: 3}", "lru: {cap: 3, algorithm: arc}", "lru: {cap: 3, algorithm: two_queues}",
        "ttlru: {cap: 3}"}) {
    const auto cache = make_cache(context, yaml);
    for (int i = 0; i < 100; ++i) ASSERT_TRUE(cache->set("k" + std::to_string(i), "v", std::nullopt));
    int held = 0;
    for (int i = 0; i < 100; ++i) held += get(*cache, "k" + std::to_string(i)) == "v";
    EXPECT_EQ(held, 3) << yaml;
    EXPECT_EQ(get(*cache, "k0"), "nothing");
  }
}

TEST(CacheLimits, MemoryItemsExpireForReadersBeforeTheyAreSwept) {
  TestBuildContext context(Manifest{.caches = caches()});
  const auto cache = make_cache(context, "memory: {init_values: {i: x}}");
  ASSERT_TRUE(cache->set("k", "v", std::chrono::nanoseconds(0)));
  while (get(*cache, "k") != "nothing") std::this_thread::yield();
  EXPECT_FALSE(*cache->add("k", "w", std::nullopt));
  EXPECT_EQ(get(*cache, "i"), "x");

  const auto eternal = make_cache(context, "memory: {compaction_interval: ''}");
  ASSERT_TRUE(eternal->set("k", "v", std::chrono::nanoseconds(0)));
  EXPECT_EQ(get(*eternal, "k"), "v");
}

TEST(CacheLimits, FilesStayInTheirDirectory) {
  const auto folder =
      std::filesystem::temp_directory_path() / ("cache_test_" + std::to_string(::getpid()));
  std::filesystem::create_directory(folder);
  TestBuildContext context(Manifest{.caches = caches()});
  const auto cache = make_cache(context, "file: {directory: " + folder.string() + "}");
  EXPECT_EQ(get(*cache, "k"), "nothing");
  EXPECT_TRUE(*cache->add("k", "v", std::nullopt));
  EXPECT_FALSE(*cache->add("k", "w", std::nullopt));
  EXPECT_EQ(get(*cache, "k"), "v");
  EXPECT_FALSE(cache->set("../k", "v", std::nullopt));
  EXPECT_TRUE(cache->remove("k"));
  EXPECT_FALSE(cache->remove("k"));
  std::filesystem::remove_all(folder);
}

TEST(LocalRateLimit, GivesItsPermitsOncePerWindow) {
  TestBuildContext context(Manifest{.rate_limits = rate_limits()});
  const auto limit = context.new_rate_limit("local: {count: 2, interval: 1h}");
  ASSERT_TRUE(limit) << limit.error().message();
  EXPECT_EQ((*limit)->access()->count(), 0);
  EXPECT_EQ((*limit)->access()->count(), 0);
  EXPECT_GT((*limit)->access()->count(), 0);
  EXPECT_FALSE(context.new_rate_limit("local: {count: 0}"));
}

}  // namespace
}  // namespace tollgate
