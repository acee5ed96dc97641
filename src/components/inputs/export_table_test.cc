#include "components/inputs/export_table.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <map>
#include <random>
#include <thread>

namespace tollgate {
namespace {

using Begun = ExportTable::Begun;
using Outcomes = ExportTable::Outcomes;

const auto kIgnore = [](const Outcomes&, const std::string&) {};

Batch batch_of(std::initializer_list<std::uint64_t> identities) {
  Batch batch;
  for (const auto low : identities) batch.add().identity = {1, low, true};
  return batch;
}

TEST(ExportTable, KeyIsOfAllRecordsInOrder) {
  const auto key = [](std::initializer_list<std::uint64_t> ids) {
    return ExportTable::key_of(batch_of(ids));
  };
  EXPECT_EQ(key({1, 2}), key({1, 2}));
  EXPECT_NE(key({1, 2}), key({2, 1}));
  EXPECT_NE(key({1}), key({1, 1}));
  EXPECT_NE(key({1}), key({1, 1, 1}));
}

TEST(ExportTable, AResendJoinsAndIsAnsweredTheSame) {
  ExportTable table;
  Outcomes known;
  EXPECT_EQ(table.begin({1, 1}, kIgnore, known), Begun::fresh);
  int answered = 0;
  const auto answer = [&](const Outcomes& outcomes, const std::string& reason) {
    ++answered;
    EXPECT_EQ(outcomes.size(), 1u);
    EXPECT_EQ(reason, "why");
  };
  EXPECT_EQ(table.begin({1, 1}, answer, known), Begun::joined);
  EXPECT_EQ(table.begin({1, 1}, answer, known), Begun::joined);
  EXPECT_EQ(answered, 0);
  table.finish({1, 1}, {{Outcome::delivered}}, "why", true);
  EXPECT_EQ(answered, 2);
  EXPECT_EQ(table.remembered(), 1u);  // whether those who joined heard it is not known
}

TEST(ExportTable, ForgetsByNumberRecordsAndAge) {
  Outcomes known;
  const auto end = [&](ExportTable& table, std::uint64_t id, std::size_t records) {
    table.begin({id, 0}, kIgnore, known);
    table.finish({id, 0}, Outcomes(records), "", false);
  };
  ExportTable few(3);
  for (std::uint64_t id = 0; id < 10; ++id) end(few, id, 1);
  EXPECT_EQ(few.remembered(), 3u);
  EXPECT_EQ(few.begin({9, 0}, kIgnore, known), Begun::known);
  EXPECT_EQ(few.begin({0, 0}, kIgnore, known), Begun::fresh);

  ExportTable small(1000, std::chrono::minutes(1), 100);
  for (std::uint64_t id = 0; id < 10; ++id) end(small, id, 40);
  EXPECT_EQ(small.remembered(), 2u);

  ExportTable brief(1000, std::chrono::nanoseconds(0));
  end(brief, 1, 1);
  EXPECT_EQ(brief.begin({1, 0}, kIgnore, known), Begun::fresh);
}

// Random operations against a model that keeps everything.
TEST(ExportTable, BehavesAsItsModel) {
  struct Entry {
    bool in_flight = true;
    int joined = 0;
    Outcomes outcomes;
  };
  for (unsigned seed = 0; seed < 20; ++seed) {
    std::mt19937 random(seed);
    ExportTable table;
    std::map<std::uint64_t, Entry> model;
    int answered = 0, expected_answers = 0;
    for (int step = 0; step < 3000; ++step) {
      const std::uint64_t id = random() % 8;
      const auto at = model.find(id);
      if (random() % 2 == 0) {
        Outcomes known;
        const auto begun = table.begin(
            {id, id}, [&](const Outcomes&, const std::string&) { ++answered; }, known);
        if (at == model.end()) {
          EXPECT_EQ(begun, Begun::fresh) << seed;
          model[id] = {};
        } else if (at->second.in_flight) {
          EXPECT_EQ(begun, Begun::joined) << seed;
          ++at->second.joined;
        } else {
          EXPECT_EQ(begun, Begun::known) << seed;
          ASSERT_EQ(known.size(), at->second.outcomes.size());
          for (std::size_t i = 0; i < known.size(); ++i) {
            EXPECT_EQ(known[i].settled(), at->second.outcomes[i].settled());
          }
          at->second = {};
        }
      } else if (at != model.end() && at->second.in_flight) {
        Outcomes outcomes(1 + random() % 3);
        for (auto& each : outcomes) {
          each.outcome = random() % 2 ? Outcome::delivered : Outcome::failed;
        }
        const bool told = random() % 2;
        table.finish({id, id}, outcomes, "", told);
        expected_answers += at->second.joined;
        if (told && at->second.joined == 0) {
          model.erase(at);
        } else {
          at->second = {false, 0, outcomes};
        }
      }
      EXPECT_EQ(answered, expected_answers) << seed;
    }
  }
}

TEST(ExportTable, AnyThread) {
  ExportTable table(16);
  std::atomic<int> joined{0}, answered{0};
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      std::mt19937 random(t);
      for (int i = 0; i < 3000; ++i) {
        const ExportTable::Key key{random() % 4, 0};
        Outcomes known;
        const auto begun =
            table.begin(key, [&](const Outcomes&, const std::string&) { ++answered; }, known);
        if (begun == Begun::joined) ++joined;
        else table.finish(key, {{Outcome::failed}}, "", false);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(joined, answered);
}

class StoredExports : public testing::Test {
 protected:
  ~StoredExports() override { std::filesystem::remove(file_); }

  const std::string file_ = std::filesystem::temp_directory_path() /
                            ("tollgate-exports-" + std::to_string(::getpid()));
  const Outcomes partly_{{Outcome::delivered}, {Outcome::failed, true}, {Outcome::failed}};
  Outcomes known_;
};

TEST_F(StoredExports, OutliveTheProcess) {
  {
    ExportTable table;
    ASSERT_TRUE(table.keep_in(file_));
    for (std::uint64_t id = 0; id < 4; ++id) {
      table.begin({id, 1}, kIgnore, known_);
      table.finish({id, 1}, partly_, "", id == 0);  // the first sender was told
    }
    table.begin({1, 1}, kIgnore, known_);  // resent, and delivered in the end
    table.finish({1, 1}, Outcomes(3, {Outcome::delivered}), "", true);
    table.begin({2, 1}, kIgnore, known_);  // resent, and in flight when the process dies
  }
  ExportTable next;
  ASSERT_TRUE(next.keep_in(file_));
  EXPECT_EQ(next.remembered(), 2u);
  EXPECT_EQ(next.begin({0, 1}, kIgnore, known_), Begun::fresh);
  EXPECT_EQ(next.begin({1, 1}, kIgnore, known_), Begun::fresh);
  EXPECT_EQ(next.begin({2, 1}, kIgnore, known_), Begun::known);
  EXPECT_EQ(next.begin({3, 1}, kIgnore, known_), Begun::known);
  ASSERT_EQ(known_.size(), 3u);
  EXPECT_EQ(known_[0].outcome, Outcome::delivered);
  EXPECT_TRUE(known_[1].refused);
  EXPECT_FALSE(known_[2].settled());
}

TEST_F(StoredExports, ATornFileGivesWhatIsWhole) {
  {
    ExportTable table;
    ASSERT_TRUE(table.keep_in(file_));
    for (std::uint64_t id = 0; id < 5; ++id) {
      table.begin({id, 1}, kIgnore, known_);
      table.finish({id, 1}, partly_, "", false);
    }
  }
  const auto size = std::filesystem::file_size(file_);
  for (std::uintmax_t cut = size; cut > 0; cut -= 7 < cut ? 7 : cut) {
    std::filesystem::resize_file(file_, cut);
    ExportTable table;
    ASSERT_TRUE(table.keep_in(file_));
    EXPECT_EQ(table.remembered(), cut / (size / 5)) << cut;
    cut = std::filesystem::file_size(file_);
    if (cut == 0) break;
  }
}

TEST_F(StoredExports, TheFileDoesNotGrowForEver) {
  ExportTable table(50);
  ASSERT_TRUE(table.keep_in(file_));
  for (std::uint64_t id = 0; id < 20'000; ++id) {
    table.begin({id, 1}, kIgnore, known_);
    table.finish({id, 1}, Outcomes(1000), "", false);
  }
  EXPECT_LT(std::filesystem::file_size(file_), 16u << 20);
  EXPECT_EQ(table.begin({19'999, 1}, kIgnore, known_), Begun::known);
}

}  // namespace
}  // namespace tollgate
