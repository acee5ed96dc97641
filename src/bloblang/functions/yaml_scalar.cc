#include "bloblang/functions/yaml_scalar.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <limits>
#include <string>

#include "value/encoding.h"
#include "value/number.h"
#include "value/timestamp.h"

namespace tollgate::bloblang {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

template <std::size_t N>
bool is_one_of(std::string_view text, const std::array<std::string_view, N>& words) {
  return std::ranges::find(words, text) != words.end();
}

constexpr std::array<std::string_view, 3> kTrue = {"true", "True", "TRUE"};
constexpr std::array<std::string_view, 3> kFalse = {"false", "False", "FALSE"};
constexpr std::array<std::string_view, 5> kNull = {"", "~", "null", "Null", "NULL"};
constexpr std::array<std::string_view, 3> kNan = {".nan", ".NaN", ".NAN"};
constexpr std::array<std::string_view, 3> kInfinity = {".inf", ".Inf", ".INF"};
/// Booleans of YAML 1.1.
constexpr std::array<std::string_view, 16> kOldBooleans = {
    "y", "Y", "yes", "Yes", "YES", "on", "On", "ON", "n", "N", "no", "No", "NO", "off", "Off", "OFF"};

/// Takes digits off the front of a text.
struct DigitReader {
  std::string_view rest;

  std::optional<int> number(std::size_t least, std::size_t most) {
    std::size_t n = 0;
    int value = 0;
    while (n < most && n < rest.size() && is_digit(rest[n])) value = value * 10 + (rest[n++] - '0');
    if (n < least) return std::nullopt;
    rest.remove_prefix(n);
    return value;
  }
  bool skip(char c) {
    if (rest.empty() || rest[0] != c) return false;
    rest.remove_prefix(1);
    return true;
  }
};

/// The nanoseconds of an optional fraction.
std::int32_t fraction(DigitReader& reader) {
  if (reader.rest.size() < 2 || reader.rest[0] != '.' || !is_digit(reader.rest[1])) return 0;
  reader.rest.remove_prefix(1);
  std::int32_t nanoseconds = 0;
  std::int32_t unit = 100'000'000;
  while (!reader.rest.empty() && is_digit(reader.rest[0])) {
    nanoseconds += (reader.rest[0] - '0') * unit;
    unit /= 10;
    reader.rest.remove_prefix(1);
  }
  return nanoseconds;
}

/// Seconds east of UTC: Z or ±hh:mm.
std::optional<int> offset(DigitReader& reader) {
  if (reader.skip('Z')) return 0;
  const bool west = !reader.rest.empty() && reader.rest[0] == '-';
  if (!west && (reader.rest.empty() || reader.rest[0] != '+')) return std::nullopt;
  reader.rest.remove_prefix(1);
  const auto hours = reader.number(2, 2);
  if (!hours || !reader.skip(':')) return std::nullopt;
  const auto minutes = reader.number(2, 2);
  if (!minutes || *hours > 24 || *minutes > 59) return std::nullopt;
  return (west ? -1 : 1) * (*hours * 3600 + *minutes * 60);
}

/// "2006-1-2", "2006-1-2 15:4:5.9" or "2006-1-2T15:4:5.9Z07:00".
std::optional<Timestamp> parse_time(std::string_view text) {
  DigitReader reader{text};
  const auto year = reader.number(4, 4);
  if (!year || !reader.skip('-')) return std::nullopt;
  const auto month = reader.number(1, 2);
  if (!month || !reader.skip('-')) return std::nullopt;
  const auto day = reader.number(1, 2);
  if (!day) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return std::nullopt;
  Timestamp time;
  time.seconds = std::int64_t{std::chrono::sys_days(date).time_since_epoch().count()} * 86400;
  time.zone = Zone::utc();
  if (reader.rest.empty()) return time;
  const bool zoned = reader.rest[0] == 'T' || reader.rest[0] == 't';
  if (!zoned && reader.rest[0] != ' ') return std::nullopt;
  reader.rest.remove_prefix(1);
  const auto hour = reader.number(1, 2);
  if (!hour || !reader.skip(':')) return std::nullopt;
  const auto minute = reader.number(1, 2);
  if (!minute || !reader.skip(':')) return std::nullopt;
  const auto second = reader.number(1, 2);
  if (!second || *hour > 23 || *minute > 59 || *second > 59) return std::nullopt;
  time.seconds += *hour * 3600 + *minute * 60 + *second;
  time.nanoseconds = fraction(reader);
  if (zoned) {
    const auto east = offset(reader);
    if (!east) return std::nullopt;
    time.seconds -= *east;
    if (*east != 0) time.zone = Zone::fixed(*east);
  }
  if (!reader.rest.empty()) return std::nullopt;
  return time;
}

/// [-+]? then digits with at most one point, then an exponent.
bool looks_like_float(std::string_view text) {
  std::size_t i = !text.empty() && (text[0] == '-' || text[0] == '+') ? 1 : 0;
  const auto skip_digits = [&] {
    const std::size_t from = i;
    while (i < text.size() && is_digit(text[i])) ++i;
    return i - from;
  };
  const std::size_t whole = skip_digits();
  std::size_t decimals = 0;
  if (i < text.size() && text[i] == '.') {
    ++i;
    decimals = skip_digits();
  }
  if (whole + decimals == 0) return false;
  if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
    ++i;
    if (i < text.size() && (text[i] == '-' || text[i] == '+')) ++i;
    if (skip_digits() == 0) return false;
  }
  return i == text.size();
}

/// A sexagesimal number of YAML 1.1: 1:30:45.5
bool looks_like_base60(std::string_view text) {
  std::size_t i = !text.empty() && (text[0] == '-' || text[0] == '+') ? 1 : 0;
  if (i >= text.size() || !is_digit(text[i])) return false;
  while (i < text.size() && (is_digit(text[i]) || text[i] == '_')) ++i;
  std::size_t groups = 0;
  while (i < text.size() && text[i] == ':') {
    const std::size_t from = ++i;
    while (i < text.size() && is_digit(text[i])) ++i;
    if (i == from || i - from > 2 || (i - from == 2 && text[from] > '5')) return false;
    ++groups;
  }
  if (groups == 0) return false;
  if (i < text.size() && text[i] == '.') {
    ++i;
    while (i < text.size() && (is_digit(text[i]) || text[i] == '_')) ++i;
  }
  return i == text.size();
}

YamlScalar number(std::string_view text) {
  std::string plain(text);
  std::erase(plain, '_');
  if (const auto n = parse_int(plain, 0)) return {"!!int", Value::int64(*n)};
  if (const auto n = parse_uint(plain, 0)) return {"!!int", Value::uint64(*n)};
  if (looks_like_float(plain)) {
    if (const auto n = parse_float(plain)) return {"!!float", Value::float64(*n)};
  }
  return {"!!str", Value::string(text)};
}

}  // namespace

YamlScalar resolve_yaml(std::string_view text, Arena& arena) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  const YamlScalar as_text = {"!!str", Value::string(text)};
  if (is_one_of(text, kNull)) return {"!!null", Value::null()};
  const char first = text[0];
  const bool is_signed = first == '+' || first == '-';
  if (is_digit(first) || is_signed) {
    if (is_signed && is_one_of(text.substr(1), kInfinity)) {
      return {"!!float", Value::float64(first == '-' ? -infinity : infinity)};
    }
    if (const auto time = parse_time(text)) {
      return {"!!timestamp", Value::timestamp(arena.make<Timestamp>(*time))};
    }
    return number(text);
  }
  if (first == '.') {
    if (is_one_of(text, kInfinity)) return {"!!float", Value::float64(infinity)};
    if (is_one_of(text, kNan)) {
      return {"!!float", Value::float64(std::numeric_limits<double>::quiet_NaN())};
    }
    if (const auto n = parse_float(text)) return {"!!float", Value::float64(*n)};
    return as_text;
  }
  if (is_one_of(text, kTrue)) return {"!!bool", Value::boolean(true)};
  if (is_one_of(text, kFalse)) return {"!!bool", Value::boolean(false)};
  if (text == "<<") return {"!!merge", Value::string(text)};
  return as_text;
}

std::optional<Value> resolve_tagged_yaml(std::string_view tag, std::string_view text,
                                         Arena& arena) {
  if (tag == "!!binary") {
    const auto bytes = decode_base64(text);
    if (!bytes) return std::nullopt;
    return Value::string(arena.copy(*bytes));
  }
  const bool is_core = tag == "!!bool" || tag == "!!int" || tag == "!!float" || tag == "!!null" ||
                       tag == "!!timestamp";
  if (!is_core) return Value::string(text);
  const YamlScalar plain = resolve_yaml(text, arena);
  if (plain.tag == tag) return plain.value;
  if (tag == "!!float" && plain.tag == "!!int") return Value::float64(to_double(plain.value));
  return std::nullopt;
}

bool needs_yaml_quotes(std::string_view text, Arena& arena) {
  const std::string_view tag = resolve_yaml(text, arena).tag;
  return (tag != "!!str" && tag != "!!merge") || looks_like_base60(text) ||
         is_one_of(text, kOldBooleans);
}

}  // namespace tollgate::bloblang
