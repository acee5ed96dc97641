#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "value/value.h"

namespace tollgate {

/// Appends a float as encoding/json writes it: shortest digits, plain between 1e-6 and 1e21.
void append_json_float(std::string& out, double number);
/// Appends a float as Go's %v / strconv 'g' with precision -1 writes it ("1e+06").
void append_go_float(std::string& out, double number);
void append_int(std::string& out, std::int64_t number);
void append_uint(std::string& out, std::uint64_t number);

/// Room that each write_… below may need.
inline constexpr std::size_t number_width = 32;
char* write_json_float(char* to, double number);  ///< requires a finite number
char* write_int(char* to, std::int64_t number);
char* write_uint(char* to, std::uint64_t number);

/// The number that a number_text spells: int64 where it fits, else float64, else (beyond the range
/// of a double) its text as a string. Any other kind is returned as it is.
Value resolve_number(Value value);
/// The number as a double; a number_text beyond the range of a double gives an infinity.
/// Requires: value.is_number().
double to_double(Value value);

/// Why a text is not a number.
enum class NumberFault : std::uint8_t { none, syntax, range };

template <typename T>
struct ParsedNumber {
  T value;            ///< as Go returns it beside the error: 0, the nearest limit, an infinity
  NumberFault fault;
};

/// Go's strconv.ParseFloat(text, 64): decimal, hex with a p exponent, inf, infinity, nan.
ParsedNumber<double> scan_float(std::string_view text);
/// Go's strconv.ParseInt(text, base, 64); base 0 detects 0x, 0o, 0b, 0 and allows underscores.
ParsedNumber<std::int64_t> scan_int(std::string_view text, int base = 10);
ParsedNumber<std::uint64_t> scan_uint(std::string_view text, int base = 10);

std::optional<double> parse_float(std::string_view text);
std::optional<std::int64_t> parse_int(std::string_view text, int base = 10);
std::optional<std::uint64_t> parse_uint(std::string_view text, int base = 10);

/// The error of strconv's `function`: `strconv.ParseFloat: parsing "x": invalid syntax`.
std::string number_error(std::string_view function, std::string_view text, NumberFault fault);

}  // namespace tollgate
