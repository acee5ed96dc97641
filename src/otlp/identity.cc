#include "otlp/identity.h"

// The streaming SHA-256 calls are the only ones of OpenSSL that let a prefix be hashed once and
// continued many times without an allocation per record.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

#include <algorithm>
#include <bit>
#include <cstring>

namespace tollgate {

namespace {

/// Set apart from every other use of the hash; changing it would change every id.
constexpr std::string_view kProductSalt = "tollgate record identity 1";

constexpr std::uint64_t kNanosPerMilli = 1'000'000;

/// A length before each part keeps ("ab","c") and ("a","bc") apart.
void add(SHA256_CTX& context, std::string_view part) {
  const std::uint64_t size = part.size();
  SHA256_Update(&context, &size, sizeof size);
  SHA256_Update(&context, part.data(), part.size());
}

}  // namespace

struct RecordIdentity::Hasher {
  SHA256_CTX salted, with_resource, with_scope;
};

RecordIdentity::RecordIdentity(const IdentityOptions& options)
    : derived_(options.derived), hasher_(std::make_unique<Hasher>()) {
  SHA256_Init(&hasher_->salted);
  add(hasher_->salted, kProductSalt);
  add(hasher_->salted, options.salt);
  add(hasher_->salted, options.key);
}

RecordIdentity::~RecordIdentity() = default;

void RecordIdentity::begin_resource(std::string_view resource, std::string_view schema_url) {
  hasher_->with_resource = hasher_->salted;
  add(hasher_->with_resource, resource);
  add(hasher_->with_resource, schema_url);
}

void RecordIdentity::begin_scope(std::string_view scope, std::string_view schema_url) {
  hasher_->with_scope = hasher_->with_resource;
  add(hasher_->with_scope, scope);
  add(hasher_->with_scope, schema_url);
}

Identity RecordIdentity::of_record(std::string_view record, std::uint64_t time,
                                   std::uint64_t observed_time) {
  const bool fine = time % kNanosPerMilli != 0 || observed_time % kNanosPerMilli != 0;
  if (!derived_ || !fine) return Identity::random();
  SHA256_CTX context = hasher_->with_scope;
  add(context, record);
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256_Final(digest, &context);
  Identity identity{.derived = true};
  std::memcpy(&identity.high, digest, 8);
  std::memcpy(&identity.low, digest + 8, 8);
  if (!identity.is_set()) identity.low = 1;  // all zero means "none"
  const std::uint32_t before = occurrence(identity);
  return before == 0 ? identity : identity.child(before);
}

void RecordIdentity::expect(std::size_t records) {
  if (derived_) grow(std::bit_ceil(std::max<std::size_t>(64, (used_ + records) * 2)));
}

void RecordIdentity::grow(std::size_t slots) {
  if (slots <= seen_.size()) return;
  std::vector<Seen> old(slots);
  old.swap(seen_);
  for (const Seen& entry : old) {
    if (entry.times == 0) continue;
    std::size_t slot = entry.low & (seen_.size() - 1);
    while (seen_[slot].times != 0) slot = (slot + 1) & (seen_.size() - 1);
    seen_[slot] = entry;
  }
}

std::uint32_t RecordIdentity::occurrence(const Identity& identity) {
  if (used_ * 2 >= seen_.size()) grow(std::max<std::size_t>(64, seen_.size() * 2));
  std::size_t slot = identity.low & (seen_.size() - 1);
  while (seen_[slot].times != 0) {
    if (seen_[slot].low == identity.low && seen_[slot].high == identity.high) {
      return seen_[slot].times++;
    }
    slot = (slot + 1) & (seen_.size() - 1);
  }
  seen_[slot] = {identity.low, identity.high, 1};
  ++used_;
  return 0;
}

}  // namespace tollgate
