// JSON to protobuf for the messages of OTLP logs, driven by tables of their fields: the names as
// protobuf's JSON writes them (camelCase or as in the .proto), the numbers, and how values map.

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <optional>

#include "otlp/logs.h"
#include "otlp/wire.h"
#include "value/encoding.h"
#include "value/number.h"

namespace tollgate {
namespace {

constexpr int kDeepest = 310;  // messages; a value in a map is three deeper than the map's

enum class Form : std::uint8_t {
  text, boolean, int64, uint32, enumeration, fixed32, fixed64, float64, base64, message, messages,
};

struct Shape;

struct WireField {
  std::string_view json, proto;
  std::uint32_t number;
  Form form;
  const Shape* shape = nullptr;
};

struct Shape {
  std::string_view name;
  std::span<const WireField> fields;
};

extern const Shape kAnyValue, kKeyValue, kScopeLogs, kLogRecord;

constexpr WireField kArrayFields[] = {{"values", "values", 1, Form::messages, &kAnyValue}};
constexpr Shape kArrayValue{"ArrayValue", kArrayFields};
constexpr WireField kMapFields[] = {{"values", "values", 1, Form::messages, &kKeyValue}};
constexpr Shape kKeyValueList{"KeyValueList", kMapFields};
constexpr WireField kAnyFields[] = {
    {"stringValue", "string_value", 1, Form::text},
    {"boolValue", "bool_value", 2, Form::boolean},
    {"intValue", "int_value", 3, Form::int64},
    {"doubleValue", "double_value", 4, Form::float64},
    {"arrayValue", "array_value", 5, Form::message, &kArrayValue},
    {"kvlistValue", "kvlist_value", 6, Form::message, &kKeyValueList},
    {"bytesValue", "bytes_value", 7, Form::base64},
};
constexpr Shape kAnyValue{"AnyValue", kAnyFields};
constexpr WireField kKeyFields[] = {
    {"key", "key", 1, Form::text},
    {"value", "value", 2, Form::message, &kAnyValue},
};
constexpr Shape kKeyValue{"KeyValue", kKeyFields};
constexpr WireField kResourceFields[] = {
    {"attributes", "attributes", 1, Form::messages, &kKeyValue},
    {"droppedAttributesCount", "dropped_attributes_count", 2, Form::uint32},
};
constexpr Shape kResource{"Resource", kResourceFields};
constexpr WireField kScopeFields[] = {
    {"name", "name", 1, Form::text},
    {"version", "version", 2, Form::text},
    {"attributes", "attributes", 3, Form::messages, &kKeyValue},
    {"droppedAttributesCount", "dropped_attributes_count", 4, Form::uint32},
};
constexpr Shape kScope{"InstrumentationScope", kScopeFields};
constexpr WireField kRecordFields[] = {
    {"timeUnixNano", "time_unix_nano", 1, Form::fixed64},
    {"severityNumber", "severity_number", 2, Form::enumeration},
    {"severityText", "severity_text", 3, Form::text},
    {"body", "body", 5, Form::message, &kAnyValue},
    {"attributes", "attributes", 6, Form::messages, &kKeyValue},
    {"droppedAttributesCount", "dropped_attributes_count", 7, Form::uint32},
    {"flags", "flags", 8, Form::fixed32},
    {"traceId", "trace_id", 9, Form::base64},
    {"spanId", "span_id", 10, Form::base64},
    {"observedTimeUnixNano", "observed_time_unix_nano", 11, Form::fixed64},
    {"eventName", "event_name", 12, Form::text},
};
constexpr Shape kLogRecord{"LogRecord", kRecordFields};
constexpr WireField kScopeLogsFields[] = {
    {"scope", "scope", 1, Form::message, &kScope},
    {"logRecords", "log_records", 2, Form::messages, &kLogRecord},
    {"schemaUrl", "schema_url", 3, Form::text},
};
constexpr Shape kScopeLogs{"ScopeLogs", kScopeLogsFields};
constexpr WireField kResourceLogsFields[] = {
    {"resource", "resource", 1, Form::message, &kResource},
    {"scopeLogs", "scope_logs", 2, Form::messages, &kScopeLogs},
    {"schemaUrl", "schema_url", 3, Form::text},
};
constexpr Shape kResourceLogs{"ResourceLogs", kResourceLogsFields};

/// The names of SeverityNumber: TRACE … TRACE4 are 1 … 4, and so on by fours.
std::optional<std::int64_t> severity(std::string_view name) {
  constexpr std::string_view kPrefix = "SEVERITY_NUMBER_";
  constexpr std::string_view kLevels[] = {"TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"};
  if (!name.starts_with(kPrefix)) return std::nullopt;
  name.remove_prefix(kPrefix.size());
  if (name == "UNSPECIFIED") return 0;
  for (std::size_t level = 0; level < std::size(kLevels); ++level) {
    if (!name.starts_with(kLevels[level])) continue;
    const auto rest = name.substr(kLevels[level].size());
    const auto base = static_cast<std::int64_t>(level * 4 + 1);
    if (rest.empty()) return base;
    if (rest.size() == 1 && rest[0] >= '2' && rest[0] <= '4') return base + (rest[0] - '1');
  }
  return std::nullopt;
}

class Encoder {
 public:
  explicit Encoder(Arena& arena) : arena_(arena) {}

  Result<> message(WireWriter& out, Value value, const Shape& shape, int depth = 0) {
    if (depth > kDeepest) return invalid("nested too deep");
    if (!value.is(Kind::object)) {
      return invalid(fmt::format("expected an object for {}, found {}", shape.name,
                                 kind_name(value.kind())));
    }
    for (const auto& [key, member] : value.as_object().members(arena_)) {
      const auto field = std::ranges::find_if(
          shape.fields, [&](const WireField& f) { return f.json == key || f.proto == key; });
      if (field == shape.fields.end()) {
        return invalid(fmt::format("unknown field \"{}\" of {}", key, shape.name));
      }
      if (member.is_null()) continue;
      if (auto done = write(out, *field, member, depth); !done) {
        return std::unexpected(std::move(done).error().within(field->json));
      }
    }
    return {};
  }

 private:
  Result<> write(WireWriter& out, const WireField& field, Value value, int depth) {
    switch (field.form) {
      case Form::text:
        if (!value.is_text()) return mistyped("a string", value);
        out.bytes(field.number, value.as_text());
        return {};
      case Form::base64: {
        if (!value.is_text()) return mistyped("a base64 string", value);
        out.bytes(field.number, value.is(Kind::bytes) ? std::string(value.as_text())
                                                      : TRY(decode_base64(value.as_text())));
        return {};
      }
      case Form::boolean:
        if (!value.is(Kind::boolean)) return mistyped("a boolean", value);
        out.varint(field.number, value.as_boolean());
        return {};
      case Form::enumeration:
        if (value.is(Kind::string)) {
          const auto number = severity(value.as_text());
          if (!number) return mistyped("a severity", value);
          out.varint(field.number, static_cast<std::uint64_t>(*number));
          return {};
        }
        [[fallthrough]];
      case Form::int64:
      case Form::uint32:
        out.varint(field.number, TRY(integer(value)));
        return {};
      case Form::fixed64:
        out.fixed64(field.number, TRY(integer(value)));
        return {};
      case Form::fixed32:
        out.fixed32(field.number, static_cast<std::uint32_t>(TRY(integer(value))));
        return {};
      case Form::float64: {
        const double number = TRY(floating(value));
        std::uint64_t bits;
        std::memcpy(&bits, &number, sizeof bits);
        out.fixed64(field.number, bits);
        return {};
      }
      case Form::message: return nested(out, field, value, depth);
      case Form::messages: {
        if (!value.is(Kind::array)) return mistyped("an array", value);
        for (const Value& item : value.as_array()) TRY(nested(out, field, item, depth));
        return {};
      }
    }
    return {};
  }

  Result<> nested(WireWriter& out, const WireField& field, Value value, int depth) {
    Result<> done;
    out.message(field.number,
                [&](WireWriter& inner) { done = message(inner, value, *field.shape, depth + 1); });
    return done;
  }

  /// Integers may be written as strings too; the bits of a negative one are kept.
  Result<std::uint64_t> integer(Value value) {
    Value number = value.is(Kind::string) ? Value::number_text(value.as_text()) : value;
    if (!number.is_number()) return mistyped("an integer", value);
    if (number.is(Kind::number_text)) {  // above 2^63 a resolved number is a float, and not exact
      const std::string_view text = number.as_text();
      std::uint64_t whole = 0;
      const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), whole);
      if (fault == std::errc() && end == text.data() + text.size()) return whole;
    }
    number = resolve_number(number);
    if (number.is(Kind::int64)) return static_cast<std::uint64_t>(number.as_int64());
    if (number.is(Kind::uint64)) return number.as_uint64();
    if (number.is(Kind::float64)) {
      const double exact = number.as_float64();
      if (std::nearbyint(exact) == exact && std::abs(exact) < 9e18) {
        return static_cast<std::uint64_t>(static_cast<std::int64_t>(exact));
      }
    }
    return mistyped("an integer", value);
  }

  Result<double> floating(Value value) {
    if (value.is_text()) {
      if (const auto number = parse_float(value.as_text())) return *number;
      return mistyped("a number", value);
    }
    const Value number = resolve_number(value);
    if (number.is(Kind::int64)) return static_cast<double>(number.as_int64());
    if (number.is(Kind::uint64)) return static_cast<double>(number.as_uint64());
    if (number.is(Kind::float64)) return number.as_float64();
    return mistyped("a number", value);
  }

  static std::unexpected<Error> mistyped(std::string_view expected, Value found) {
    return invalid(fmt::format("expected {}, found {}", expected, kind_name(found.kind())));
  }

  Arena& arena_;
};

// The form that decode_logs() gives: plain values, wrapped here into what the tables take ----------

Value wrap_any(Value value, Arena& arena) {
  Object* any = make_object(arena, 1);
  switch (value.kind()) {
    case Kind::boolean: any->set("boolValue", value, arena); break;
    case Kind::int64:
    case Kind::uint64:
    case Kind::float64:
    case Kind::number_text: {
      Value number = resolve_number(value);
      const bool is_negative_zero = number.is(Kind::int64) && number.as_int64() == 0 &&
                                    value.is(Kind::number_text) && value.as_text()[0] == '-';
      if (is_negative_zero) number = Value::float64(-0.0);
      any->set(number.is(Kind::float64) ? "doubleValue" : "intValue", number, arena);
      break;
    }
    case Kind::bytes: any->set("bytesValue", value, arena); break;
    case Kind::array: {
      Array* values = make_array(arena, value.as_array().size);
      for (const Value& item : value.as_array()) values->push(wrap_any(item, arena), arena);
      Object* list = make_object(arena, 1);
      list->set("values", Value::array(values), arena);
      any->set("arrayValue", Value::object(list), arena);
      break;
    }
    case Kind::object: {
      Array* values = make_array(arena);
      for (const auto& [key, member] : value.as_object().members(arena)) {
        Object* entry = make_object(arena, 2);
        entry->set("key", Value::string(key), arena);
        entry->set("value", wrap_any(member, arena), arena);
        values->push(Value::object(entry), arena);
      }
      Object* list = make_object(arena, 1);
      list->set("values", Value::array(values), arena);
      any->set("kvlistValue", Value::object(list), arena);
      break;
    }
    case Kind::string: any->set("stringValue", value, arena); break;
    default: break;  // null: an AnyValue with nothing in it
  }
  return Value::object(any);
}

/// `value` with its attribute map as a list and its body as an AnyValue.
Value wrap_attributes(Value value, Arena& arena) {
  if (!value.is(Kind::object)) return value;
  Object* out = make_object(arena);
  for (const auto& [key, member] : value.as_object().members(arena)) {
    Value kept = member;
    if (key == "attributes" && member.is(Kind::object)) {
      Arena& a = arena;
      kept = *wrap_any(member, a).as_object().find("kvlistValue", a)->as_object().find("values", a);
    } else if (key == "body") {
      kept = wrap_any(member, arena);
    }
    out->set(key, kept, arena);
  }
  return Value::object(out);
}

Value from_record_form(Object& document, Arena& arena) {
  Object* scope_logs = make_object(arena);
  Array* records = make_array(arena, 1);
  records->push(wrap_attributes(*document.find("record", arena), arena), arena);
  scope_logs->set("logRecords", Value::array(records), arena);
  if (const Value* scope = document.find("scope", arena)) {
    scope_logs->set("scope", wrap_attributes(*scope, arena), arena);
  }
  Array* scopes = make_array(arena, 1);
  scopes->push(Value::object(scope_logs), arena);
  Object* resource_logs = make_object(arena);
  if (const Value* resource = document.find("resource", arena)) {
    resource_logs->set("resource", wrap_attributes(*resource, arena), arena);
  }
  resource_logs->set("scopeLogs", Value::array(scopes), arena);
  return Value::object(resource_logs);
}

}  // namespace

Result<> append_resource_logs(std::string& request, Value document, Arena& arena) {
  if (document.is(Kind::object) && document.as_object().find("record", arena)) {
    document = from_record_form(document.as_object(), arena);
  }
  WireWriter out(request);
  Result<> done;
  const std::size_t before = request.size();
  out.message(1, [&](WireWriter& inner) {
    done = Encoder(arena).message(inner, document, kResourceLogs);
  });
  if (!done) request.resize(before);
  return done;
}

}  // namespace tollgate
