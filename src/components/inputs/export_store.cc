#include "components/inputs/export_store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>
#include <zlib.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>

namespace tollgate {

namespace {

enum class Record : char { ended = 1, forgotten = 2 };

constexpr std::size_t kHead = 8;                  // size and checksum
constexpr std::size_t kFixed = 1 + 8 + 8 + 8;     // kind, key, seconds
constexpr std::size_t kLargest = std::size_t{16} << 20;
constexpr unsigned char kRefused = 16;

template <typename Number>
void put(std::string& out, Number number) {
  out.append(reinterpret_cast<const char*>(&number), sizeof number);
}

template <typename Number>
Number get(std::string_view bytes, std::size_t at) {
  Number number;
  std::memcpy(&number, bytes.data() + at, sizeof number);
  return number;
}

std::uint32_t checksum(std::string_view bytes) {
  return static_cast<std::uint32_t>(::crc32(0, reinterpret_cast<const Bytef*>(bytes.data()),
                                            static_cast<uInt>(bytes.size())));
}

std::string encode(Record kind, const ExportStore::Entry& entry) {
  std::string body;
  put(body, static_cast<char>(kind));
  put(body, entry.key.first);
  put(body, entry.key.second);
  put(body, entry.seconds);
  for (const RecordOutcome& each : entry.outcomes) {
    body += static_cast<char>(static_cast<unsigned char>(each.outcome) |
                              (each.refused ? kRefused : 0));
  }
  std::string record;
  put(record, static_cast<std::uint32_t>(body.size()));
  put(record, checksum(body));
  return record + body;
}

/// The body of the record at `at`; nothing where no whole one is.
std::optional<std::string_view> body_at(std::string_view file, std::size_t at) {
  if (file.size() - at < kHead) return std::nullopt;
  const auto size = get<std::uint32_t>(file, at);
  if (size < kFixed || size > kLargest || file.size() - at - kHead < size) return std::nullopt;
  const auto body = file.substr(at + kHead, size);
  if (checksum(body) != get<std::uint32_t>(file, at + 4)) return std::nullopt;
  return body;
}

std::optional<ExportStore::Entry> decode(std::string_view body) {
  ExportStore::Entry entry;
  entry.key = {get<std::uint64_t>(body, 1), get<std::uint64_t>(body, 9)};
  entry.seconds = get<std::int64_t>(body, 17);
  for (const char byte : body.substr(kFixed)) {
    const auto bits = static_cast<unsigned char>(byte);
    if ((bits & ~kRefused) >= kOutcomes) return std::nullopt;
    entry.outcomes.push_back({static_cast<Outcome>(bits & ~kRefused), (bits & kRefused) != 0});
  }
  return entry;
}

std::int64_t now_seconds() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace

Result<std::unique_ptr<ExportStore>> ExportStore::open(const std::string& path,
                                                       std::chrono::nanoseconds lifetime,
                                                       const std::function<void(Entry)>& found) {
  std::ifstream in(path, std::ios::binary);
  const std::string file{std::istreambuf_iterator<char>(in), {}};
  const auto oldest =
      now_seconds() - std::chrono::duration_cast<std::chrono::seconds>(lifetime).count();
  std::multimap<std::int64_t, Entry> by_age;
  std::map<Key, std::multimap<std::int64_t, Entry>::iterator> by_key;
  std::size_t at = 0;
  while (const auto body = body_at(file, at)) {
    at += kHead + body->size();
    auto entry = decode(*body);
    if (!entry) break;
    if (const auto before = by_key.find(entry->key); before != by_key.end()) {
      by_age.erase(before->second);
      by_key.erase(before);
    }
    if (static_cast<Record>(body->front()) != Record::ended || entry->seconds < oldest) continue;
    const auto key = entry->key;
    by_key[key] = by_age.emplace(entry->seconds, std::move(*entry));
  }
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (descriptor < 0) {
    return invalid(fmt::format("exports {}: open: {}", path, std::strerror(errno)));
  }
  std::unique_ptr<ExportStore> store(new ExportStore(path, descriptor));
  std::vector<Entry> alive;
  for (auto& [seconds, entry] : by_age) alive.push_back(std::move(entry));
  store->rewrite(alive);
  for (Entry& entry : alive) found(std::move(entry));
  return store;
}

ExportStore::~ExportStore() { ::close(descriptor_); }

void ExportStore::ended(const Key& key, const Outcomes& outcomes, bool replaces) {
  const std::string record = encode(Record::ended, {key, now_seconds(), outcomes});
  append(record);
  if (replaces) dead_ += record.size();
}

void ExportStore::forgotten(const Key& key, std::size_t records) {
  const std::string record = encode(Record::forgotten, {key, now_seconds(), {}});
  append(record);
  dead_ += record.size() * 2 + records;
}

void ExportStore::append(std::string_view record) {
  bytes_ += record.size();
  if (::write(descriptor_, record.data(), record.size()) < 0) dead_ += record.size();
}

void ExportStore::rewrite(const std::vector<Entry>& alive) {
  const std::string fresh = path_ + ".new";
  const int descriptor = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC,
                                0600);
  if (descriptor < 0) return;
  std::string all;
  for (const Entry& entry : alive) all += encode(Record::ended, entry);
  const auto written = ::write(descriptor, all.data(), all.size());
  if (written != static_cast<ssize_t>(all.size()) || ::rename(fresh.c_str(), path_.c_str()) != 0) {
    ::close(descriptor);
    return;
  }
  ::close(std::exchange(descriptor_, descriptor));
  bytes_ = all.size();
  dead_ = 0;
}

}  // namespace tollgate
