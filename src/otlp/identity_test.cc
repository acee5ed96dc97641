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

/// The identities of one export's records, all of which can be told apart.
std::vector<Identity> identities(const std::vector<std::string>& wires) {
  RecordIdentity ids{IdentityOptions{.salt = "https://example.com/events"}};
  ids.expect(wires.size());
  ids.begin_resource("resource", "");
  ids.begin_scope("scope", "");
  std::vector<RecordIdentity::Record> records;
  Batch batch;
  for (const std::string& wire : wires) {
    records.push_back({wire, true});
    batch.add();
  }
  EXPECT_EQ(ids.identify(records, batch.messages()), 0u);
  std::vector<Identity> all;
  for (const Message& message : batch) all.push_back(message.identity);
  return all;
}

// Records as alike as they get: only a nanosecond apart, each tenth equal to the one before, each
// hundredth split in two.
TEST(RecordIdentity, NoTwoRecordsShareOne) {
  const std::size_t count = how_many();
  std::vector<Pair> seen;
  seen.reserve(count);
  std::vector<std::string> records(1000, std::string(64, 'r'));
  std::uint64_t time = 1'700'000'000'000'000'001;
  while (seen.size() < count) {
    for (std::size_t i = 0; i < records.size(); ++i) {
      if (i % 10 != 0) ++time;
      std::memcpy(records[i].data(), &time, sizeof time);
    }
    ++time;
    const auto all = identities(records);
    for (std::size_t i = 0; i < all.size() && seen.size() < count; ++i) {
      EXPECT_TRUE(all[i].derived);
      for (std::uint32_t child = 0; child < 2 && i % 100 == 0; ++child) {
        seen.emplace_back(all[i].child(child).high, all[i].child(child).low);
      }
      seen.emplace_back(all[i].high, all[i].low);
    }
  }
  std::ranges::sort(seen);
  EXPECT_EQ(std::ranges::adjacent_find(seen), seen.end());
}

TEST(RecordIdentity, DependsOnTheRecordAlone) {
  std::vector<std::string> many;
  for (int i = 0; i < 500; ++i) many.push_back("other " + std::to_string(i));
  many.push_back("a");
  const Identity among_many = identities(many).back(), alone = identities({"a"})[0];
  EXPECT_EQ(Pair(among_many.high, among_many.low), Pair(alone.high, alone.low));
  const Identity other = identities({"b"})[0];
  EXPECT_NE(Pair(other.high, other.low), Pair(alone.high, alone.low));
}

}  // namespace
}  // namespace tollgate
