#include "bloblang/functions/html_text.h"

#include <algorithm>
#include <cstdint>
#include <iterator>

#include "value/encoding.h"

namespace tollgate::bloblang {
namespace {

struct Entity {
  std::string_view name;  // with its semicolon, if it needs one
  char32_t first, second;
};
constexpr Entity kEntities[] = {
#include "bloblang/functions/html_entities.inc"
};

/// What numbers 0x80 to 0x9F mean: Windows-1252.
constexpr char32_t kWindows[] = {
    0x20AC, 0x81,   0x201A, 0x192,  0x201E, 0x2026, 0x2020, 0x2021, 0x2C6,  0x2030, 0x160,
    0x2039, 0x152,  0x8D,   0x17D,  0x8F,   0x90,   0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
    0x2013, 0x2014, 0x2DC,  0x2122, 0x161,  0x203A, 0x153,  0x9D,   0x17E,  0x178};

/// Longest name that needs no semicolon.
constexpr std::size_t kLongestBare = 6;

const Entity* find_entity(std::string_view name) {
  const auto* const found = std::lower_bound(
      std::begin(kEntities), std::end(kEntities), name,
      [](const Entity& entity, std::string_view wanted) { return entity.name < wanted; });
  return found != std::end(kEntities) && found->name == name ? found : nullptr;
}

void append_entity(std::string& out, const Entity& entity) {
  append_rune(out, entity.first);
  if (entity.second) append_rune(out, entity.second);
}

int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return 99;
}

/// Bytes of `text`, which starts with "&#", that were read; 0 if it is no reference.
std::size_t read_number(std::string_view text, std::string& out, HtmlRules rules) {
  std::size_t at = 2;
  const bool hex = at < text.size() && (text[at] == 'x' || text[at] == 'X');
  if (hex) ++at;
  const int base = hex ? 16 : 10;
  std::uint32_t code = 0;
  const std::size_t digits = at;
  while (at < text.size() && digit_of(text[at]) < base) {
    if (rules == HtmlRules::go || code <= 0x10FFFF) {
      code = code * static_cast<std::uint32_t>(base) + static_cast<std::uint32_t>(digit_of(text[at]));
    }
    ++at;
  }

  if (at == digits && rules != HtmlRules::go) return 0;
  if (at < text.size() && text[at] == ';') ++at;
  if (rules == HtmlRules::go && at <= 3) return 0;
  if (code >= 0x80 && code <= 0x9F) {
    code = kWindows[code - 0x80];
  } else if (code == 0) {
    code = replacement_rune;
  }
  append_rune(out, code);
  return at;
}

/// Bytes of `text`, which starts with "&", that were read; 0 if it is no reference.
std::size_t read_name(std::string_view text, std::string& out) {
  std::size_t end = 1;
  const auto is_name = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  while (end < text.size() && is_name(text[end])) ++end;
  if (end < text.size() && text[end] == ';') ++end;
  const std::string_view name = text.substr(1, end - 1);
  if (const Entity* entity = find_entity(name)) {
    append_entity(out, *entity);
    return end;
  }
  for (std::size_t length = name.empty() ? 0 : std::min(name.size() - 1, kLongestBare); length > 1;
       --length) {
    if (const Entity* entity = find_entity(name.substr(0, length))) {
      append_entity(out, *entity);
      return length + 1;
    }
  }
  return 0;
}

}  // namespace

void append_html_escaped(std::string& out, std::string_view text) {
  for (const char c : text) {
    switch (c) {
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '&': out += "&amp;"; break;
      case '\'': out += "&#39;"; break;
      case '"': out += "&#34;"; break;
      default: out += c;
    }
  }
}

std::string html_unescaped(std::string_view text, HtmlRules rules) {
  std::string out;
  out.reserve(text.size());
  while (true) {
    const std::size_t at = text.find('&');
    out += text.substr(0, at);
    if (at == std::string_view::npos) return out;
    text.remove_prefix(at);
    const std::size_t read =
        text.starts_with("&#") ? read_number(text, out, rules) : read_name(text, out);
    if (read == 0) out += '&';
    text.remove_prefix(read ? read : 1);
  }
}

}  // namespace tollgate::bloblang
