// One pass over an export's bytes checks everything and leaves a view of each record. A message's
// document is made of lazy objects over that view: the attributes that a mapping reads are looked up
// together in a second pass over the record, and what nobody asks for is never built. A mapping whose
// result alone is kept makes every document at the same place, which stays in the nearest cache.

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
// Each knows the memory it lives in, where its members are built when all of them are asked for:
// whoever reads it may have shorter-lived memory.

/// In which order the keys that a mapping asked for stood in the record before: those of one export
/// are mostly alike.
struct KeyOrder {
  static constexpr std::size_t kMost = 64;
  static constexpr std::uint8_t kUnknown = 0xff;
  std::uint8_t key[kMost];  ///< index of the key that attribute number i had

  KeyOrder() { std::ranges::fill(key, kUnknown); }
};

/// Attributes of a record, resource or scope: a view of the message that they are a field of.
class LazyAttributes final : public LazyMembers {
 public:
  /// Requires: check_attribute() of all, which counted them.
  LazyAttributes(std::string_view wire, std::uint32_t field, std::uint32_t count, KeyOrder* order,
                 Arena& home)
      : wire_(wire), home_(home), order_(order), field_(field), size_(count) {
    object_.lazy = this;
  }

  /// Null if there are none.
  const Value* value() const { return size_ ? &value_ : nullptr; }

  const Value* find(std::string_view key, Arena& arena) const override {
    const Attribute* const items = table();
    const std::uint32_t tag = key_tag(key);
    for (std::uint32_t i = size_; i-- > 0;) {  // of equal keys the last one wins
      if (!items[i].has_key(key, tag)) continue;
      const Value* const ready = items[i].ready_value();
      return ready ? ready : arena.make<Value>(build_any(items[i].value(), arena));
    }
    return nullptr;
  }

  bool find_many(std::span<const LookupKey> keys, Value* found) const override {
    if (keys.size() > KeyOrder::kMost || !order_) return false;
    std::fill_n(found, keys.size(), Value::nothing());
    std::size_t number = 0;
    each([&](const KeyValue& attribute) {
      const std::size_t at = index_of(attribute.key, keys, number++);
      if (at < keys.size()) {
        const bool ready = attribute.value.form == Any::Form::ready;
        found[at] = ready ? attribute.value.value : Value::deleted();
      }
    });
    return true;
  }

  void build(Object& out) const override {
    Member* const members = home_.allocate_array<Member>(size_);
    std::uint32_t count = 0;
    each([&](const KeyValue& attribute) {
      members[count++] = {attribute.key, build_any(attribute.value, home_)};
    });
    out = *make_object_of(home_, members, size_);
  }

 private:
  template <typename Visit>
  [[gnu::always_inline]] void each(Visit&& visit) const {
    WireReader reader(wire_);
    KeyValue attribute;
    while (reader.next()) {
      if (!reader.is(field_, Wire::bytes)) continue;
      if (!read_plain_attribute(reader.bytes(), attribute)) [[unlikely]] {
        attribute = read_key_value(reader.bytes());
      }
      visit(attribute);
    }
  }

  /// Made when the first key is looked up alone.
  const Attribute* table() const {
    if (!table_) {
      Attribute* next = home_.allocate_array<Attribute>(size_);
      table_ = next;
      each([&](const KeyValue& attribute) { *next++ = Attribute(attribute); });
    }
    return table_;
  }

  /// The index of `key` among `keys`, or any beyond them.
  [[gnu::always_inline]] std::size_t index_of(std::string_view key, std::span<const LookupKey> keys,
                                              std::size_t number) const {
    std::uint8_t scratch = KeyOrder::kUnknown;
    std::uint8_t& expected = number < KeyOrder::kMost ? order_->key[number] : scratch;
    if (expected < keys.size() && same_text(keys[expected].text, key)) return expected;
    const std::uint32_t tag = key_tag(key);
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (keys[i].tag != tag || !same_text(keys[i].text, key)) continue;
      expected = static_cast<std::uint8_t>(i);
      return i;
    }
    return keys.size();
  }

  std::string_view wire_;
  Arena& home_;
  KeyOrder* order_;  // null: not worth it
  mutable const Attribute* table_ = nullptr;
  std::uint32_t field_, size_;
  Object object_;
  Value value_ = Value::object(&object_);
};

/// The record: its scalar fields are read when one of them is asked for.
class LazyRecord final : public LazyMembers {
 public:
  /// Requires: the record was checked, which counted its `attributes`.
  LazyRecord(std::string_view wire, std::uint32_t attributes, KeyOrder* order, Arena& home)
      : wire_(wire), home_(home), attributes_(wire, 6, attributes, order, home) {
    object.lazy = this;
  }

  const Value* find(std::string_view key, Arena& arena) const override {
    if (key == "attributes") return attributes_.value();
    if (!scalars_) scalars_ = home_.make<Scalars>(read_scalars());
    const Value found = scalar(*scalars_, key, arena);
    return found.is(Kind::nothing) ? nullptr : arena.make<Value>(found);
  }

  void build(Object& out) const override {
    static constexpr std::string_view kKeys[] = {
        "attributes", "body",          "dropped_attributes_count", "flags",   "observed_time_unix_nano",
        "severity_number", "severity_text", "span_id", "time_unix_nano", "trace_id"};
    Object built;
    for (const auto key : kKeys) {
      if (const Value* value = find(key, home_)) built.set(key, *value, home_);
    }
    out = built;
  }

  Object object;  ///< the object of these members

 private:
  struct Scalars {
    std::string_view body;  // an AnyValue's wire bytes
    bool has_body = false;
    std::uint64_t time = 0;
    std::uint64_t observed_time = 0;
    std::string_view severity_text, trace_id, span_id;
    std::uint32_t dropped_attributes = 0, flags = 0;
    std::int32_t severity_number = 0;
  };

  Scalars read_scalars() const {
    Scalars read;
    WireReader reader(wire_);
    while (reader.next()) {
      switch (reader.field()) {
        case 1:
          if (reader.is(1, Wire::fixed64)) read.time = reader.number();
          break;
        case 11:
          if (reader.is(11, Wire::fixed64)) read.observed_time = reader.number();
          break;
        case 2:
          if (reader.is(2, Wire::varint)) {
            read.severity_number = static_cast<std::int32_t>(reader.number());
          }
          break;
        case 3:
          if (reader.is(3, Wire::bytes)) read.severity_text = reader.bytes();
          break;
        case 5:
          if (!reader.is(5, Wire::bytes)) break;
          read.body = reader.bytes();
          read.has_body = true;
          break;
        case 7:
          if (reader.is(7, Wire::varint)) {
            read.dropped_attributes = static_cast<std::uint32_t>(reader.number());
          }
          break;
        case 8:
          if (reader.is(8, Wire::fixed32)) read.flags = static_cast<std::uint32_t>(reader.number());
          break;
        case 9:
          if (reader.is(9, Wire::bytes)) read.trace_id = reader.bytes();
          break;
        case 10:
          if (reader.is(10, Wire::bytes)) read.span_id = reader.bytes();
          break;
        default: break;
      }
    }
    return read;
  }

  static Value unless_zero(std::uint64_t number) {
    return number ? Value::uint64(number) : Value::nothing();
  }
  static Value unless_empty(std::string_view bytes, Arena& arena) {
    return bytes.empty() ? Value::nothing() : build_base64(bytes, arena);
  }

  static Value scalar(const Scalars& scalars, std::string_view key, Arena& arena) {
    if (key == "body") {
      const Value built = scalars.has_body ? build_any(read_any(scalars.body), arena) : Value::null();
      return built.is_null() ? Value::nothing() : built;
    }
    if (key == "time_unix_nano") return unless_zero(scalars.time);
    if (key == "observed_time_unix_nano") return unless_zero(scalars.observed_time);
    if (key == "severity_number") {
      return scalars.severity_number ? Value::int64(scalars.severity_number) : Value::nothing();
    }
    if (key == "severity_text") {
      const auto text = scalars.severity_text;
      return text.empty() ? Value::nothing() : Value::string(text);
    }
    if (key == "flags") return unless_zero(scalars.flags);
    if (key == "dropped_attributes_count") return unless_zero(scalars.dropped_attributes);
    if (key == "trace_id") return unless_empty(scalars.trace_id, arena);
    if (key == "span_id") return unless_empty(scalars.span_id, arena);
    return Value::nothing();
  }

  std::string_view wire_;
  Arena& home_;
  mutable const Scalars* scalars_ = nullptr;
  LazyAttributes attributes_;
};

/// A resource or a scope; the latter has a name and a version.
class LazyOrigin final : public LazyMembers {
 public:
  /// `field` is the number of its attributes, of which there are `count`.
  LazyOrigin(std::string_view wire, std::uint32_t field, std::uint32_t count, Arena& home)
      : attributes(wire, field, count, nullptr, home), home_(home) {
    object.lazy = this;
  }

  const Value* find(std::string_view key, Arena& arena) const override {
    if (key == "attributes") return attributes.value();
    if (key == "name" && !name.empty()) return arena.make<Value>(Value::string(name));
    if (key == "version" && !version.empty()) return arena.make<Value>(Value::string(version));
    if (key == "dropped_attributes_count" && dropped_attributes) {
      return arena.make<Value>(Value::uint64(dropped_attributes));
    }
    return nullptr;
  }

  void build(Object& out) const override {
    Object built;
    for (const std::string_view key : {"attributes", "dropped_attributes_count", "name", "version"}) {
      if (const Value* found = find(key, home_)) built.set(key, *found, home_);
    }
    out = built;
  }

  LazyAttributes attributes;
  std::string_view name, version;
  std::uint32_t dropped_attributes = 0;
  Object object;  ///< the object of these members

 private:
  Arena& home_;
};

/// The whole message: {record, resource, scope}.
class RecordView final : public LazyPayload {
 public:
  RecordView(std::string_view wire, std::uint32_t attributes, LazyOrigin* resource,
             LazyOrigin* scope, KeyOrder* order)
      : wire_(wire), resource_(resource), scope_(scope), order_(order), attributes_(attributes) {}

  Value document(Arena& arena) const override {
    auto* const record = arena.make<LazyRecord>(wire_, attributes_, order_, arena);
    Object* const document = make_object(arena, 3);
    document->items[document->size++] = {"record", Value::object(&record->object)};
    if (resource_) document->items[document->size++] = {"resource", Value::object(&resource_->object)};
    if (scope_) document->items[document->size++] = {"scope", Value::object(&scope_->object)};
    return Value::object(document);
  }

  void append(std::string& out, Arena& arena) const override {
    FieldWriter document(out, arena);
    if (resource_) {
      document.key("resource");
      FieldWriter(out, arena).values_of(*resource_, {"attributes", "dropped_attributes_count"});
    }
    if (scope_) {
      document.key("scope");
      FieldWriter(out, arena)
          .values_of(*scope_, {"name", "version", "attributes", "dropped_attributes_count"});
    }
    document.key("record");
    const LazyRecord record(wire_, attributes_, order_, arena);
    FieldWriter(out, arena)
        .values_of(record, {"time_unix_nano", "observed_time_unix_nano", "severity_number",
                            "severity_text", "body", "attributes", "dropped_attributes_count",
                            "flags", "trace_id", "span_id"});
  }

 private:
  std::string_view wire_;
  LazyOrigin* resource_;
  LazyOrigin* scope_;
  KeyOrder* order_;  // of all records of the export
  std::uint32_t attributes_;
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
  [[gnu::always_inline]] static bool check_attribute(std::string_view wire, std::uint32_t& count) {
    KeyValue plain;
    return ++count <= kMostAttributes &&
           (read_plain_attribute(wire, plain) || check_any_attribute(wire));
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
                             out_.batch.size() * (sizeof(Message) + sizeof(LazyRecord));
    if (used <= kMemoryAllowance + request_->size() * 8) return {};
    return invalid(fmt::format("too many records for one export ({} so far); send smaller exports",
                               out_.batch.size()));
  }

  /// Checks a record and adds its message.
  Result<> log_record(std::string_view wire) {
    std::uint64_t time = 0, observed_time = 0;
    std::uint32_t attributes = 0;
    WireReader reader(wire);
    while (reader.next()) {
      if (reader.is(6, Wire::bytes)) [[likely]] {
        if (!check_attribute(reader.bytes(), attributes)) return attribute_error(attributes);
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
    out_.batch.add().set_lazy(*arena().make<RecordView>(wire, attributes, resource_, scope_, order_));
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
