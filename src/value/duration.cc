#include "value/duration.h"

#include <algorithm>
#include <limits>

#include "value/number.h"
#include "value/time_layout.h"

namespace tollgate {

namespace {

constexpr std::uint64_t limit = std::uint64_t{1} << 63;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::unexpected<Error> duration_error(std::string_view what, std::string_view text) {
  std::string message = "time: ";
  message.append(what).append(" ");
  append_time_quoted(message, text);
  return invalid(std::move(message));
}

/// Nanoseconds of a unit, or 0.
std::uint64_t unit_size(std::string_view unit) {
  if (unit == "ns") return 1;
  if (unit == "us" || unit == "\u00B5s" || unit == "\u03BCs") return 1000;
  if (unit == "ms") return 1'000'000;
  if (unit == "s") return 1'000'000'000;
  if (unit == "m") return 60'000'000'000;
  if (unit == "h") return 3'600'000'000'000;
  return 0;
}

/// Reads digits into `value`; false beyond 2^63.
bool read_whole(std::string_view& text, std::uint64_t& value) {
  while (!text.empty() && is_digit(text.front())) {
    if (value > limit / 10) return false;
    value = value * 10 + static_cast<std::uint64_t>(text.front() - '0');
    if (value > limit) return false;
    text.remove_prefix(1);
  }
  return true;
}

/// Reads the digits of a fraction as value / scale, leaving out those that no longer fit.
void read_fraction(std::string_view& text, std::uint64_t& value, double& scale) {
  bool full = false;
  for (; !text.empty() && is_digit(text.front()); text.remove_prefix(1)) {
    if (full || value > (limit - 1) / 10) {
      full = true;
      continue;
    }
    const std::uint64_t next = value * 10 + static_cast<std::uint64_t>(text.front() - '0');
    if (next > limit) {
      full = true;
      continue;
    }
    value = next;
    scale *= 10;
  }
}

/// Appends value / 10^places without trailing zeros.
void append_scaled(std::string& out, std::uint64_t value, int places) {
  std::uint64_t unit = 1;
  for (int i = 0; i < places; ++i) unit *= 10;
  append_uint(out, value / unit);
  std::uint64_t rest = value % unit;
  if (rest == 0) return;
  out += '.';
  while (rest > 0) {
    unit /= 10;
    out += static_cast<char>('0' + rest / unit);
    rest %= unit;
  }
}

}  // namespace

Result<std::int64_t> parse_duration(std::string_view text) {
  std::string_view rest = text;
  const auto wrong = [text] { return duration_error("invalid duration", text); };
  bool negative = false;
  if (rest.starts_with('-') || rest.starts_with('+')) {
    negative = rest.front() == '-';
    rest.remove_prefix(1);
  }
  if (rest == "0") return 0;
  if (rest.empty()) return wrong();
  std::uint64_t total = 0;
  while (!rest.empty()) {
    std::uint64_t whole = 0;
    std::uint64_t fraction = 0;
    double scale = 1;
    const std::size_t before = rest.size();
    if (!read_whole(rest, whole)) return wrong();
    std::size_t digits = before - rest.size();
    if (rest.starts_with('.')) {
      rest.remove_prefix(1);
      const std::size_t point = rest.size();
      read_fraction(rest, fraction, scale);
      digits += point - rest.size();
    }
    if (digits == 0) return wrong();
    const std::size_t size = std::min(rest.find_first_of(".0123456789"), rest.size());
    if (size == 0) return duration_error("missing unit in duration", text);
    const std::uint64_t unit = unit_size(rest.substr(0, size));
    if (unit == 0) {
      std::string what = "unknown unit ";
      append_time_quoted(what, rest.substr(0, size));
      return duration_error(what += " in duration", text);
    }
    rest.remove_prefix(size);
    if (whole > limit / unit) return wrong();
    whole *= unit;
    if (fraction > 0) {
      whole += static_cast<std::uint64_t>(static_cast<double>(fraction) *
                                          (static_cast<double>(unit) / scale));
    }
    if (whole > limit) return wrong();
    total += whole;
    if (total > limit) return wrong();
  }
  if (negative) return static_cast<std::int64_t>(0 - total);
  if (total == limit) return wrong();
  return static_cast<std::int64_t>(total);
}

void append_duration(std::string& out, std::int64_t nanoseconds) {
  auto value = static_cast<std::uint64_t>(nanoseconds);
  if (nanoseconds < 0) {
    out += '-';
    value = 0 - value;
  }
  if (value == 0) {
    out += "0s";
  } else if (value < 1000) {
    append_scaled(out, value, 0);
    out += "ns";
  } else if (value < 1'000'000) {
    append_scaled(out, value, 3);
    out += "\u00B5s";
  } else if (value < 1'000'000'000) {
    append_scaled(out, value, 6);
    out += "ms";
  } else {
    constexpr std::uint64_t minute = 60'000'000'000;
    const std::uint64_t minutes = value / minute;
    if (minutes >= 60) append_uint(out, minutes / 60), out += 'h';
    if (minutes > 0) append_uint(out, minutes % 60), out += 'm';
    append_scaled(out, value % minute, 9);
    out += 's';
  }
}

}  // namespace tollgate
