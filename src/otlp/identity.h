#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "message/message.h"
#include "otlp/blake3.h"
#include "otlp/logs.h"

namespace tollgate {

/// Gives the records of one export their identities.
///
/// A record that can be told apart by itself (its own or its observed timestamp is finer than a
/// millisecond, as SDKs and forwarders set it) gets a digest of salt, key, resource, scope and its
/// own bytes: the first 128 bits of BLAKE3, so that nobody can make two uses count as one. Equal
/// records of one export are told apart by their occurrence number. The identity survives resends,
/// re-batching, replicas and restarts, because it depends on nothing else.
/// Any other record gets a random identity.
class RecordIdentity {
 public:
  struct Record {
    std::string_view wire;
    bool distinct;  ///< is_distinct() of its times
  };

  explicit RecordIdentity(const IdentityOptions& options);
  RecordIdentity(const RecordIdentity&) = delete;

  void begin_resource(std::string_view resource, std::string_view schema_url);
  void begin_scope(std::string_view scope, std::string_view schema_url);
  /// How many records are about to come; saves growing the table of those seen.
  void expect(std::size_t records);

  /// Whether a record with these timestamps, in nanoseconds, can be told apart by itself.
  static bool is_distinct(std::uint64_t time, std::uint64_t observed_time);
  /// Sets the identities of the messages of `records`, the next ones of the scope, and returns how
  /// many could not be derived. Many at a time are cheaper. Requires: as many messages as records.
  std::uint32_t identify(std::span<const Record> records, std::span<Message> messages);

 private:
  Identity identity_of(const Blake3Words& digest);
  std::uint32_t occurrence(const Identity& identity);
  void grow(std::size_t slots);  // a power of two

  const bool derived_;
  Blake3Words salted_, with_resource_, with_scope_;  // the last is the key of the records
  struct Seen {
    std::uint64_t high, low;
  };
  std::vector<Seen> seen_;  // the identities of this export, each once
  /// Open addressing over their low words: a place in seen_ plus 1, 0 if the slot is free.
  std::vector<std::uint32_t> slots_;
  /// How often those that came again did, by their number in `slots_`.
  std::unordered_map<std::uint32_t, std::uint32_t> repeats_;
};

}  // namespace tollgate
