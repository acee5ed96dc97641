#include "otlp/identity.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

namespace tollgate {
namespace {

using Pair = std::pair<std::uint64_t, std::uint64_t>;

/// A million; TOLLGATE_TEST_IDENTITIES asks for more (100000000 takes a minute or two and 3 GB).
std::size_t how_many() {
  const char* asked = std::getenv("TOLLGATE_TEST_IDENTITIES");
  return asked ? std::strtoull(asked, nullptr, 10) : 1'000'000;
}

// Records as alike as they get: only a nanosecond apart, each tenth equal to the one before, each
// hundredth split in two.
TEST(RecordIdentity, NoTwoRecordsShareOne) {
  const std::size_t count = how_many();
  std::vector<Pair> seen;
  seen.reserve(count);
  std::string record(64, 'r');
  std::uint64_t time = 1'700'000'000'000'000'001;
  while (seen.size() < count) {
    RecordIdentity ids{IdentityOptions{.salt = "https://example.com/events"}};  // one export
    ids.expect(1000);
    ids.begin_resource("resource", "");
    ids.begin_scope("scope", "");
    for (int i = 0; i < 1000 && seen.size() < count; ++i) {
      if (i % 10 != 0) ++time;
      if (time % 1'000'000 == 0) ++time;
      std::memcpy(record.data(), &time, sizeof time);
      const Identity identity = ids.of_record(record, time, 0);
      EXPECT_TRUE(identity.derived);
      if (i % 100 == 0) {
        for (std::uint32_t child = 0; child < 2; ++child) {
          seen.emplace_back(identity.child(child).high, identity.child(child).low);
        }
      }
      seen.emplace_back(identity.high, identity.low);
    }
  }
  std::ranges::sort(seen);
  EXPECT_EQ(std::ranges::adjacent_find(seen), seen.end());
}

TEST(RecordIdentity, DependsOnTheRecordAlone) {
  const auto of = [](std::string_view record, int before) {
    RecordIdentity ids{IdentityOptions{.salt = "s"}};
    ids.begin_resource("r", "");
    ids.begin_scope("c", "");
    for (int i = 0; i < before; ++i) ids.of_record("other" + std::to_string(i), 1, 0);
    const Identity identity = ids.of_record(record, 1'700'000'000'000'000'001, 0);
    return Pair(identity.high, identity.low);
  };
  EXPECT_EQ(of("a", 0), of("a", 500));  // wherever a forwarder's batching puts it
  EXPECT_NE(of("a", 0), of("b", 0));
}

}  // namespace
}  // namespace tollgate
