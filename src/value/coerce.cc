#include "value/coerce.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "value/civil.h"
#include "value/json.h"
#include "value/number.h"
#include "value/time_layout.h"

namespace tollgate {

namespace {

constexpr double two_to_63 = 9223372036854775808.0;
constexpr double two_to_64 = 18446744073709551616.0;

std::unexpected<Error> wrong_kind(Value value, std::initializer_list<std::string_view> expected) {
  return invalid(type_error(value, expected));
}

/// The number that text spells, or strconv's error.
template <typename T>
Result<T> checked(ParsedNumber<T> parsed, std::string_view function, std::string_view text) {
  if (parsed.fault == NumberFault::none) return parsed.value;
  return invalid(number_error(function, text, parsed.fault));
}

Result<double> float_of_text(std::string_view text) {
  return checked(scan_float(text), "ParseFloat", text);
}

Timestamp local_time(double seconds) {
  const double whole = std::trunc(seconds);
  const auto nanoseconds = truncate_to_int((seconds - whole) * 1e9);
  return make_timestamp(truncate_to_int(whole), nanoseconds, Zone::local());
}

}  // namespace

std::string type_error(Value value, std::initializer_list<std::string_view> expected,
                       std::string_view from) {
  std::string message = expected.size() ? "expected " : "unexpected value";
  std::size_t index = 0;
  for (const auto name : expected) {
    if (index > 0) message += expected.size() > 2 && index + 1 < expected.size() ? ", " : " or ";
    message += name;
    ++index;
  }
  if (expected.size()) message += " value";
  message.append(", got ").append(kind_name(value.kind()));
  if (!from.empty()) message.append(" from ").append(from);
  if (value.is(Kind::string)) {
    message.append(" (\"").append(value.as_text()).append("\")");
  } else if (value.is(Kind::boolean)) {
    message += value.as_boolean() ? " (true)" : " (false)";
  } else if (value.is_number()) {
    message += " (";
    if (value.is(Kind::int64)) append_int(message, value.as_int64());
    if (value.is(Kind::uint64)) append_uint(message, value.as_uint64());
    if (value.is(Kind::float64)) append_go_float(message, value.as_float64());
    if (value.is(Kind::number_text)) message += value.as_text();
    message += ')';
  }
  return message;
}

void append_text(std::string& out, Value value, Arena& arena) {
  switch (value.kind()) {
    case Kind::string:
    case Kind::bytes:
    case Kind::number_text:
    case Kind::error: out += value.as_text(); break;
    case Kind::boolean: out += value.as_boolean() ? "true" : "false"; break;
    case Kind::int64: append_int(out, value.as_int64()); break;
    case Kind::uint64: append_uint(out, value.as_uint64()); break;
    case Kind::float64: append_go_float(out, value.as_float64()); break;
    case Kind::timestamp: append_rfc3339(out, value.as_timestamp()); break;
    case Kind::array:
    case Kind::object:
    case Kind::opaque:
      // What has no JSON form is "null", as it is to the incumbent.
      if (!append_json(out, value, arena, {.escape_html = true, .as_text = true})) out += "null";
      break;
    case Kind::null:
    case Kind::deleted:
    case Kind::nothing: out += "null"; break;
  }
}

std::string_view to_text(Value value, Arena& arena) {
  if (value.is_text() || value.is(Kind::number_text) || value.is_error()) return value.as_text();
  if (value.is(Kind::boolean)) return value.as_boolean() ? "true" : "false";
  std::string text;
  append_text(text, value, arena);
  return arena.copy(text);
}

Result<std::string_view> get_text(Value value, Arena& arena, std::string_view wanted) {
  if (value.is_text()) return value.as_text();
  if (value.is(Kind::timestamp)) return to_text(value, arena);
  return wrong_kind(value, {wanted});
}

std::int64_t truncate_to_int(double number) {
  if (!(number >= -two_to_63 && number < two_to_63)) {
    return std::numeric_limits<std::int64_t>::min();
  }
  return static_cast<std::int64_t>(number);
}

Result<double> get_number(Value value) {
  if (value.is(Kind::number_text)) return float_of_text(value.as_text());
  if (value.is_number()) return to_double(value);
  return wrong_kind(value, {"number"});
}

Result<std::int64_t> get_int(Value value) {
  switch (value.kind()) {
    case Kind::int64: return value.as_int64();
    case Kind::uint64: return static_cast<std::int64_t>(value.as_uint64());
    case Kind::float64: return truncate_to_int(value.as_float64());
    case Kind::number_text: {
      const auto whole = scan_int(value.as_text());
      if (whole.fault == NumberFault::none) return whole.value;
      const auto number = scan_float(value.as_text());
      if (number.fault == NumberFault::none) return truncate_to_int(number.value);
      return checked(whole, "ParseInt", value.as_text());
    }
    default: return wrong_kind(value, {"number"});
  }
}

Result<bool> get_bool(Value value) {
  switch (value.kind()) {
    case Kind::boolean: return value.as_boolean();
    case Kind::number_text: return value.as_text() != "0";
    case Kind::int64:
    case Kind::uint64:
    case Kind::float64: return to_double(value) != 0;
    default: return wrong_kind(value, {"bool"});
  }
}

Result<Timestamp> get_timestamp(Value value) {
  value = resolve_number(value);
  switch (value.kind()) {
    case Kind::timestamp: return value.as_timestamp();
    case Kind::int64: return Timestamp{value.as_int64(), 0, Zone::local()};
    case Kind::uint64:
      return Timestamp{static_cast<std::int64_t>(value.as_uint64()), 0, Zone::local()};
    case Kind::float64: return local_time(value.as_float64());
    case Kind::string:
    case Kind::bytes: return parse_rfc3339(value.as_text());
    default: return wrong_kind(value, {"number", "string"});
  }
}

Result<double> to_float(Value value) {
  if (value.is_text()) return float_of_text(value.as_text());
  return get_number(value);
}

Result<std::int64_t> float_to_int(double number) {
  if (std::isinf(number)) return invalid("cannot convert +/-INF to an integer");
  if (std::isnan(number)) return invalid("cannot convert NAN to an integer");
  if (number > two_to_63) {
    return invalid("float value is too large to be cast as a signed integer");
  }
  if (number < -two_to_63) {
    return invalid("float value is too small to be cast as a signed integer");
  }
  if (number - static_cast<double>(truncate_to_int(number)) != 0) {
    return invalid(
        "float value contains decimals and therefore cannot be cast as a signed integer, if you "
        "intend to round the value then call `.round()` explicitly before this cast");
  }
  return truncate_to_int(number);
}

Result<std::uint64_t> float_to_uint(double number) {
  if (number < 0) {
    return invalid("float value is negative and cannot be cast as an unsigned integer");
  }
  if (std::isinf(number)) return invalid("cannot convert +/-INF to an unsigned integer");
  if (std::isnan(number)) return invalid("cannot convert NAN to an unsigned integer");
  if (number >= two_to_64) {
    return invalid("float value is too large to be cast as an unsigned integer");
  }
  if (number != std::trunc(number)) {
    return invalid(
        "float value contains decimals and therefore cannot be cast as an unsigned integer, if you "
        "intend to round the value then call `.round()` explicitly before this cast");
  }
  return static_cast<std::uint64_t>(number);
}

Result<std::int64_t> to_int(Value value) {
  switch (value.kind()) {
    case Kind::int64: return value.as_int64();
    case Kind::uint64:
      if (value.as_uint64() > std::uint64_t(std::numeric_limits<std::int64_t>::max())) {
        return invalid("unsigned integer value is too large to be cast as a signed integer");
      }
      return static_cast<std::int64_t>(value.as_uint64());
    case Kind::float64: return float_to_int(value.as_float64());
    case Kind::number_text: return checked(scan_int(value.as_text()), "ParseInt", value.as_text());
    case Kind::string:
    case Kind::bytes: return checked(scan_int(value.as_text(), 0), "ParseInt", value.as_text());
    default: return wrong_kind(value, {"number"});
  }
}

Result<std::uint64_t> to_uint(Value value) {
  const auto from_signed = [](std::int64_t number) -> Result<std::uint64_t> {
    if (number >= 0) return static_cast<std::uint64_t>(number);
    return invalid("signed integer value is negative and cannot be cast as an unsigned integer");
  };
  switch (value.kind()) {
    case Kind::int64: return from_signed(value.as_int64());
    case Kind::uint64: return value.as_uint64();
    case Kind::float64: return float_to_uint(value.as_float64());
    case Kind::number_text:
      return from_signed(TRY(checked(scan_int(value.as_text()), "ParseInt", value.as_text())));
    case Kind::string:
    case Kind::bytes: return checked(scan_uint(value.as_text(), 0), "ParseUint", value.as_text());
    default: return wrong_kind(value, {"number"});
  }
}

namespace {

std::unexpected<Error> out_of_range(std::string_view size, int bits, std::string_view sign) {
  std::string message = "value is too ";
  message.append(size).append(bits == 8 ? " to be cast as an " : " to be cast as a ");
  append_int(message, bits);
  return invalid(message.append("-bit ").append(sign).append(" integer"));
}

}  // namespace

Result<std::int64_t> to_int_of(Value value, int bits) {
  const std::int64_t number = TRY(to_int(value));
  if (bits >= 64) return number;
  const std::int64_t most = (std::int64_t{1} << (bits - 1)) - 1;
  if (number > most) return out_of_range("large", bits, "signed");
  if (number < -most - 1) return out_of_range("small", bits, "signed");
  return number;
}

Result<std::uint64_t> to_uint_of(Value value, int bits) {
  const std::uint64_t number = TRY(to_uint(value));
  if (bits < 64 && number >> bits != 0) return out_of_range("large", bits, "unsigned");
  return number;
}

Result<bool> to_bool(Value value) {
  if (!value.is_text()) return get_bool(value);
  const std::string_view text = value.as_text();
  for (const auto yes : {"1", "t", "T", "TRUE", "true", "True"}) {
    if (text == yes) return true;
  }
  for (const auto no : {"0", "f", "F", "FALSE", "false", "False"}) {
    if (text == no) return false;
  }
  return wrong_kind(value, {"bool"});
}

}  // namespace tollgate
