#include "base/log_format.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>
#include <utility>
#include <vector>

namespace tollgate {

namespace {

std::string_view level_text(LogLevel level) {
  switch (level) {
    case LogLevel::fatal: return "fatal";
    case LogLevel::error: return "error";
    case LogLevel::warn: return "warning";
    case LogLevel::info: return "info";
    case LogLevel::debug: return "debug";
    case LogLevel::trace: return "trace";
    case LogLevel::off: break;
  }
  return "off";
}

/// The code point that starts `text` and its length; length 1 and no point if it is not UTF-8.
struct Decoded {
  std::uint32_t point;
  std::size_t length;
  bool valid;
};

Decoded decode(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned first = byte(0);
  if (first < 0x80) return {first, 1, true};
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return {0, 1, false};
  std::uint32_t point = first & (0x7fu >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0u) != 0x80u) return {0, 1, false};
    point = point << 6 | (byte(i) & 0x3fu);
  }
  constexpr std::array<std::uint32_t, 5> least{0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = point >= 0xd800 && point <= 0xdfff;
  if (point < least[length] || point > 0x10ffff || surrogate) return {0, 1, false};
  return {point, length, true};
}

/// Whether a terminal shows `point` as itself. Spaces other than ' ', controls, direction marks,
/// private use and non-characters do not: they could forge or hide parts of a line.
bool is_shown(std::uint32_t point) {
  struct Range {
    std::uint32_t first, last;
  };
  static constexpr Range hidden[] = {
      {0x00, 0x1f},     {0x7f, 0xa0},     {0xad, 0xad},     {0x61c, 0x61c},   {0x1680, 0x1680},
      {0x180e, 0x180e}, {0x2000, 0x200f}, {0x2028, 0x202f}, {0x205f, 0x206f}, {0x3000, 0x3000},
      {0xd800, 0xf8ff}, {0xfdd0, 0xfdef}, {0xfeff, 0xfeff}, {0xfff0, 0xfffb}, {0xfffe, 0xffff},
      {0xe0000, 0x10ffff},
  };
  return std::ranges::none_of(
      hidden, [point](Range range) { return point >= range.first && point <= range.last; });
}

/// `bytes` as a text in double quotes that is one line whatever it holds.
void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    const Decoded next = decode(text);
    const char c = text.front();
    constexpr std::string_view plain = "\"\\\a\b\f\n\r\t\v", letters = "\"\\abfnrtv";
    if (!next.valid) {
      fmt::format_to(std::back_inserter(out), "\\x{:02x}", static_cast<unsigned char>(c));
    } else if (const auto at = plain.find(c); next.length == 1 && at != std::string_view::npos) {
      out += '\\';
      out += letters[at];
    } else if (is_shown(next.point)) {
      out += text.substr(0, next.length);
    } else if (next.point < 0x80) {
      fmt::format_to(std::back_inserter(out), "\\x{:02x}", next.point);
    } else if (next.point < 0x10000) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", next.point);
    } else {
      fmt::format_to(std::back_inserter(out), "\\U{:08x}", next.point);
    }
    text.remove_prefix(next.length);
  }
  out += '"';
}

bool is_bare(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](unsigned char c) {
    return std::isalnum(c) || std::string_view("-._/@^+").contains(static_cast<char>(c));
  });
}

void append_pair(std::string& out, std::string_view key, std::string_view value) {
  if (!out.empty()) out += ' ';
  for (const char c : key) out += static_cast<unsigned char>(c) < ' ' || c == '"' ? '_' : c;
  out += '=';
  if (is_bare(value)) {
    out += value;
  } else {
    append_quoted(out, value);
  }
}

void append_json_text(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    const Decoded next = decode(text);
    const char c = text.front();
    constexpr std::string_view plain = "\"\\\b\f\n\r\t", letters = "\"\\bfnrt";
    if (!next.valid) {
      out += "\\ufffd";
    } else if (const auto at = plain.find(c); next.length == 1 && at != std::string_view::npos) {
      out += '\\';
      out += letters[at];
    } else if (next.point < 0x20 || c == '<' || c == '>' || c == '&' || next.point == 0x2028 ||
               next.point == 0x2029) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", next.point);
    } else {
      out += text.substr(0, next.length);
    }
    text.remove_prefix(next.length);
  }
  out += '"';
}

std::string field_key(const std::string& key, const LogOptions& options) {
  const bool taken = key == options.timestamp_name || key == options.level_name ||
                     key == options.message_name;
  return taken ? "fields." + key : key;
}

}  // namespace

std::string format_local_time(std::time_t time) {
  std::tm parts{};
  localtime_r(&time, &parts);
  char text[40];
  std::string formatted(text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S%z", &parts));
  if (parts.tm_gmtoff == 0) {
    formatted.replace(formatted.size() - 5, 5, "Z");
  } else {
    formatted.insert(formatted.size() - 2, ":");
  }
  return formatted;
}

std::string format_logfmt(const LogLine& line, const LogOptions& options) {
  std::string out;
  if (options.add_timestamp) append_pair(out, options.timestamp_name, format_local_time(line.time));
  append_pair(out, options.level_name, level_text(line.level));
  append_pair(out, options.message_name, line.message);
  for (const LogField& field : line.fields) {
    append_pair(out, field_key(field.key, options), field.value);
  }
  out += '\n';
  return out;
}

std::string format_json_line(const LogLine& line, const LogOptions& options) {
  std::vector<std::pair<std::string, std::string>> members;  // the value is JSON already
  const auto add = [&](std::string key, std::string_view value) {
    append_json_text(members.emplace_back(std::move(key), "").second, value);
  };
  if (options.add_timestamp) add(options.timestamp_name, format_local_time(line.time));
  add(options.level_name, level_text(line.level));
  add(options.message_name, line.message);
  for (const LogField& field : line.fields) {
    add(field_key(field.key, options), field.value);
    if (!field.json.empty()) members.back().second = field.json;
  }
  std::ranges::sort(members, {}, &std::pair<std::string, std::string>::first);
  std::string out = "{";
  for (const auto& [key, value] : members) {
    if (out.size() > 1) out += ',';
    append_json_text(out, key);
    out += ':';
    out += value;
  }
  out += "}\n";
  return out;
}

}  // namespace tollgate
