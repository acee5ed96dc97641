#include "config/yaml_scalar.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <string>

namespace tollgate {

namespace {

constexpr std::array<std::string_view, 5> nulls{"", "~", "null", "Null", "NULL"};
constexpr std::array<std::string_view, 3> trues{"true", "True", "TRUE"};
constexpr std::array<std::string_view, 3> falses{"false", "False", "FALSE"};

bool contains(const auto& words, std::string_view text) {
  return std::ranges::find(words, text) != words.end();
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string without_underscores(std::string_view text) {
  std::string plain(text);
  std::erase(plain, '_');
  return plain;
}

struct Magnitude {
  bool negative = false;
  std::uint64_t value = 0;
};

std::optional<Magnitude> parse_magnitude(std::string_view written) {
  const std::string plain = without_underscores(written);
  std::string_view text = plain;
  Magnitude result;
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) {
    result.negative = text.front() == '-';
    text.remove_prefix(1);
  }
  int base = 10;
  if (text.size() > 1 && text.front() == '0') {
    const char letter = static_cast<char>(text[1] | 0x20);
    base = letter == 'x' ? 16 : letter == 'b' ? 2 : 8;
    text.remove_prefix(letter == 'x' || letter == 'b' || letter == 'o' ? 2 : 1);
  }
  if (text.empty()) return std::nullopt;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), result.value, base);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return result;
}

// [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?
bool is_decimal(std::string_view text) {
  std::size_t at = 0;
  const auto digits = [&] {
    const std::size_t from = at;
    while (at < text.size() && is_digit(text[at])) ++at;
    return at - from;
  };
  if (at < text.size() && (text[at] == '-' || text[at] == '+')) ++at;
  const bool whole = digits() > 0;
  if (at < text.size() && text[at] == '.') {
    ++at;
    if (digits() == 0 && !whole) return false;
  } else if (!whole) {
    return false;
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '-' || text[at] == '+')) ++at;
    if (digits() == 0) return false;
  }
  return at == text.size();
}

}  // namespace

std::optional<std::int64_t> parse_yaml_integer(std::string_view text) {
  if (text.empty() || !(is_digit(text[0]) || text[0] == '-' || text[0] == '+')) return std::nullopt;
  const auto magnitude = parse_magnitude(text);
  if (!magnitude) return std::nullopt;
  constexpr auto limit = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (!magnitude->negative) {
    if (magnitude->value > limit) return std::nullopt;
    return static_cast<std::int64_t>(magnitude->value);
  }
  if (magnitude->value > limit + 1) return std::nullopt;
  return static_cast<std::int64_t>(~magnitude->value + 1);
}

std::optional<double> parse_yaml_number(std::string_view text) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  if (contains(std::array<std::string_view, 3>{".nan", ".NaN", ".NAN"}, text)) {
    return std::numeric_limits<double>::quiet_NaN();
  }
  const std::string_view unsigned_text =
      text.starts_with('-') || text.starts_with('+') ? text.substr(1) : text;
  if (contains(std::array<std::string_view, 3>{".inf", ".Inf", ".INF"}, unsigned_text)) {
    return text.starts_with('-') ? -infinity : infinity;
  }
  if (const auto integer = parse_yaml_integer(text)) return static_cast<double>(*integer);
  if (const auto magnitude = text.empty() || !is_digit(text[0]) ? std::nullopt
                                                                 : parse_magnitude(text)) {
    return static_cast<double>(magnitude->value);
  }
  if (text.starts_with('_')) return std::nullopt;
  const std::string plain = without_underscores(text);
  if (!is_decimal(plain)) return std::nullopt;
  const char* begin = plain.data() + (plain.front() == '+' ? 1 : 0);
  double value = 0;
  const auto [end, error] = std::from_chars(begin, plain.data() + plain.size(), value);
  if (error == std::errc::result_out_of_range) return std::nullopt;
  return error == std::errc() && end == plain.data() + plain.size() ? std::optional(value)
                                                                    : std::nullopt;
}

std::optional<bool> parse_yaml_boolean(std::string_view text) {
  if (contains(trues, text)) return true;
  if (contains(falses, text)) return false;
  if (contains(std::array<std::string_view, 4>{"y", "Y", "yes", "on"}, text)) return true;
  if (contains(std::array<std::string_view, 4>{"n", "N", "no", "off"}, text)) return false;
  return std::nullopt;
}

Node::Kind resolve_plain(std::string_view text) {
  if (contains(nulls, text)) return Node::Kind::null;
  if (contains(trues, text) || contains(falses, text)) return Node::Kind::boolean;
  const char first = text.front();
  if (!is_digit(first) && first != '-' && first != '+' && first != '.') return Node::Kind::string;
  if (is_yaml_timestamp(text)) return Node::Kind::string;
  if (parse_yaml_integer(text)) return Node::Kind::integer;
  if (parse_yaml_number(text)) {
    return is_digit(first) && parse_magnitude(text) ? Node::Kind::integer : Node::Kind::number;
  }
  return Node::Kind::string;
}

bool is_yaml_timestamp(std::string_view text) {
  // 2006-1-2, then optionally T or blanks and 15:4:5 with fraction and zone.
  std::size_t at = 0;
  const auto digits = [&](std::size_t least, std::size_t most) {
    const std::size_t from = at;
    while (at < text.size() && is_digit(text[at]) && at - from < most) ++at;
    return at - from >= least;
  };
  const auto sign = [&](char c) { return at < text.size() && text[at] == c && ++at; };
  if (!digits(4, 4) || !sign('-') || !digits(1, 2) || !sign('-') || !digits(1, 2)) return false;
  if (at == text.size()) return true;
  if (!sign('T') && !sign('t') && !sign(' ')) return false;
  if (!digits(1, 2) || !sign(':') || !digits(1, 2) || !sign(':') || !digits(1, 2)) return false;
  if (sign('.') && !digits(0, 30)) return false;
  const std::string_view zone = text.substr(at);
  if (zone.empty() || zone == "Z") return true;
  if (zone.front() != '+' && zone.front() != '-') return false;
  ++at;
  return digits(1, 2) && (at == text.size() || (sign(':') && digits(2, 2) && at == text.size()));
}

}  // namespace tollgate
