// One pass over an export's bytes checks everything and leaves a view of each record. A message's
// document is made of lazy objects over that view: the attributes that a mapping reads are looked up
// together in a second pass over the record, and what nobody asks for is never built. A mapping whose
// result alone is kept makes every document at the same place, which stays in the nearest cache.

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "otlp/any_value.h"
#include "otlp/identity.h"
#include "otlp/logs.h"
#include "otlp/record_view.h"
#include "otlp/wire.h"

namespace tollgate {

using namespace otlp_detail;

namespace {

using Wire = WireReader::Type;

constexpr std::size_t kIdentifyAtOnce = 256;
constexpr std::size_t kMostAttributes = 65'536;  // of one record, resource or scope
constexpr std::size_t kMostPlain = 128;          // so many of a record are kept as PlainAttribute
/// What decoding may take beside eight bytes for each of the request: tiny fields cost a table entry
/// each, and a request of nothing else must not take the machine's memory.
constexpr std::size_t kMemoryAllowance = std::size_t{64} << 20;

class Decoder {
 public:
  Decoder(std::shared_ptr<const std::string> request, const IdentityOptions& identity)
      : request_(std::move(request)), identity_(identity) {
    out_.batch.memory().retained.push_back(request_);
  }

  Result<DecodedLogs> run() {
    WireReader reader(*request_);
    while (reader.next()) {
      if (reader.is(1, Wire::bytes)) TRY(resource_logs(reader.bytes()));
    }
    if (!reader.ok()) return malformed("the export request");
    return std::move(out_);
  }

 private:
  static std::unexpected<Error> malformed(std::string_view where) {
    return invalid("malformed protobuf in " + std::string(where) +
                   "; expected an OTLP ExportLogsServiceRequest");
  }

  Arena& arena() { return out_.batch.arena(); }

  Result<> resource_logs(std::string_view wire) {
    // The resource may stand after the records, so it is looked for first.
    std::string_view resource, schema_url;
    bool has_resource = false;
    WireReader reader(wire);
    while (reader.next()) {
      if (reader.is(1, Wire::bytes)) {
        resource = reader.bytes();
        has_resource = true;
      } else if (reader.is(3, Wire::bytes)) {
        schema_url = reader.bytes();
      }
    }
    if (!reader.ok()) return malformed("resource_logs");
    resource_ = nullptr;
    if (has_resource) resource_ = TRY(origin(resource, 1, 0, 0, 2));
    identity_.begin_resource(resource, schema_url);
    WireReader scopes(wire);
    while (scopes.next()) {
      if (scopes.is(2, Wire::bytes)) TRY(scope_logs(scopes.bytes()));
    }
    return {};
  }

  /// Has the bytes some records after this one brought near: another thread wrote them, and counting
  /// records reads one byte of each, for which it would wait.
  static void fetch_ahead(std::string_view record) {
    constexpr std::size_t ahead = 2048, line = 64, most = 1024;
    for (std::size_t at = 0; at < std::min(record.size(), most); at += line) {
      __builtin_prefetch(record.data() + ahead + at);
    }
  }

  Result<> scope_logs(std::string_view wire) {
    std::string_view scope, schema_url;
    bool has_scope = false;
    std::size_t records = 0;
    WireReader reader(wire);
    while (reader.next()) {
      if (reader.is(1, Wire::bytes)) {
        scope = reader.bytes();
        has_scope = true;
      } else if (reader.is(2, Wire::bytes)) {
        ++records;
        fetch_ahead(reader.bytes());
      } else if (reader.is(3, Wire::bytes)) {
        schema_url = reader.bytes();
      }
    }
    if (!reader.ok()) return malformed("scope_logs");
    scope_ = nullptr;
    if (has_scope) scope_ = TRY(origin(scope, 3, 1, 2, 4));
    identity_.begin_scope(scope, schema_url);
    auto& messages = out_.batch.messages();
    records = std::min<std::size_t>(records, 65'536);  // more grows as it comes, if it may
    // At least twofold, so that many scopes of a record each do not move everything each time.
    if (const auto needed = messages.size() + records; needed > messages.capacity()) {
      messages.reserve(std::max(needed, messages.capacity() * 2));
    }
    identity_.expect(records);
    WireReader each(wire);
    while (each.next()) {
      if (!each.is(2, Wire::bytes)) continue;
      TRY(log_record(each.bytes()));
      if (unidentified_.size() == kIdentifyAtOnce) identify();
      if (out_.batch.size() % 1024 == 0) TRY(within_memory());
    }
    identify();
    return {};
  }

  /// Gives the newest messages their identities.
  void identify() {
    const std::span all(out_.batch.messages());
    out_.without_identity += identity_.identify(unidentified_, all.last(unidentified_.size()));
    unidentified_.clear();
  }

  /// A Resource or InstrumentationScope, by the numbers of its fields (0: has none such).
  Result<LazyOrigin*> origin(std::string_view wire, std::uint32_t attributes, std::uint32_t name,
                         std::uint32_t version, std::uint32_t dropped) {
    std::string_view name_text, version_text;
    std::uint32_t count = 0, dropped_attributes = 0;
    WireReader reader(wire);
    while (reader.next()) {
      if (reader.is(attributes, Wire::bytes)) {
        if (!check_attribute(reader.bytes(), count)) return attribute_error(count);
      } else if (reader.is(name, Wire::bytes)) {
        name_text = reader.bytes();
      } else if (reader.is(version, Wire::bytes)) {
        version_text = reader.bytes();
      } else if (reader.is(dropped, Wire::varint)) {
        dropped_attributes = static_cast<std::uint32_t>(reader.number());
      }
    }
    if (!reader.ok()) return malformed(name ? "scope" : "resource");
    auto* made = arena().make<LazyOrigin>(wire, attributes, count, arena());
    made->name = name_text;
    made->version = version_text;
    made->dropped_attributes = dropped_attributes;
    return made;
  }

  /// Whether an attribute, which is number `count` of those in its place, may stand there; if not,
  /// attribute_error() says why.
  static bool check_attribute(std::string_view wire, std::uint32_t& count) {
    return ++count <= kMostAttributes && check_any_attribute(wire);
  }

  [[gnu::noinline]] static bool check_any_attribute(std::string_view wire) {
    bool ok = true;
    read_key_value(wire, &ok);
    return ok && check_key_value(wire, 0);
  }

  static std::unexpected<Error> attribute_error(std::uint32_t count) {
    if (count <= kMostAttributes) return malformed("an attribute");
    return invalid(fmt::format("more than {} attributes in one place", kMostAttributes));
  }

  /// The tables of the documents count too, which may all be made.
  Result<> within_memory() {
    const std::size_t used = arena().footprint() + attributes_ * sizeof(Attribute) +
                             out_.batch.size() * (sizeof(Message) + RecordView::kDocumentSize);
    if (used <= kMemoryAllowance + request_->size() * 8) return {};
    return invalid(fmt::format("too many records for one export ({} so far); send smaller exports",
                               out_.batch.size()));
  }

  /// Checks a record and adds its message.
  Result<> log_record(std::string_view wire) {
    std::uint64_t time = 0, observed_time = 0;
    std::uint32_t attributes = 0, plain = 0;
    auto* const table = arena().allocate_array<PlainAttribute>(kMostPlain);
    WireReader reader(wire);
    while (reader.next()) {
      if (reader.is(kAttributes, Wire::bytes)) [[likely]] {
        KeyValue attribute;
        if (plain < kMostPlain && read_plain_attribute(reader.bytes(), attribute)) [[likely]] {
          table[plain++] = PlainAttribute(attribute, wire.data());
          ++attributes;
        } else if (!check_attribute(reader.bytes(), attributes)) {
          return attribute_error(attributes);
        }
      } else if (reader.is(1, Wire::fixed64)) {
        time = reader.number();
      } else if (reader.is(11, Wire::fixed64)) {
        observed_time = reader.number();
      } else if (reader.is(5, Wire::bytes)) {
        if (!check_any(reader.bytes(), 0)) return malformed("a record's body");
      }
    }
    if (!reader.ok()) return malformed("a log record");
    attributes_ += attributes;
    const bool all_plain = plain == attributes;
    arena().shrink_last(table, all_plain ? plain * sizeof *table : 0);
    out_.batch.add().set_lazy(*arena().make<RecordView>(wire, attributes, all_plain ? table : nullptr,
                                                        resource_, scope_, order_));
    unidentified_.push_back({wire, RecordIdentity::is_distinct(time, observed_time)});
    return {};
  }

  std::shared_ptr<const std::string> request_;
  RecordIdentity identity_;
  DecodedLogs out_;
  LazyOrigin* resource_ = nullptr;
  LazyOrigin* scope_ = nullptr;
  KeyOrder* order_ = arena().make<KeyOrder>();
  std::size_t attributes_ = 0;  // of all records
  std::vector<RecordIdentity::Record> unidentified_;  // of the newest messages
};

}  // namespace

Result<DecodedLogs> decode_logs(std::shared_ptr<const std::string> request,
                                const IdentityOptions& identity) {
  return Decoder(std::move(request), identity).run();
}

std::string partial_success(std::uint64_t rejected_records, std::string_view message) {
  std::string out;
  WireWriter(out).message(1, [&](WireWriter& partial) {
    if (rejected_records) partial.varint(1, rejected_records);
    if (!message.empty()) partial.bytes(2, message);
  });
  return out;
}

PartialSuccess read_partial_success(std::string_view response) {
  PartialSuccess read;
  WireReader reader(response);
  while (reader.next()) {
    if (!reader.is(1, Wire::bytes)) continue;
    WireReader partial(reader.bytes());
    while (partial.next()) {
      if (partial.is(1, Wire::varint)) read.rejected = partial.number();
      if (partial.is(2, Wire::bytes)) read.message = partial.bytes();
    }
    if (!partial.ok()) return {};
  }
  return reader.ok() ? read : PartialSuccess{};
}

}  // namespace tollgate
