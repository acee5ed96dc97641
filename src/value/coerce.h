#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "base/arena.h"
#include "base/result.h"
#include "value/timestamp.h"
#include "value/value.h"

namespace tollgate {

// Conversions between kinds, as the mapping language does them. get_… are strict: they change the
// representation, never parse text. to_… also parse. Errors of the wrong kind read
// `expected number value, got string ("x")`; callers that know where a value came from make the
// text with type_error().

/// `expected number or string value, got bool from <from> (true)`. `from` may be empty; `expected`
/// are names as kind_name() prints them.
std::string type_error(Value value, std::initializer_list<std::string_view> expected,
                       std::string_view from = {});

/// Text of any value: strings and bytes as they are, timestamps as RFC 3339, null and the markers
/// as "null", arrays and objects as compact JSON with HTML escaping. Floats as Go's 'g' ("1e+06").
void append_text(std::string& out, Value value, Arena& arena);
/// As append_text; copies only what has no text of its own.
std::string_view to_text(Value value, Arena& arena);

/// A string, bytes, or a timestamp's RFC 3339. `wanted` is the kind an error asks for.
Result<std::string_view> get_text(Value value, Arena& arena, std::string_view wanted = "string");
/// Any number as a double.
Result<double> get_number(Value value);
/// Any number as an integer; a float is cut off.
Result<std::int64_t> get_int(Value value);
/// A boolean, or a number: whether it is not 0.
Result<bool> get_bool(Value value);
/// A timestamp, a number of unix seconds (in the local zone), or a text in RFC 3339.
Result<Timestamp> get_timestamp(Value value);

/// A number, or a text that Go's ParseFloat takes.
Result<double> to_float(Value value);
/// A number without decimals, or a text that Go's ParseInt takes with base 0.
Result<std::int64_t> to_int(Value value);
Result<std::uint64_t> to_uint(Value value);
/// As to_int and to_uint for `bits` of 8, 16, 32 or 64.
Result<std::int64_t> to_int_of(Value value, int bits);
Result<std::uint64_t> to_uint_of(Value value, int bits);
/// As get_bool, or a text among 1 t T TRUE true True 0 f F FALSE false False.
Result<bool> to_bool(Value value);

/// A float as an integer if it has no decimals and fits, with the errors of to_int.
Result<std::int64_t> float_to_int(double number);
Result<std::uint64_t> float_to_uint(double number);
/// Cuts off the decimals; NaN and what does not fit give the least integer, as on amd64 in Go.
std::int64_t truncate_to_int(double number);

}  // namespace tollgate
