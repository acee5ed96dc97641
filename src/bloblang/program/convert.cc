#include "bloblang/program/convert.h"

#include <cmath>
#include <utility>

#include "bloblang/program/error.h"
#include "bloblang/program/limits.h"
#include "value/json.h"
#include "value/number.h"
#include "value/time_layout.h"

namespace tollgate::bloblang {

namespace {
/// Structures are displayed this deep.
constexpr int kMaxDepth = 5000;
}  // namespace

std::optional<double> detail::as_number(Value value) {
  switch (value.kind()) {
    case Kind::uint64: return static_cast<double>(value.as_uint64());
    case Kind::number_text: return parse_float(value.as_text());
    default: return std::nullopt;
  }
}

std::optional<std::int64_t> as_integer(Value value) {
  switch (value.kind()) {
    case Kind::int64: return value.as_int64();
    case Kind::uint64: return static_cast<std::int64_t>(value.as_uint64());
    case Kind::float64: return truncate_to_int(value.as_float64());
    case Kind::number_text: {
      if (const auto exact = parse_int(value.as_text())) return exact;
      const auto rough = parse_float(value.as_text());
      return rough ? std::optional(truncate_to_int(*rough)) : std::nullopt;
    }
    default: return std::nullopt;
  }
}

std::optional<bool> as_condition(Value value) {
  switch (value.kind()) {
    case Kind::boolean: return value.as_boolean();
    case Kind::int64: return value.as_int64() != 0;
    case Kind::uint64: return value.as_uint64() != 0;
    case Kind::float64: return value.as_float64() != 0;
    case Kind::number_text: return value.as_text() != "0";
    default: return std::nullopt;
  }
}

std::optional<std::string_view> detail::as_string(Value value, Arena& arena) {
  if (!value.is(Kind::timestamp)) return std::nullopt;
  std::string text;
  append_rfc3339(text, value.as_timestamp());
  return arena.copy(text);
}

Value timestamp_of(Run& run, Value value) {
  if (value.is(Kind::timestamp)) return value;
  const bool is_readable = value.is_number() || value.is_text();
  if (!is_readable) return type_error(run, value, {"number", "string"});
  auto time = get_timestamp(value);
  if (!time) return make_error(run, {time.error().message()});
  return Value::timestamp(run.arena.make<Timestamp>(*time));
}

// What Go prints ----------------------------------------------------------------------------------

namespace {

void append_display(std::string& out, Value value, Arena& arena, int depth) {
  if (depth > kMaxDepth || out.size() > kMaxBytes) return;
  switch (value.kind()) {
    case Kind::null:
    case Kind::deleted:
    case Kind::nothing: out += "<nil>"; return;
    case Kind::bytes: {
      out += '[';
      for (std::size_t i = 0; i < value.as_text().size(); ++i) {
        if (i) out += ' ';
        append_uint(out, static_cast<unsigned char>(value.as_text()[i]));
      }
      out += ']';
      return;
    }
    case Kind::timestamp:
      append_time(out, value.as_timestamp(), "2006-01-02 15:04:05.999999999 -0700 MST");
      return;
    case Kind::opaque: append_display(out, value.as_opaque(), arena, depth); return;
    case Kind::array: {
      out += '[';
      bool first = true;
      for (const Value& item : value.as_array()) {
        if (!std::exchange(first, false)) out += ' ';
        append_display(out, item, arena, depth + 1);
      }
      out += ']';
      return;
    }
    case Kind::object: {
      out += "map[";
      bool first = true;
      for (const auto& [key, member] : value.as_object().members(arena)) {
        if (!std::exchange(first, false)) out += ' ';
        out += key;
        out += ':';
        append_display(out, member, arena, depth + 1);
      }
      out += ']';
      return;
    }
    default: append_text(out, value, arena); return;
  }
}

}  // namespace

std::string display(Value value, Arena& arena) {
  std::string text;
  append_display(text, value, arena, 0);
  return text;
}

std::string_view go_type(Value value) {
  switch (value.kind()) {
    case Kind::null: return "<nil>";
    case Kind::boolean: return "bool";
    case Kind::int64: return "int64";
    case Kind::uint64: return "uint64";
    case Kind::float64: return "float64";
    case Kind::number_text: return "json.Number";
    case Kind::string: return "string";
    case Kind::bytes: return "[]uint8";
    case Kind::timestamp: return "time.Time";
    case Kind::array: return "[]interface {}";
    case Kind::object: return "map[string]interface {}";
    case Kind::deleted: return "value.Delete";
    case Kind::nothing: return "value.Nothing";
    case Kind::error: return "error";
    case Kind::opaque: return value.as_opaque().is(Kind::nothing) ? "value.Nothing" : "unknown";
  }
  return "";
}

void append_dot_path(std::string& out, std::span<const std::string_view> path) {
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (i > 0) out += '.';
    for (const char c : path[i]) {
      if (c == '~') {
        out += "~0";
      } else if (c == '.') {
        out += "~1";
      } else {
        out += c;
      }
    }
  }
}

}  // namespace tollgate::bloblang
