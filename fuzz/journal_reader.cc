// A journal whose one segment holds any bytes: it opens or says why not, gives each record once, and
// takes new ones that come back after it was closed.

#include <cstdint>
#include <set>
#include <string>

#include "check.h"
#include "journal/faulty_file.h"
#include "journal/journal.h"
#include "journal/segments.h"

namespace {

using namespace tollgate;

constexpr const char* directory = "j";
constexpr std::string_view own_payload = "a record of this run";

/// The payloads that a journal gives.
std::multiset<std::string> read_all(Journal& journal) {
  std::multiset<std::string> payloads;
  std::set<std::uint64_t> sequences;
  for (int count = 0; count < 100'000; ++count) {
    auto record = journal.next();
    fuzz::require(record.has_value(), "memory that cannot be read");
    if (!*record) break;
    fuzz::require(sequences.insert((*record)->sequence).second, "a record twice");
    payloads.insert(std::move((*record)->payload));
  }
  return payloads;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FaultyFileSystem files(1);
  std::string bytes(reinterpret_cast<const char*>(data), size);
  // Headers and records with checksums that fit are not found by chance.
  if (size > 0 && (data[0] & 1) != 0) {
    std::string segment = encode(SegmentHeader{1, 1, 7, 0, 0});
    std::string record(kRecordHeaderSize, '\0');
    record += bytes.substr(1, data[0] >> 1);
    seal_record(record, {static_cast<std::uint32_t>(record.size() - kRecordHeaderSize), 1, 64, 1}, 7);
    segment += record;
    const std::size_t behind = std::min<std::size_t>(1 + (data[0] >> 1), size);
    // The rest lies over the end of that record or behind it.
    const std::size_t over = size > behind ? std::size_t{data[behind]} % 64 : 0;
    segment.resize(segment.size() - std::min(over, segment.size()));
    bytes = segment + bytes.substr(std::min(behind + 1, size));
  }
  fuzz::require(files.make_directories(directory).has_value(), "no directory");
  files.set_contents(std::string(directory) + "/" + segment_name(1), bytes);
  std::multiset<std::string> before;
  {
    auto journal = Journal::open(files, {directory, 4096}, Logger());
    if (!journal) {
      fuzz::require(!journal.error().message().empty(), "an error without words");
      return 0;
    }
    before = read_all(**journal);
    Journal::Entry entry;
    entry.bytes.assign(kRecordHeaderSize, '\0');
    entry.bytes += own_payload;
    entry.messages = 1;
    std::vector<Journal::Entry> group;
    group.push_back(std::move(entry));
    fuzz::require((*journal)->append(std::move(group)).has_value(), "cannot append");
    fuzz::require((*journal)->sync().has_value(), "cannot sync");
  }
  files.restart();
  auto journal = Journal::open(files, {directory, 4096}, Logger());
  fuzz::require(journal.has_value(), "opened once and not again");
  before.insert(std::string(own_payload));
  fuzz::require(read_all(**journal) == before, "another run gives other records");
  return 0;
}
