#include "journal/progress.h"

#include <algorithm>

#include "journal/format.h"

namespace tollgate {
namespace {

constexpr std::string_view kMagic("\x89TGP\r\n\x1a\n", 8);
constexpr std::size_t kHead = 64;
constexpr std::size_t kTail = 8;  // checksum

struct Slot {
  std::uint64_t generation;
  Progress progress;
};

std::optional<Slot> decode(std::string_view bytes) {
  if (bytes.size() < kHead + kTail || !bytes.starts_with(kMagic)) return std::nullopt;
  const std::size_t size = get_u32(&bytes[12]);
  if (get_u32(&bytes[8]) != kJournalVersion || size < kHead + kTail || size > bytes.size() ||
      get_u64(&bytes[size - kTail]) != checksum(bytes.substr(0, size - kTail), 0)) {
    return std::nullopt;
  }
  bytes = bytes.substr(0, size - kTail);
  Slot slot{get_u64(&bytes[16]), {}};
  Progress& progress = slot.progress;
  progress.journal = get_u64(&bytes[24]);
  progress.next_sequence = get_u64(&bytes[32]);
  progress.synced_segment = get_u64(&bytes[40]);
  progress.synced_offset = get_u64(&bytes[48]);
  std::size_t at = kHead;
  for (std::uint32_t i = get_u32(&bytes[56]); i > 0; --i, at += 16) {
    if (bytes.size() - at < 16) return std::nullopt;
    const auto first = get_u64(&bytes[at]), last = get_u64(&bytes[at + 8]);
    if (first > last) return std::nullopt;
    progress.settled.add(first, last);
  }
  for (std::uint32_t i = get_u32(&bytes[60]); i > 0; --i) {
    if (bytes.size() - at < 12) return std::nullopt;
    const auto sequence = get_u64(&bytes[at]);
    const std::size_t messages = get_u32(&bytes[at + 8]);
    at += 12;
    if (bytes.size() - at < (messages + 7) / 8) return std::nullopt;
    std::vector<bool> settled(messages);
    for (std::size_t bit = 0; bit < messages; ++bit) {
      settled[bit] = (static_cast<unsigned char>(bytes[at + bit / 8]) >> (bit % 8)) & 1;
    }
    at += (messages + 7) / 8;
    progress.partly.emplace(sequence, std::move(settled));
  }
  return slot;
}

void append_u64(std::string& out, std::uint64_t value) {
  out.resize(out.size() + 8);
  put_u64(&out[out.size() - 8], value);
}

}  // namespace

void SequenceSet::add(std::uint64_t first, std::uint64_t last) {
  auto next = ranges_.upper_bound(first);
  if (next != ranges_.begin()) {
    const auto before = std::prev(next);
    if (before->second + 1 >= first) {
      first = before->first;
      last = std::max(last, before->second);
      next = ranges_.erase(before);
    }
  }
  while (next != ranges_.end() && next->first <= last + 1) {
    last = std::max(last, next->second);
    next = ranges_.erase(next);
  }
  ranges_.emplace_hint(next, first, last);
}

bool SequenceSet::contains(std::uint64_t sequence) const {
  const auto next = ranges_.upper_bound(sequence);
  return next != ranges_.begin() && std::prev(next)->second >= sequence;
}

void SequenceSet::remove_below(std::uint64_t sequence) {
  while (!ranges_.empty() && ranges_.begin()->first < sequence) {
    const auto last = ranges_.begin()->second;
    ranges_.erase(ranges_.begin());
    if (last >= sequence) ranges_.emplace(sequence, last);
  }
}

std::string encode(const Progress& progress, std::uint64_t generation) {
  std::string out(kHead, '\0');
  const auto room = [&out](std::size_t more) {
    return out.size() + more + kTail <= ProgressFile::kSlotSize;
  };
  std::ranges::copy(kMagic, out.begin());
  put_u32(&out[8], kJournalVersion);
  put_u64(&out[16], generation);
  put_u64(&out[24], progress.journal);
  put_u64(&out[32], progress.next_sequence);
  put_u64(&out[40], progress.synced_segment);
  put_u64(&out[48], progress.synced_offset);
  std::uint32_t ranges = 0, partly = 0;
  for (const auto& [first, last] : progress.settled.ranges()) {
    if (!room(16)) break;
    append_u64(out, first);
    append_u64(out, last);
    ++ranges;
  }
  for (const auto& [sequence, settled] : progress.partly) {
    const std::size_t bytes = (settled.size() + 7) / 8;
    if (!room(12 + bytes)) continue;
    append_u64(out, sequence);
    out.resize(out.size() + 4 + bytes);
    char* bits = &out[out.size() - bytes];
    put_u32(bits - 4, static_cast<std::uint32_t>(settled.size()));
    for (std::size_t bit = 0; bit < settled.size(); ++bit) {
      if (settled[bit]) bits[bit / 8] = static_cast<char>(bits[bit / 8] | (1 << (bit % 8)));
    }
    ++partly;
  }
  put_u32(&out[12], static_cast<std::uint32_t>(out.size() + kTail));
  put_u32(&out[56], ranges);
  put_u32(&out[60], partly);
  append_u64(out, checksum(out, 0));
  return out;
}

Result<std::optional<Progress>> ProgressFile::load(bool& damaged) {
  damaged = false;
  const auto names = TRY(files_.list(directory_));
  if (std::ranges::find(names, "progress") == names.end()) return std::optional<Progress>();
  auto file = TRY(files_.open(path_, FileSystem::Open::read));
  std::string bytes(2 * kSlotSize, '\0');
  bytes.resize(TRY(file->read_at(0, bytes.data(), bytes.size())));
  std::optional<Slot> newest;
  for (std::size_t slot = 0; slot < 2; ++slot) {
    if (bytes.size() < slot * kSlotSize) break;
    auto found = decode(std::string_view(bytes).substr(slot * kSlotSize, kSlotSize));
    if (found && (!newest || found->generation > newest->generation)) newest = std::move(found);
  }
  if (!newest) {
    // With zeros in one slot this is a file whose first save never ended.
    const auto used = [&](std::size_t slot) {
      return bytes.size() > slot * kSlotSize &&
             std::string_view(bytes).substr(slot * kSlotSize, kSlotSize).find_first_not_of('\0') !=
                 bytes.npos;
    };
    damaged = used(0) && used(1);
    return std::optional<Progress>();
  }
  generation_ = newest->generation;
  return std::optional(std::move(newest->progress));
}

// The blocks are claimed now, so that a disk that fills up later does not stop the journal from
// making room.
Result<> ProgressFile::create() {
  const auto names = TRY(files_.list(directory_));
  const bool exists = std::ranges::find(names, "progress") != names.end();
  auto file =
      TRY(files_.open(path_, exists ? FileSystem::Open::read_write : FileSystem::Open::create));
  const auto size = TRY(file->size());
  if (size < 2 * kSlotSize) {
    const std::string zeros(2 * kSlotSize - size, '\0');
    const std::string_view part = zeros;
    TRY(file->write_at(size, {&part, 1}));
    TRY(file->sync());
  }
  TRY(files_.sync_directory(directory_));
  file_ = std::move(file);
  return {};
}

Result<> ProgressFile::save(const Progress& progress) {
  if (!file_) TRY(create());
  // After a failure the same slot is written again: the other one is the good one.
  const std::uint64_t generation = generation_ + 1;
  const std::string bytes = encode(progress, generation);
  const std::string_view part = bytes;
  TRY(file_->write_at((generation % 2) * kSlotSize, {&part, 1}));
  TRY(file_->sync());
  generation_ = generation;
  return {};
}

}  // namespace tollgate
