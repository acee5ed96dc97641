// Prints Nodes as YAML the way yaml.v3 does, and as JSON.

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

#include "config/node.h"
#include "config/node_data.h"
#include "config/yaml_scalar.h"
#include "value/json.h"
#include "value/number.h"

namespace tollgate {

namespace {

using Kind = Node::Kind;

bool is_space_or_end(std::string_view text, std::size_t at) {
  return at >= text.size() || text[at] == ' ' || text[at] == '\t' || text[at] == '\n' ||
         text[at] == '\r';
}

// Which styles can carry a text.
struct Allowed {
  bool flow_plain = true;
  bool block_plain = true;
  bool single_quoted = true;
  bool block = true;
};

// Length of the UTF-8 character at `at` if YAML prints it as it is, 0 if it must be escaped.
std::size_t printable(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) {
    return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0U;
  };
  const unsigned first = byte(0);
  if (first < 0x80) return first >= 0x20 && first != 0x7F ? 1 : 0;
  const std::size_t size = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : first >= 0xC2 ? 2 : 0;
  if (size == 0 || at + size > text.size()) return 0;
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  if (first == 0xC2 && byte(1) < 0xA0) return 0;                                       // C1, NEL
  if (first == 0xE2 && byte(1) == 0x80 && (byte(2) == 0xA8 || byte(2) == 0xA9)) return 0;
  if (first == 0xEF && byte(1) == 0xBB && byte(2) == 0xBF) return 0;                   // BOM
  if (first == 0xEF && byte(1) == 0xBF && byte(2) >= 0xBE) return 0;
  if (first >= 0xF0) return 0;
  return size;
}

Allowed analyse(std::string_view text) {
  Allowed allowed;
  if (text.empty()) return {.flow_plain = false, .block_plain = true, .single_quoted = true,
                            .block = false};
  bool flow_indicator = text.starts_with("---") || text.starts_with("...");
  bool block_indicator = flow_indicator;
  bool line_breaks = false;
  bool special = false;
  bool tabs = false;
  bool space_break = false;
  bool break_space = false;
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    const bool before_space = is_space_or_end(text, at + 1);
    const bool after_space = at == 0 || is_space_or_end(text, at - 1);
    constexpr std::string_view always = "#,[]{}&*!|>'\"%@`";
    constexpr std::string_view inside = ",?[]{}";
    if (at == 0 && always.find(c) != always.npos) flow_indicator = block_indicator = true;
    if (at > 0 && inside.find(c) != inside.npos) flow_indicator = true;
    if (c == ':' || (at == 0 && c == '?')) {
      flow_indicator = true;
      block_indicator = block_indicator || before_space;
    }
    if (at == 0 && c == '-' && before_space) flow_indicator = block_indicator = true;
    if (c == '#' && after_space) flow_indicator = block_indicator = true;
    if (c == '\n') {
      line_breaks = true;
      space_break = space_break || (at > 0 && text[at - 1] == ' ');
    }
    if (c == ' ' && at > 0 && text[at - 1] == '\n') break_space = true;
    if (c == '\t') tabs = true;
    const std::size_t size = c == '\n' || c == '\t' ? 1 : printable(text, at);
    special = special || size == 0;
    at += std::max<std::size_t>(size, 1);
  }
  const auto blank = [](char c) { return c == ' ' || c == '\n'; };
  const bool plain = !blank(text.front()) && !blank(text.back()) && !break_space && !space_break &&
                     !tabs && !special && !line_breaks;
  allowed.flow_plain = plain && !flow_indicator;
  allowed.block_plain = plain && !block_indicator;
  allowed.single_quoted = !break_space && !space_break && !tabs && !special;
  allowed.block = text.back() != ' ' && !space_break && !special;
  return allowed;
}

// Words that YAML 1.1 readers take for booleans, and base-60 numbers.
bool misread_by_others(std::string_view text) {
  constexpr std::array<std::string_view, 16> words{"y",   "Y",  "yes", "Yes", "YES", "on",
                                                   "On",  "ON", "n",   "N",   "no",  "No",
                                                   "NO",  "off", "Off", "OFF"};
  if (std::ranges::find(words, text) != words.end()) return true;
  // [-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?
  std::size_t at = !text.empty() && (text.front() == '-' || text.front() == '+') ? 1 : 0;
  const auto digit = [&](std::size_t i) {
    return i < text.size() && text[i] >= '0' && text[i] <= '9';
  };
  const auto skip_digits = [&] {
    while (digit(at) || (at < text.size() && text[at] == '_')) ++at;
  };
  if (!digit(at)) return false;
  skip_digits();
  bool sexagesimal = false;
  while (at < text.size() && text[at] == ':' && digit(at + 1)) {
    sexagesimal = true;
    at += digit(at + 2) && text[at + 1] <= '5' ? 3 : 2;
  }
  if (sexagesimal && at < text.size() && text[at] == '.') {
    ++at;
    skip_digits();
  }
  return sexagesimal && at == text.size();
}

bool must_quote(std::string_view text) {
  return resolve_plain(text) != Kind::string || is_yaml_timestamp(text) || text == "<<" ||
         misread_by_others(text);
}

class Printer {
 public:
  std::string run(const Node& node) {
    if (block_container(node)) {
      block(node, 0, false);
    } else {
      inline_value(node, 0, false);
      end_line(node);
    }
    return std::move(out_);
  }

 private:
  static const NodeBuilder::Data& data(const Node& node) {
    static const NodeBuilder::Data none;
    const auto* opened = NodeBuilder::open(node);
    return opened == nullptr ? none : *opened;
  }

  static bool block_container(const Node& node) {
    const bool filled = !node.items().empty() || !node.entries().empty();
    return filled && !data(node).flow;
  }

  void end_line(const Node& node) {
    if (!data(node).remark.empty()) out_ += " # " + data(node).remark;
    if (!out_.ends_with('\n')) out_ += '\n';
  }

  // A list or map over several lines; `started`: its first line has been begun (after a dash).
  void block(const Node& node, std::size_t indent, bool started) {
    const std::string margin(indent, ' ');
    const auto start = [&] {
      if (!started) out_ += margin;
      started = false;
    };
    for (const Node& item : node.items()) {
      start();
      out_ += '-';
      if (block_container(item)) {
        out_ += ' ';
        block(item, indent + 2, true);
      } else {
        separate(item);
        inline_value(item, indent, false);
        end_line(item);
      }
    }
    for (const auto& entry : node.entries()) {
      start();
      key(entry.key);
      if (block_container(entry.value)) {
        if (!data(entry.value).remark.empty()) out_ += " # " + data(entry.value).remark;
        out_ += '\n';
        block(entry.value, indent + 2, false);
      } else {
        separate(entry.value);
        inline_value(entry.value, indent, false);
        end_line(entry.value);
      }
    }
  }

  void separate(const Node& value) {
    if (!(value.is(Kind::null) && value.text().empty())) out_ += ' ';
  }

  void key(const std::string& text) {
    scalar_text(text, must_quote(text) && text != "<<" ? ScalarStyle::double_quoted
                                                        : ScalarStyle::plain,
                0, false, true);
    out_ += ':';
  }

  void inline_value(const Node& node, std::size_t indent, bool in_flow) {
    switch (node.kind()) {
      case Kind::list: flow_list(node, indent); break;
      case Kind::map: flow_map(node, indent); break;
      case Kind::absent: out_ += "null"; break;
      default: scalar(node, indent, in_flow); break;
    }
  }

  void flow_list(const Node& node, std::size_t indent) {
    out_ += '[';
    bool first = true;
    for (const Node& item : node.items()) {
      if (!std::exchange(first, false)) out_ += ", ";
      inline_value(item, indent, true);
    }
    out_ += ']';
  }

  void flow_map(const Node& node, std::size_t indent) {
    out_ += '{';
    bool first = true;
    for (const auto& entry : node.entries()) {
      if (!std::exchange(first, false)) out_ += ", ";
      scalar_text(entry.key,
                  must_quote(entry.key) ? ScalarStyle::double_quoted : ScalarStyle::plain, 0, true,
                  true);
      out_ += ": ";
      inline_value(entry.value, indent, true);
    }
    out_ += '}';
  }

  void scalar(const Node& node, std::size_t indent, bool in_flow) {
    const ScalarStyle written = data(node).style;
    if (!node.is(Kind::string)) {
      out_ += in_flow && node.text().empty() ? std::string_view("''") : node.text();
      return;
    }
    ScalarStyle style = written;
    if (written == ScalarStyle::any || written == ScalarStyle::plain ||
        written == ScalarStyle::folded) {
      style = node.text().find('\n') != std::string_view::npos ? ScalarStyle::literal
              : written != ScalarStyle::plain && must_quote(node.text())
                  ? ScalarStyle::double_quoted
                  : ScalarStyle::plain;
    }
    // A plain text that would read as something else was tagged as text.
    if (written == ScalarStyle::plain && resolve_plain(node.text()) != Kind::string) {
      out_ += "!!str ";
    }
    scalar_text(node.text(), style, indent, in_flow, false);
  }

  void scalar_text(std::string_view text, ScalarStyle style, std::size_t indent, bool in_flow,
                   bool is_key) {
    const Allowed allowed = analyse(text);
    if (style == ScalarStyle::plain && !(in_flow ? allowed.flow_plain : allowed.block_plain)) {
      style = ScalarStyle::single_quoted;
    }
    if (style == ScalarStyle::plain && text.empty()) style = ScalarStyle::double_quoted;
    if (style == ScalarStyle::single_quoted &&
        (!allowed.single_quoted || text.find('\n') != text.npos)) {
      style = ScalarStyle::double_quoted;
    }
    if (style == ScalarStyle::literal && (!allowed.block || in_flow || is_key)) {
      style = ScalarStyle::double_quoted;
    }
    switch (style) {
      case ScalarStyle::single_quoted: single_quoted(text); break;
      case ScalarStyle::double_quoted: double_quoted(text); break;
      case ScalarStyle::literal: literal(text, indent + 2); break;
      default: out_ += text; break;
    }
  }

  void single_quoted(std::string_view text) {
    out_ += '\'';
    for (const char c : text) {
      if (c == '\'') out_ += '\'';
      out_ += c;
    }
    out_ += '\'';
  }

  void double_quoted(std::string_view text) {
    out_ += '"';
    for (std::size_t at = 0; at < text.size();) {
      const char c = text[at];
      if (const std::size_t size = printable(text, at); size > 0 && c != '"' && c != '\\') {
        out_ += text.substr(at, size);
        at += size;
        continue;
      }
      at += escape(text, at);
    }
    out_ += '"';
  }

  // Writes the escape for the character at `at`; returns its bytes.
  std::size_t escape(std::string_view text, std::size_t at) {
    constexpr std::string_view names = "0abtnvfre\"\\";
    constexpr std::string_view chars("\0\a\b\t\n\v\f\r\x1b\"\\", names.size());
    const char c = text[at];
    if (const std::size_t found = chars.find(c); found != chars.npos) {
      out_ += '\\';
      out_ += names[found];
      return 1;
    }
    const auto first = static_cast<unsigned char>(c);
    const std::size_t size = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : first >= 0xC2 ? 2 : 1;
    if (first < 0x80 || size == 1 || at + size > text.size()) {
      out_ += fmt::format("\\x{:02X}", first);
      return 1;
    }
    unsigned point = first & (0xFFU >> (size + 1));
    for (std::size_t i = 1; i < size; ++i) {
      point = (point << 6) | (static_cast<unsigned char>(text[at + i]) & 0x3FU);
    }
    out_ += point == 0x85     ? "\\N"
            : point == 0x2028 ? "\\L"
            : point == 0x2029 ? "\\P"
            : point < 0x100   ? fmt::format("\\x{:02X}", point)
            : point < 0x10000 ? fmt::format("\\u{:04X}", point)
                              : fmt::format("\\U{:08X}", point);
    return size;
  }

  void literal(std::string_view text, std::size_t indent) {
    out_ += '|';
    if (text.front() == ' ' || text.front() == '\n') out_ += '2';
    if (!text.ends_with('\n')) {
      out_ += '-';
    } else if (text.size() == 1 || text.ends_with("\n\n")) {
      out_ += '+';
    }
    const std::string margin(indent, ' ');
    while (!text.empty()) {
      const std::size_t end = std::min(text.find('\n'), text.size());
      out_ += '\n';
      if (end > 0) out_ += margin;
      out_ += text.substr(0, end);
      text.remove_prefix(std::min(text.size(), end + 1));
      if (text.empty()) break;
    }
    out_ += '\n';
  }

  std::string out_;
};

void append_node_json(std::string& out, const Node& node) {
  bool first = true;
  switch (node.kind()) {
    case Kind::absent:
    case Kind::null: out += "null"; break;
    case Kind::boolean:
      out += parse_yaml_boolean(node.text()).value_or(false) ? "true" : "false";
      break;
    case Kind::integer:
      if (const auto number = parse_yaml_integer(node.text())) {
        append_int(out, *number);
        break;
      }
      [[fallthrough]];
    case Kind::number: {
      const double number = parse_yaml_number(node.text()).value_or(0);
      if (std::isfinite(number)) {
        append_json_float(out, number);
      } else {
        append_json_string(out, node.text());
      }
      break;
    }
    case Kind::string: append_json_string(out, node.text()); break;
    case Kind::list:
      out += '[';
      for (const Node& item : node.items()) {
        if (!std::exchange(first, false)) out += ',';
        append_node_json(out, item);
      }
      out += ']';
      break;
    case Kind::map:
      out += '{';
      for (const auto& entry : node.entries()) {
        if (!std::exchange(first, false)) out += ',';
        append_json_string(out, entry.key);
        out += ':';
        append_node_json(out, entry.value);
      }
      out += '}';
      break;
  }
}

}  // namespace

std::string print_yaml(const Node& node) { return Printer().run(node); }

std::string print_json(const Node& node) {
  std::string out;
  append_node_json(out, node);
  return out;
}

}  // namespace tollgate
