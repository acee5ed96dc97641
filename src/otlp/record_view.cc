#include "otlp/record_view.h"

#include "base/same_text.h"
#include "value/json.h"

namespace tollgate::otlp_detail {
namespace {

using Wire = WireReader::Type;

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

// Attributes --------------------------------------------------------------------------------------

/// Gives `visit` each attribute, a field of the message `wire`.
template <typename Visit>
[[gnu::always_inline]] inline void each_attribute(std::string_view wire, std::uint32_t field,
                                                  Visit&& visit) {
  WireReader reader(wire);
  KeyValue attribute;
  while (reader.next()) {
    if (!reader.is(field, Wire::bytes)) continue;
    if (!read_plain_attribute(reader.bytes(), attribute)) [[unlikely]] {
      attribute = read_key_value(reader.bytes());
    }
    visit(attribute);
  }
}

/// How long some keys are. Most attributes that nobody asked for are of another length.
class KeySizes {
 public:
  static KeySizes of(std::span<const LookupKey> keys) {
    KeySizes sizes{0};
    for (const LookupKey& key : keys) sizes.bits_ |= bit(key.text.size());
    return sizes;
  }
  static KeySizes any() { return KeySizes{~std::uint64_t{0}}; }
  bool has(std::size_t size) const { return (bits_ & bit(size)) != 0; }

 private:
  explicit KeySizes(std::uint64_t bits) : bits_(bits) {}
  static std::uint64_t bit(std::size_t size) {
    return std::uint64_t{1} << std::min<std::size_t>(size, 63);
  }

  std::uint64_t bits_;  // the last one: that long or longer
};

/// The index of `key`, that of attribute number `number`, among `keys`, or any beyond them.
[[gnu::always_inline]] inline std::size_t index_of(KeyOrder& order, std::string_view key,
                                                   std::span<const LookupKey> keys, KeySizes sizes,
                                                   std::size_t number) {
  std::uint8_t scratch = KeyOrder::kUnknown;
  std::uint8_t& expected = number < KeyOrder::kMost ? order.key[number] : scratch;
  if (expected < keys.size() && same_text(keys[expected].text, key)) return expected;
  if (!sizes.has(key.size())) return keys.size();
  const std::uint32_t tag = key_tag(key);
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (keys[i].tag != tag || !same_text(keys[i].text, key)) continue;
    expected = static_cast<std::uint8_t>(i);
    return i;
  }
  return keys.size();
}

/// LazyMembers::find_many() of plain attributes of the message at `wire`.
bool find_attributes(const char* wire, std::span<const PlainAttribute> attributes, KeyOrder& order,
                     std::span<const LookupKey> keys, Value* found) {
  if (keys.size() > KeyOrder::kMost) return false;
  std::fill_n(found, keys.size(), Value::nothing());
  const KeySizes sizes = attributes.size() > keys.size() ? KeySizes::of(keys) : KeySizes::any();
  std::size_t number = 0;
  for (const PlainAttribute& attribute : attributes) {
    const std::size_t at = index_of(order, attribute.key(wire), keys, sizes, number++);
    if (at < keys.size()) found[at] = attribute.value(wire);
  }
  return true;
}

/// The same of any attributes, the field `field` of the message.
bool find_attributes(std::string_view wire, std::uint32_t field, KeyOrder& order,
                     std::span<const LookupKey> keys, Value* found) {
  if (keys.size() > KeyOrder::kMost) return false;
  std::fill_n(found, keys.size(), Value::nothing());
  const KeySizes sizes = KeySizes::of(keys);
  std::size_t number = 0;
  each_attribute(wire, field, [&](const KeyValue& attribute) {
    const std::size_t at = index_of(order, attribute.key, keys, sizes, number++);
    if (at < keys.size()) {
      const bool ready = attribute.value.form == Any::Form::ready;
      found[at] = ready ? attribute.value.value : Value::deleted();
    }
  });
  return true;
}

}  // namespace

const Value* LazyAttributes::find(std::string_view key, Arena& arena) const {
  const Attribute* const items = table();
  const std::uint32_t tag = key_tag(key);
  for (std::uint32_t i = size_; i-- > 0;) {  // of equal keys the last one wins
    if (!items[i].has_key(key, tag)) continue;
    const Value* const ready = items[i].ready_value();
    return ready ? ready : arena.make<Value>(build_any(items[i].value(), arena));
  }
  return nullptr;
}

bool LazyAttributes::find_many(std::span<const LookupKey> keys, Value* found) const {
  return order_ && find_attributes(wire_, field_, *order_, keys, found);
}

void LazyAttributes::build(Object& out) const {
  Member* const members = home_.allocate_array<Member>(size_);
  std::uint32_t count = 0;
  each_attribute(wire_, field_, [&](const KeyValue& attribute) {
    members[count++] = {attribute.key, build_any(attribute.value, home_)};
  });
  out = *make_object_of(home_, members, size_);
}

/// Made when the first key is looked up alone.
const Attribute* LazyAttributes::table() const {
  if (!table_) {
    Attribute* next = home_.allocate_array<Attribute>(size_);
    table_ = next;
    each_attribute(wire_, field_, [&](const KeyValue& attribute) { *next++ = Attribute(attribute); });
  }
  return table_;
}

// Record ------------------------------------------------------------------------------------------

namespace {

/// The record: its scalar fields are read when one of them is asked for.
class LazyRecord final : public LazyMembers {
 public:
  /// Requires: the record was checked, which counted its `attributes`.
  LazyRecord(std::string_view wire, std::uint32_t attributes, KeyOrder* order, Arena& home)
      : wire_(wire), home_(home), attributes_(wire, kAttributes, attributes, order, home) {
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

}  // namespace

// Resource and scope ------------------------------------------------------------------------------

const Value* LazyOrigin::find(std::string_view key, Arena& arena) const {
  if (key == "attributes") return attributes.value();
  if (key == "name" && !name.empty()) return arena.make<Value>(Value::string(name));
  if (key == "version" && !version.empty()) return arena.make<Value>(Value::string(version));
  if (key == "dropped_attributes_count" && dropped_attributes) {
    return arena.make<Value>(Value::uint64(dropped_attributes));
  }
  return nullptr;
}

void LazyOrigin::build(Object& out) const {
  Object built;
  for (const std::string_view key : {"attributes", "dropped_attributes_count", "name", "version"}) {
    if (const Value* found = find(key, home_)) built.set(key, *found, home_);
  }
  out = built;
}

// Message -----------------------------------------------------------------------------------------

constinit const std::size_t RecordView::kDocumentSize = sizeof(LazyRecord);

Value RecordView::document(Arena& arena) const {
  auto* const record = arena.make<LazyRecord>(wire_, attributes_, order_, arena);
  Object* const document = make_object(arena, 3);
  document->items[document->size++] = {"record", Value::object(&record->object)};
  if (resource_) document->items[document->size++] = {"resource", Value::object(&resource_->object)};
  if (scope_) document->items[document->size++] = {"scope", Value::object(&scope_->object)};
  return Value::object(document);
}

bool RecordView::find_many(std::span<const std::string_view> path, std::span<const LookupKey> keys,
                           Value* found) const {
  if (path.size() != 2 || path[0] != "record" || path[1] != "attributes") return false;
  if (plain_) return find_attributes(wire_.data(), {plain_, attributes_}, *order_, keys, found);
  return find_attributes(wire_, kAttributes, *order_, keys, found);
}

void RecordView::append(std::string& out, Arena& arena) const {
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

}  // namespace tollgate::otlp_detail
