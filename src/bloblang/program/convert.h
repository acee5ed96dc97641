#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/arena.h"
#include "value/coerce.h"
#include "value/value.h"

namespace tollgate::bloblang {
struct Run;
}

/// The loose readings of values that operators and arguments use, beside those of value/coerce.h:
/// they answer nullopt where the kind does not allow it and leave what to say about that to the
/// caller (error.h), so that refusing costs nothing.
namespace tollgate::bloblang {

namespace detail {
std::optional<double> as_number(Value value);
std::optional<std::string_view> as_string(Value value, Arena& arena);
}  // namespace detail

/// Any number, as float64.
inline std::optional<double> as_number(Value value) {
  if (value.is(Kind::int64)) return static_cast<double>(value.as_int64());
  if (value.is(Kind::float64)) return value.as_float64();
  return detail::as_number(value);
}
/// Any number, as int64; floats are truncated, uint64 wraps.
std::optional<std::int64_t> as_integer(Value value);
/// A boolean, or a number (non-zero is true).
std::optional<bool> as_condition(Value value);
/// A string, bytes, or a timestamp (RFC 3339).
inline std::optional<std::string_view> as_string(Value value, Arena& arena) {
  if (value.is_text()) return value.as_text();
  return detail::as_string(value, arena);
}

/// A timestamp, an RFC 3339 text or a unix number as a timestamp in `run`'s arena; else an error.
Value timestamp_of(Run& run, Value value);

/// What fmt's %v prints: "map[a:1 b:[2 3]]", "<nil>".
std::string display(Value value, Arena& arena);
/// What fmt's %T prints: "string", "int64", "map[string]interface {}", "json.Number" …
std::string_view go_type(Value value);

/// A path with dots, its segments escaped ("~" is ~0, "." is ~1).
void append_dot_path(std::string& out, std::span<const std::string_view> path);

}  // namespace tollgate::bloblang
