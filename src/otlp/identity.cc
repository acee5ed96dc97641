#include "otlp/identity.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <initializer_list>
#include <string>

namespace tollgate {

namespace {

/// Set apart from every other use of the hash; changing it would change every id.
constexpr std::string_view kProductSalt = "tollgate record identity 1";

constexpr std::uint64_t kNanosPerMilli = 1'000'000;

/// How many are hashed at a time: their bytes are still near from decoding.
constexpr std::size_t kStride = 64;

constexpr std::size_t kMostKept = 4096;

/// The newest hash of one kind: of one export after the other, resource and scope are mostly the same.
struct Newest {
  std::string text;
  Blake3Words digest{};
};

/// The hash of `before` and of the parts. A length before each keeps ("ab","c") and ("a","bc") apart.
Blake3Words digest_of(Newest& newest, std::span<const std::uint32_t> before,
                      std::initializer_list<std::string_view> parts) {
  std::string text(reinterpret_cast<const char*>(before.data()), before.size_bytes());
  for (const std::string_view part : parts) {
    const std::uint64_t size = part.size();
    text.append(reinterpret_cast<const char*>(&size), sizeof size).append(part);
  }
  if (text == newest.text) return newest.digest;
  const Blake3Words digest = blake3(text);
  if (text.size() <= kMostKept) newest = {std::move(text), digest};
  return digest;
}

thread_local Newest newest_salted, newest_resource, newest_scope;

}  // namespace

RecordIdentity::RecordIdentity(const IdentityOptions& options)
    : derived_(options.derived),
      salted_(digest_of(newest_salted, {}, {kProductSalt, options.salt, options.key})) {}

void RecordIdentity::begin_resource(std::string_view resource, std::string_view schema_url) {
  if (derived_) with_resource_ = digest_of(newest_resource, salted_, {resource, schema_url});
}

void RecordIdentity::begin_scope(std::string_view scope, std::string_view schema_url) {
  if (derived_) with_scope_ = digest_of(newest_scope, with_resource_, {scope, schema_url});
}

bool RecordIdentity::is_distinct(std::uint64_t time, std::uint64_t observed_time) {
  return time % kNanosPerMilli != 0 || observed_time % kNanosPerMilli != 0;
}

std::uint32_t RecordIdentity::identify(std::span<const Record> records,
                                       std::span<Message> messages) {
  std::uint32_t not_derived = 0;
  std::string_view texts[kStride];
  Message* targets[kStride];
  Blake3Words digests[kStride];
  for (std::size_t from = 0; from < records.size(); from += kStride) {
    std::size_t count = 0;
    for (std::size_t i = from; i < std::min(from + kStride, records.size()); ++i) {
      if (derived_ && records[i].distinct) {
        texts[count] = records[i].wire;
        targets[count++] = &messages[i];
      } else {
        messages[i].identity = Identity::random();
        ++not_derived;
      }
    }
    blake3_keyed(with_scope_, {texts, count}, {digests, count});
    for (std::size_t i = 0; i < count; ++i) targets[i]->identity = identity_of(digests[i]);
  }
  return not_derived;
}

Identity RecordIdentity::identity_of(const Blake3Words& digest) {
  Identity identity{.derived = true};
  std::memcpy(&identity.high, digest.data(), 8);
  std::memcpy(&identity.low, digest.data() + 2, 8);
  if (!identity.is_set()) identity.low = 1;  // all zero means "none"
  const std::uint32_t before = occurrence(identity);
  return before == 0 ? identity : identity.child(before);
}

void RecordIdentity::expect(std::size_t records) {
  if (!derived_) return;
  const std::size_t needed = seen_.size() + records;
  // At least twofold, so that many scopes of a record each do not move everything each time.
  if (needed > seen_.capacity()) seen_.reserve(std::max(needed, seen_.capacity() * 2));
  grow(std::bit_ceil(std::max<std::size_t>(64, needed * 2)));
}

void RecordIdentity::grow(std::size_t slots) {
  if (slots <= slots_.size()) return;
  slots_.assign(slots, 0);
  for (std::uint32_t number = 1; number <= seen_.size(); ++number) {
    std::size_t slot = seen_[number - 1].low & (slots - 1);
    while (slots_[slot] != 0) slot = (slot + 1) & (slots - 1);
    slots_[slot] = number;
  }
}

std::uint32_t RecordIdentity::occurrence(const Identity& identity) {
  if (seen_.size() * 2 >= slots_.size()) grow(std::max<std::size_t>(64, slots_.size() * 2));
  std::size_t slot = identity.low & (slots_.size() - 1);
  while (const std::uint32_t number = slots_[slot]) {
    const Seen& known = seen_[number - 1];
    if (known.low == identity.low && known.high == identity.high) return ++repeats_[number];
    slot = (slot + 1) & (slots_.size() - 1);
  }
  seen_.push_back({identity.high, identity.low});
  slots_[slot] = static_cast<std::uint32_t>(seen_.size());
  return 0;
}

}  // namespace tollgate
