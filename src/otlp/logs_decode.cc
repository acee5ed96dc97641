// One pass over an export's bytes makes, for each record, a small table of views: its scalar fields,
// its body, its attributes. Documents are lazy objects over that table, so a mapping that reads six
// attributes pays for six look-ups and nothing is copied.

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "base/same_text.h"
#include "otlp/any_value.h"
#include "otlp/identity.h"
#include "otlp/logs.h"
#include "otlp/wire.h"
#include "value/json.h"

namespace tollgate {

using namespace otlp_detail;

namespace {

using Wire = WireReader::Type;

constexpr std::size_t kIdentifyAtOnce = 256;
constexpr std::size_t kMostAttributes = 65'536;  // of one record, resource or scope
/// What decoding may take beside eight bytes for each of the request: tiny fields cost a table entry
/// each, and a request of nothing else must not take the machine's memory.
constexpr std::size_t kMemoryAllowance = std::size_t{64} << 20;

// JSON as the incumbent writes it -----------------------------------------------------------------

/// Writes the fields of one object: those that are absent are left out.
class FieldWriter {
 public:
  FieldWriter(std::string& out, Arena& arena) : out_(out), arena_(arena) { out_ += '{'; }
  ~FieldWriter() { out_ += '}'; }
  FieldWriter(const FieldWriter&) = delete;

  void key(std::string_view name) {
    if (out_.back() != '{') out_ += ',';
    out_ += '"';
    out_ += name;
    out_ += "\":";
  }
  void value(std::string_view name, const Value* value) {
    if (!value) return;
    key(name);
    append_json(out_, *value, arena_, {.escape_html = true});
  }
  void values_of(const LazyMembers& object, std::initializer_list<std::string_view> names) {
    for (const auto name : names) value(name, object.find(name, arena_));
  }

 private:
  std::string& out_;
  Arena& arena_;
};

// Lazy objects ------------------------------------------------------------------------------------

/// Attributes of a record, resource or scope.
class LazyAttributes final : public LazyMembers {
 public:
  Attribute* items = nullptr;
  std::uint32_t size = 0;

  const Value* find(std::string_view key, Arena& arena) const override {
    const std::uint32_t tag = tag_of(key);
    for (std::uint32_t i = size; i-- > 0;) {  // of equal keys the last one wins
      if (items[i].tag != tag || !same_text(items[i].key, key)) continue;
      if (items[i].value.form == Any::Form::ready) return &items[i].value.value;
      return arena.make<Value>(build_any(items[i].value, arena));
    }
    return nullptr;
  }

  void build(Object& out, Arena& arena) const override {
    Member* members = arena.allocate_array<Member>(size);
    for (std::uint32_t i = 0; i < size; ++i) {
      members[i] = {items[i].key, build_any(items[i].value, arena)};
    }
    out = *make_object_of(arena, members, size);
  }
};

/// An object with attributes in it: LazyMembers over named scalars plus those.
struct WithAttributes {
  LazyAttributes attributes;
  Object attributes_object;
  Value attributes_value;

  /// Attributes [first, end) of `collected`, kept in `arena`.
  void set(const std::vector<Attribute>& collected, Arena& arena) {
    attributes.size = static_cast<std::uint32_t>(collected.size());
    attributes.items = arena.allocate_array<Attribute>(collected.size());
    std::ranges::copy(collected, attributes.items);
    attributes_object.lazy = &attributes;
    attributes_value = Value::object(&attributes_object);
  }
  const Value* value() const { return attributes.size ? &attributes_value : nullptr; }
};

/// The scalar fields in the order of their names; `attributes` and `body` stand apart.
class LazyRecord final : public LazyMembers, public WithAttributes {
 public:
  Any body;
  bool has_body = false;
  std::uint64_t time = 0;
  std::uint64_t observed_time = 0;
  std::string_view severity_text, trace_id, span_id;
  std::uint32_t dropped_attributes = 0, flags = 0;
  std::int32_t severity_number = 0;

  const Value* find(std::string_view key, Arena& arena) const override {
    if (key == "attributes") return value();
    const Value found = member(key, arena);
    return found.is(Kind::nothing) ? nullptr : arena.make<Value>(found);
  }

  void build(Object& out, Arena& arena) const override {
    static constexpr std::string_view kKeys[] = {
        "attributes", "body",          "dropped_attributes_count", "flags",   "observed_time_unix_nano",
        "severity_number", "severity_text", "span_id", "time_unix_nano", "trace_id"};
    for (const auto key : kKeys) {
      if (const Value* value = find(key, arena)) out.set(key, *value, arena);
    }
  }

 private:
  static Value unless_zero(std::uint64_t number) {
    return number ? Value::uint64(number) : Value::nothing();
  }

  Value member(std::string_view key, Arena& arena) const {
    if (key == "body") {
      const Value built = has_body ? build_any(body, arena) : Value::null();
      return built.is_null() ? Value::nothing() : built;
    }
    if (key == "time_unix_nano") return unless_zero(time);
    if (key == "observed_time_unix_nano") return unless_zero(observed_time);
    if (key == "severity_number") {
      return severity_number ? Value::int64(severity_number) : Value::nothing();
    }
    if (key == "severity_text") {
      return severity_text.empty() ? Value::nothing() : Value::string(severity_text);
    }
    if (key == "flags") return unless_zero(flags);
    if (key == "dropped_attributes_count") return unless_zero(dropped_attributes);
    if (key == "trace_id") return trace_id.empty() ? Value::nothing() : build_base64(trace_id, arena);
    if (key == "span_id") return span_id.empty() ? Value::nothing() : build_base64(span_id, arena);
    return Value::nothing();
  }
};

/// A resource or a scope; the latter has a name and a version.
class LazyOrigin final : public LazyMembers, public WithAttributes {
 public:
  std::string_view name, version;
  std::uint32_t dropped_attributes = 0;
  Object object;  ///< the object of these members

  const Value* find(std::string_view key, Arena& arena) const override {
    if (key == "attributes") return value();
    if (key == "name" && !name.empty()) return arena.make<Value>(Value::string(name));
    if (key == "version" && !version.empty()) return arena.make<Value>(Value::string(version));
    if (key == "dropped_attributes_count" && dropped_attributes) {
      return arena.make<Value>(Value::uint64(dropped_attributes));
    }
    return nullptr;
  }

  void build(Object& out, Arena& arena) const override {
    for (const std::string_view key : {"attributes", "dropped_attributes_count", "name", "version"}) {
      if (const Value* found = find(key, arena)) out.set(key, *found, arena);
    }
  }
};

/// The whole message: {record, resource, scope}.
struct Document final : LazyBytes {
  LazyRecord record;
  Object record_object;
  Object object;
  const LazyOrigin* resource = nullptr;
  const LazyOrigin* scope = nullptr;

  void append(std::string& out, Arena& arena) const override {
    FieldWriter document(out, arena);
    if (resource) {
      document.key("resource");
      FieldWriter(out, arena).values_of(*resource, {"attributes", "dropped_attributes_count"});
    }
    if (scope) {
      document.key("scope");
      FieldWriter(out, arena)
          .values_of(*scope, {"name", "version", "attributes", "dropped_attributes_count"});
    }
    document.key("record");
    FieldWriter(out, arena)
        .values_of(record, {"time_unix_nano", "observed_time_unix_nano", "severity_number",
                            "severity_text", "body", "attributes", "dropped_attributes_count",
                            "flags", "trace_id", "span_id"});
  }
};

// Decoding ----------------------------------------------------------------------------------------

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
    auto* made = arena().make<LazyOrigin>();
    collected_.clear();
    WireReader reader(wire);
    while (reader.next()) {
      if (reader.is(attributes, Wire::bytes)) {
        if (!plain_attribute(reader.bytes())) TRY(attribute(reader.bytes()));
      } else if (reader.is(name, Wire::bytes)) {
        made->name = reader.bytes();
      } else if (reader.is(version, Wire::bytes)) {
        made->version = reader.bytes();
      } else if (reader.is(dropped, Wire::varint)) {
        made->dropped_attributes = static_cast<std::uint32_t>(reader.number());
      }
    }
    if (!reader.ok()) return malformed(name ? "scope" : "resource");
    made->set(collected_, arena());
    made->object.lazy = made;
    return made;
  }

  /// Collects the attribute if it is a plain one.
  [[gnu::always_inline]] bool plain_attribute(std::string_view wire) {
    if (collected_.size() == kMostAttributes) [[unlikely]] return false;
    Attribute attribute;
    if (!read_plain_attribute(wire, attribute)) return false;
    attribute.tag = tag_of(attribute.key);
    collected_.push_back(attribute);
    return true;
  }

  Result<> attribute(std::string_view wire) {
    bool ok = true;
    Attribute made = read_key_value(wire, &ok);
    made.tag = tag_of(made.key);
    const bool nested = made.value.form == Any::Form::list || made.value.form == Any::Form::map;
    if (!ok || (nested && !check_key_value(wire, 0))) return malformed("an attribute");
    if (collected_.size() == kMostAttributes) {
      return invalid(fmt::format("more than {} attributes in one place", kMostAttributes));
    }
    collected_.push_back(made);
    return {};
  }

  Result<> within_memory() {
    const std::size_t used = arena().footprint() + out_.batch.size() * sizeof(Message);
    if (used <= kMemoryAllowance + request_->size() * 8) return {};
    return invalid(fmt::format("too many records for one export ({} so far); send smaller exports",
                               out_.batch.size()));
  }

  Result<> log_record(std::string_view wire) {
    auto* document = arena().make<Document>();
    LazyRecord& record = document->record;
    collected_.clear();
    WireReader reader(wire);
    while (reader.next()) {
      switch (reader.field()) {
        case 1:
          if (reader.is(1, Wire::fixed64)) record.time = reader.number();
          break;
        case 11:
          if (reader.is(11, Wire::fixed64)) record.observed_time = reader.number();
          break;
        case 2:
          if (reader.is(2, Wire::varint)) {
            record.severity_number = static_cast<std::int32_t>(reader.number());
          }
          break;
        case 3:
          if (reader.is(3, Wire::bytes)) record.severity_text = reader.bytes();
          break;
        case 5:
          if (!reader.is(5, Wire::bytes)) break;
          if (!check_any(reader.bytes(), 0)) return malformed("a record's body");
          record.body = read_any(reader.bytes());
          record.has_body = true;
          break;
        case 6:
          if (reader.is(6, Wire::bytes) && !plain_attribute(reader.bytes())) {
            TRY(attribute(reader.bytes()));
          }
          break;
        case 7:
          if (reader.is(7, Wire::varint)) {
            record.dropped_attributes = static_cast<std::uint32_t>(reader.number());
          }
          break;
        case 8:
          if (reader.is(8, Wire::fixed32)) record.flags = static_cast<std::uint32_t>(reader.number());
          break;
        case 9:
          if (reader.is(9, Wire::bytes)) record.trace_id = reader.bytes();
          break;
        case 10:
          if (reader.is(10, Wire::bytes)) record.span_id = reader.bytes();
          break;
        default: break;
      }
    }
    if (!reader.ok()) return malformed("a log record");
    record.set(collected_, arena());

    document->record_object.lazy = &record;
    document->object.items = arena().allocate_array<Member>(3);
    document->object.capacity = 3;
    auto& object = document->object;
    object.items[object.size++] = {"record", Value::object(&document->record_object)};
    if (resource_) object.items[object.size++] = {"resource", Value::object(&resource_->object)};
    if (scope_) object.items[object.size++] = {"scope", Value::object(&scope_->object)};
    document->resource = resource_;
    document->scope = scope_;

    Message& message = out_.batch.add();
    message.set_document(Value::object(&object), *document);
    unidentified_.push_back(
        {wire, RecordIdentity::is_distinct(record.time, record.observed_time)});
    return {};
  }

  std::shared_ptr<const std::string> request_;
  RecordIdentity identity_;
  DecodedLogs out_;
  LazyOrigin* resource_ = nullptr;
  LazyOrigin* scope_ = nullptr;
  std::vector<Attribute> collected_;
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
