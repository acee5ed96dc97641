#pragma once

// What the tests of this room share.

#include <gtest/gtest.h>

#include <cstdlib>

#include "journal/faulty_file.h"
#include "journal/journal.h"

namespace tollgate::journal_test {

inline constexpr const char* kDirectory = "j";

/// JOURNAL_LOG=1 shows what the journal says.
inline Logger logger() {
  static const Logger shared = [] {
    if (!std::getenv("JOURNAL_LOG")) return Logger();
    LogOptions options;
    options.to_stderr = true;
    auto opened = Logger::open(options);
    return opened ? *opened : Logger();
  }();
  return shared;
}

inline Journal::Entry entry_of(std::string_view text, std::uint32_t messages = 1) {
  Journal::Entry entry;
  entry.bytes.assign(kRecordHeaderSize, '\0');
  entry.bytes += text;
  entry.messages = messages;
  return entry;
}

inline std::unique_ptr<Journal> open_journal(FileSystem& files, std::uint64_t segment_bytes = 4096,
                                      const std::string& directory = kDirectory) {
  auto journal = Journal::open(files, {directory, segment_bytes}, logger());
  EXPECT_TRUE(journal) << journal.error().message();
  return journal ? std::move(*journal) : nullptr;
}

inline Result<> store(Journal& journal, std::initializer_list<std::string> texts) {
  std::vector<Journal::Entry> group;
  for (const auto& text : texts) group.push_back(entry_of(text));
  TRY(journal.append(std::move(group)));
  return journal.sync();
}

inline std::vector<std::string> drain(Journal& journal, bool settle = false) {
  std::vector<std::string> texts;
  while (true) {
    auto record = journal.next();
    EXPECT_TRUE(record) << record.error().message();
    if (!record || !*record) return texts;
    texts.push_back((*record)->payload);
    if (settle) journal.settle((*record)->sequence);
  }
}

}  // namespace tollgate::journal_test
