// Long because the model test needs the whole of the faulty file system's operations in one place.
#include "journal/journal.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>

#include "journal/faulty_file.h"
#include "journal/report.h"
#include "journal/segments.h"
#include "journal/test_support.h"

namespace tollgate {
namespace {

using namespace journal_test;

// The ordinary life ---------------------------------------------------------------------------------

TEST(JournalTest, GivesWhatWasNotSettled) {
  FaultyFileSystem files(1);
  {
    auto journal = open_journal(files);
    ASSERT_TRUE(store(*journal, {"a", "b"}));
    ASSERT_TRUE(store(*journal, {"c"}));
    auto a = journal->next();
    EXPECT_EQ((*a)->payload, "a");
    EXPECT_THAT(drain(*journal), testing::ElementsAre("b", "c"));
    EXPECT_TRUE(journal->settle((*a)->sequence));
    EXPECT_EQ(journal->figures().outstanding, 2u);
    EXPECT_TRUE(journal->save_progress());
  }
  auto journal = open_journal(files);
  EXPECT_THAT(drain(*journal), testing::ElementsAre("b", "c"));
}

TEST(JournalTest, RemembersParts) {
  FaultyFileSystem files(1);
  std::uint64_t sequence = 0;
  {
    auto journal = open_journal(files);
    std::vector<Journal::Entry> group;
    group.push_back(entry_of("three", 3));
    ASSERT_TRUE(journal->append(std::move(group)));
    ASSERT_TRUE(journal->sync());
    sequence = (*journal->next())->sequence;
    EXPECT_FALSE(journal->settle(sequence, std::vector<std::uint32_t>{1}));
    EXPECT_TRUE(journal->save_progress());
  }
  auto journal = open_journal(files);
  const auto record = *journal->next();
  EXPECT_EQ(record->sequence, sequence);
  EXPECT_THAT(record->settled, testing::ElementsAre(false, true, false));
  EXPECT_FALSE(journal->settle(sequence, std::vector<std::uint32_t>{1, 2}));
  EXPECT_TRUE(journal->settle(sequence, std::vector<std::uint32_t>{0}));
}

TEST(JournalTest, RemovesSettledSegments) {
  FaultyFileSystem files(1);
  auto journal = open_journal(files, 256);
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(store(*journal, {std::string(100, 'x')}));
  EXPECT_GT(journal->figures().segments, 5u);
  EXPECT_EQ(drain(*journal, true).size(), 20u);
  journal->end_segment();
  EXPECT_TRUE(drain(*journal).empty());
  EXPECT_TRUE(journal->save_progress());
  EXPECT_EQ(journal->figures().segments, 0u);
  ASSERT_TRUE(store(*journal, {"later"}));
  journal.reset();
  EXPECT_THAT(drain(*open_journal(files, 256)), testing::ElementsAre("later"));
}

TEST(JournalTest, IsLocked) {
  FaultyFileSystem files(1);
  auto journal = open_journal(files);
  EXPECT_FALSE(Journal::open(files, {kDirectory, 4096}, logger()));
  journal.reset();
  EXPECT_TRUE(Journal::open(files, {kDirectory, 4096}, logger()));
}

TEST(JournalTest, KeepsAndReadsWithAFullDisk) {
  FaultyFileSystem files(1);
  auto journal = open_journal(files, 512);
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(store(*journal, {std::string(90, 'x')}));
  files.set_capacity(0);
  EXPECT_FALSE(store(*journal, {"refused"}));
  journal->discard();
  EXPECT_EQ(drain(*journal, true).size(), 10u);
  journal->end_segment();
  EXPECT_TRUE(drain(*journal).empty());
  EXPECT_TRUE(journal->save_progress()) << "progress needs no new space";
  EXPECT_EQ(journal->figures().segments, 0u);
  files.set_capacity(FaultyFileSystem::kNever);
  ASSERT_TRUE(store(*journal, {"taken"}));
  EXPECT_THAT(drain(*journal), testing::ElementsAre("taken"));
}

TEST(JournalTest, WritesAgainAfterAFailedSync) {
  FaultyFileSystem files(7);
  auto journal = open_journal(files);
  ASSERT_TRUE(store(*journal, {"a"}));
  std::vector<Journal::Entry> group;
  group.push_back(entry_of("b"));
  ASSERT_TRUE(journal->append(std::move(group)));
  files.fail_at_random(0, 1);
  EXPECT_FALSE(journal->sync());
  files.fail_at_random(0, 0);
  EXPECT_TRUE(journal->sync());
  EXPECT_THAT(drain(*journal), testing::ElementsAre("a", "b"));
  files.power_cut();
  journal.reset();
  EXPECT_THAT(drain(*open_journal(files)), testing::ElementsAre("a", "b"));
}

// The system shows a file cut whose cut never reached the disk; the segment that says where it ends
// may be gone by the time that a power cut brings the bytes back.
TEST(JournalTest, WhatWasDiscardedDoesNotComeBack) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(seed);
    FaultyFileSystem files(seed);
    {
      auto journal = open_journal(files);
      ASSERT_TRUE(store(*journal, {"kept"}));
      std::vector<Journal::Entry> group;
      group.push_back(entry_of("discarded"));
      ASSERT_TRUE(journal->append(std::move(group)));
      files.fail_at_random(0, 1);
      EXPECT_FALSE(journal->sync());
      files.fail_at_random(0, 0);
      journal->discard();
      ASSERT_TRUE(store(*journal, {"later"}));
    }
    files.restart();
    {
      auto journal = open_journal(files);
      ASSERT_EQ((*journal->next())->payload, "kept");
      const auto later = *journal->next();
      ASSERT_EQ(later->payload, "later");
      journal->settle(later->sequence);
      EXPECT_FALSE(*journal->next());
      ASSERT_TRUE(journal->save_progress());
    }
    files.power_cut();
    EXPECT_THAT(drain(*open_journal(files)), testing::ElementsAre("kept"));
  }
}

// Against a model -----------------------------------------------------------------------------------

/// Does what a collector would do, remembers what must hold, and checks it at every step.
class Model {
 public:
  Model(std::uint64_t seed, bool faults) : files(seed), random_(seed), faults_(faults) {}

  FaultyFileSystem files;

  /// Opens the journal; until it works, the machine has no faults.
  void open() {
    files.fail_at_random(0, 0);
    files.set_capacity(FaultyFileSystem::kNever);
    journal_ = open_journal(files, 300);
    for (auto& [id, record] : records_) record.given = false;
    last_given_ = -1;
    ASSERT_TRUE(journal_);
  }

  /// The process ends, in one way or another; what it was doing is undecided.
  void crash(bool power) {
    power ? files.power_cut() : files.restart();
    journal_.reset();
    for (auto& [id, record] : records_) {
      if (record.state == State::pending || record.state == State::refused) {
        record.state = State::undecided;
      }
    }
    sequences_.clear();
  }

  void append() {
    std::vector<Journal::Entry> group;
    std::vector<int> ids;
    for (auto count = random(3) + 1; count > 0; --count) {
      const int id = next_id_++;
      const auto messages = static_cast<std::uint32_t>(random(4) + 1);
      records_[id] = {State::pending, messages, {}, {}, false};
      group.push_back(entry_of(text_of(id), messages));
      ids.push_back(id);
    }
    if (!journal_->append(std::move(group))) {
      for (const int id : ids) records_[id].state = State::refused;
    }
    sync();
  }

  void sync() {
    const bool any = std::ranges::any_of(
        records_, [](const auto& each) { return each.second.state == State::pending; });
    if (journal_->sync()) {
      for (auto& [id, record] : records_) {
        if (record.state == State::pending) record.state = State::stored;
        // Its place in the file is taken now.
        if (any && record.state == State::refused) record.state = State::gone;
      }
    } else if (random(2) == 0) {
      journal_->discard();
      for (auto& [id, record] : records_) {
        if (record.state == State::pending) record.state = State::refused;
      }
    }
  }

  /// False at the end of what there is.
  bool read() {
    auto next = journal_->next();
    if (!next) return false;
    if (!*next) {
      check_all_given();
      return false;
    }
    const Journal::Record& given = **next;
    const int id = std::atoi(given.payload.c_str());
    EXPECT_EQ(given.payload, text_of(id));
    Known& record = records_.at(id);
    EXPECT_TRUE(record.state == State::stored || record.state == State::undecided) << id;
    EXPECT_FALSE(record.given) << id;
    EXPECT_GT(id, last_given_);
    last_given_ = id;
    EXPECT_LT(record.saved.size(), record.messages) << id << " was settled for good";
    EXPECT_EQ(given.messages, record.messages);
    std::set<std::uint32_t> settled;
    for (std::uint32_t i = 0; i < given.settled.size(); ++i) {
      if (given.settled[i]) settled.insert(i);
    }
    EXPECT_TRUE(std::ranges::includes(record.settled, settled)) << id;
    EXPECT_TRUE(std::ranges::includes(settled, record.saved)) << id;
    record.settled = settled;
    record.given = true;
    record.state = State::stored;
    sequences_[id] = given.sequence;
    return true;
  }

  void settle() {
    if (sequences_.empty()) return;
    auto chosen = std::next(sequences_.begin(), static_cast<std::ptrdiff_t>(random(sequences_.size())));
    Known& record = records_.at(chosen->first);
    std::vector<std::uint32_t> messages;
    if (random(2) == 0) messages.push_back(static_cast<std::uint32_t>(random(record.messages)));
    const bool whole = journal_->settle(chosen->second, messages);
    for (const auto message : messages) record.settled.insert(message);
    for (std::uint32_t i = 0; messages.empty() && i < record.messages; ++i) record.settled.insert(i);
    EXPECT_EQ(whole, record.settled.size() == record.messages);
    if (whole) sequences_.erase(chosen);
  }

  void save() {
    if (!journal_->save_progress()) return;
    for (auto& [id, record] : records_) {
      if (record.given) record.saved = record.settled;
      if (record.state == State::refused) record.state = State::gone;
    }
  }

  void step() {
    if (faults_ && random(40) == 0) {
      files.fail_at_random(random(3) == 0 ? 0.2 : 0, random(3) == 0 ? 0.3 : 0,
                           random(3) == 0 ? 0.3 : 0);
      files.set_capacity(random(4) == 0 ? 150'000 + random(2000) : FaultyFileSystem::kNever);
    }
    switch (random(12)) {
      case 0: case 1: case 2: case 3: append(); return;
      case 4: case 5: case 6: read(); return;
      case 7: case 8: case 9: settle(); return;
      case 10: save(); return;
      default: if (random(4) == 0) journal_->end_segment();
    }
  }

  void check_all_given() const {
    for (const auto& [id, record] : records_) {
      if (record.state == State::stored && record.settled.size() < record.messages) {
        EXPECT_TRUE(record.given) << id << " is lost";
      }
    }
  }

  /// After an open(): everything owed comes, and once it is settled nothing comes any more.
  void finish() {
    while (read()) {
    }
    EXPECT_EQ(journal_->figures().damaged_records, 0u);
    while (!sequences_.empty()) settle();
    journal_->end_segment();
    EXPECT_FALSE(read());
    save();
    EXPECT_EQ(journal_->figures().segments, 0u);
  }

  std::uint64_t random(std::uint64_t below) { return random_() % below; }

 private:
  enum class State { pending, stored, refused, gone, undecided };
  struct Known {
    State state;
    std::uint32_t messages;
    std::set<std::uint32_t> settled, saved;
    bool given;  // since the last open
  };

  static std::string text_of(int id) {
    return std::to_string(id) + ":" + std::string(static_cast<std::size_t>(id * 7 % 60), 'p');
  }

  std::mt19937_64 random_;
  const bool faults_;
  std::unique_ptr<Journal> journal_;
  std::map<int, Known> records_;
  std::map<int, std::uint64_t> sequences_;  // given and not settled
  int next_id_ = 0, last_given_ = -1;
};

std::uint64_t seed_from_environment() {
  const char* text = std::getenv("JOURNAL_SEED");
  return text ? std::strtoull(text, nullptr, 10) : 0;
}

// JOURNAL_SEED=n repeats one run; JOURNAL_RUNS=n makes more of them.
TEST(JournalModelTest, KeepsItsPromises) {
  const char* more = std::getenv("JOURNAL_RUNS");
  const std::uint64_t runs = more ? std::strtoull(more, nullptr, 10) : 400;
  const std::uint64_t only = seed_from_environment();
  for (std::uint64_t seed = only ? only : 1; seed <= (only ? only : runs); ++seed) {
    SCOPED_TRACE("JOURNAL_SEED=" + std::to_string(seed));
    Model model(seed, true);
    for (int life = 0; life < 6; ++life) {
      model.open();
      if (testing::Test::HasFailure()) return;
      if (model.random(2) == 0) model.files.die_after(model.random(6000));
      for (int i = 0; i < 60 && !model.files.dead(); ++i) model.step();
      model.crash(model.random(2) == 0);
      if (testing::Test::HasFailure()) return;
    }
    model.open();
    model.finish();
    if (testing::Test::HasFailure()) return;
  }
}

// The same short life, ended at each byte that it writes and each other step that it takes.
TEST(JournalModelTest, EndsAtEveryByte) {
  const auto live = [](Model& model) {
    for (int i = 0; i < 3; ++i) model.append();
    for (int i = 0; i < 4; ++i) model.read();
    for (int i = 0; i < 4; ++i) model.settle();
    model.save();
    for (int i = 0; i < 3; ++i) model.append();
    for (int i = 0; i < 3; ++i) model.settle();
    model.save();
    model.append();
  };
  Model whole(3, false);
  whole.open();
  live(whole);
  const std::uint64_t steps = whole.files.steps();
  ASSERT_GT(steps, 500u);
  for (std::uint64_t at = 0; at <= steps; ++at) {
    for (const bool power : {false, true}) {
      SCOPED_TRACE("ended after step " + std::to_string(at) + (power ? " by a power cut" : ""));
      Model model(3, false);
      model.open();
      model.files.die_after(at);
      live(model);
      model.crash(power);
      model.open();
      model.append();
      model.crash(power);
      model.open();
      model.finish();
      if (testing::Test::HasFailure()) return;
    }
  }
}

// Damage --------------------------------------------------------------------------------------------

struct Written {
  FaultyFileSystem files{5};
  std::map<std::string, std::string> contents;  // of segments, by path
  std::vector<std::string> texts;
};

std::unique_ptr<Written> write_some() {
  auto written = std::make_unique<Written>();
  auto journal = open_journal(written->files, 250);
  for (int i = 0; i < 12; ++i) {
    written->texts.push_back("record " + std::to_string(i) + std::string(static_cast<std::size_t>(i), '.'));
    EXPECT_TRUE(store(*journal, {written->texts.back()}));
  }
  EXPECT_TRUE(journal->save_progress());
  const auto names = written->files.list(kDirectory);
  for (const auto& name : *names) {
    const std::string path = std::string(kDirectory) + "/" + name;
    if (segment_number(name)) written->contents[path] = written->files.contents(path);
  }
  return written;
}

TEST(JournalDamageTest, OneByteCostsAtMostOneRecord) {
  const auto written = write_some();
  ASSERT_GE(written->contents.size(), 3u);
  for (const auto& [path, contents] : written->contents) {
    for (std::size_t at = 0; at < contents.size(); ++at) {
      SCOPED_TRACE(path + " at " + std::to_string(at));
      std::string damaged = contents;
      damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
      written->files.set_contents(path, damaged);
      auto journal = open_journal(written->files, 250);
      ASSERT_TRUE(journal);
      const auto texts = drain(*journal);
      const bool in_header = at < kSegmentHeaderSize;
      ASSERT_EQ(texts.size(), written->texts.size() - (in_header ? 0 : 1));
      ASSERT_TRUE(std::ranges::includes(written->texts, texts, [](const auto& a, const auto& b) {
        return a.size() < b.size();
      }));
      if (!in_header) {
        ASSERT_EQ(journal->figures().damaged_records, 1u);
      }
      const auto report = examine_journal(written->files, kDirectory);
      ASSERT_TRUE(report);
      ASSERT_EQ(report->damage.size(), 1u);
      written->files.set_contents(path, contents);
    }
  }
}

// Nothing but their place in the file tells that records of the last write were confirmed.
TEST(JournalDamageTest, OfTheLastWriteTheOtherRecordsAreKept) {
  FaultyFileSystem files(3);
  {
    auto journal = open_journal(files, 100'000);
    ASSERT_TRUE(store(*journal, {"first"}));
    ASSERT_TRUE(store(*journal, {"a", "b", "c"}));
  }
  const std::string path = std::string(kDirectory) + "/00000000000000000001.segment";
  const std::string contents = files.contents(path);
  const std::size_t record = kRecordHeaderSize + 1, group = contents.size() - 3 * record;
  for (std::size_t at = group; at < contents.size(); ++at) {
    SCOPED_TRACE(at);
    std::string damaged = contents;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    files.set_contents(path, damaged);
    std::vector<std::string> left{"first", "a", "b", "c"};
    left.erase(left.begin() + 1 + static_cast<std::ptrdiff_t>((at - group) / record));
    for (int life = 0; life < 2; ++life) {
      EXPECT_EQ(drain(*open_journal(files, 100'000)), left);
    }
  }
}

TEST(JournalDamageTest, IsSetAsideNotRemoved) {
  const auto written = write_some();
  const auto& [path, contents] = *written->contents.begin();
  std::string damaged = contents;
  damaged[kSegmentHeaderSize + kRecordHeaderSize] = '#';
  written->files.set_contents(path, damaged);
  auto journal = open_journal(written->files, 250);
  EXPECT_EQ(drain(*journal, true).size(), 11u);
  ASSERT_TRUE(journal->save_progress());
  EXPECT_EQ(written->files.contents(path), "");
  EXPECT_EQ(written->files.contents(path + ".damaged"), damaged);
}

TEST(JournalDamageTest, SurvivesGarbage) {
  std::mt19937_64 random(11);
  for (int round = 0; round < 300; ++round) {
    SCOPED_TRACE(round);
    const auto written = write_some();
    const auto names = written->files.list(kDirectory);
    for (int changes = 0; changes < 4; ++changes) {
      const std::string path = std::string(kDirectory) + "/" + (*names)[random() % names->size()];
      std::string contents = written->files.contents(path);
      if (contents.empty()) continue;
      const auto from = random() % std::min<std::size_t>(contents.size(), 600);
      switch (random() % 3) {
        case 0: contents.resize(from); break;
        case 1: contents.insert(from, std::string(random() % 40, '\xa7')); break;
        default:
          for (auto i = from; i < std::min(contents.size(), from + 20); ++i) {
            contents[i] = static_cast<char>(random());
          }
      }
      written->files.set_contents(path, contents);
    }
    auto opened = Journal::open(written->files, {kDirectory, 250}, logger());
    ASSERT_TRUE(opened) << opened.error().message();
    for (const auto& text : drain(**opened, true)) {
      EXPECT_THAT(written->texts, testing::Contains(text));
    }
    ASSERT_TRUE(store(**opened, {"new"}));
    EXPECT_THAT(drain(**opened), testing::ElementsAre("new"));
    EXPECT_TRUE(examine_journal(written->files, kDirectory));
  }
}

struct TemporaryDirectory {
  TemporaryDirectory() {
    char name[] = "/tmp/tollgate_journal_XXXXXX";
    path = ::mkdtemp(name);
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path); }
  std::string path;
};

TEST(JournalTest, WorksOnARealDisk) {
  TemporaryDirectory directory;
  {
    auto journal = open_journal(posix_file_system(), 1000, directory.path);
    EXPECT_FALSE(Journal::open(posix_file_system(), {directory.path, 1000}, logger()));
    for (int i = 0; i < 10; ++i) ASSERT_TRUE(store(*journal, {std::string(200, 'x'), "y"}));
    EXPECT_EQ((*journal->next())->payload.size(), 200u);
    EXPECT_TRUE(journal->settle(1));
    EXPECT_TRUE(journal->save_progress());
  }
  auto journal = open_journal(posix_file_system(), 1000, directory.path);
  EXPECT_EQ(drain(*journal, true).size(), 19u);
  EXPECT_TRUE(journal->save_progress());
  EXPECT_EQ(journal->figures().segments, 0u);
  for (const auto& file : std::filesystem::directory_iterator(directory.path)) {
    EXPECT_EQ(file.status().permissions(),
              std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  }
}

}  // namespace
}  // namespace tollgate
