// Methods of category Parsing: YAML.

#include <unictype.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "bloblang/functions/catalogue.h"
#include "bloblang/functions/yaml_read.h"
#include "bloblang/functions/yaml_scalar.h"
#include "bloblang/program/structure.h"
#include "value/encoding.h"
#include "value/number.h"
#include "value/timestamp.h"

namespace tollgate::bloblang {
namespace {

Value parse(Call& call, Value target) {
  if (!target.is_text()) return call.type_error(target, "string");
  const auto document = read_yaml(target.as_text(), call.arena());
  if (document) return *document;
  return call.error("failed to parse value as YAML: yaml: ", document.error());
}

// Key order ---------------------------------------------------------------------------------------

bool is_letter(char32_t c) { return uc_is_general_category(c, UC_LETTER); }
bool is_digit(char32_t c) { return uc_is_general_category(c, UC_DECIMAL_DIGIT_NUMBER); }

std::u32string runes_of(std::string_view text) {
  std::u32string runes;
  for (const char* at = text.data(); at < text.data() + text.size();) {
    const Rune rune = decode_rune(at, text.data() + text.size());
    runes += rune.code;
    at += rune.width;
  }
  return runes;
}

/// A run of digits: its value (wrapping) and where it ends.
std::pair<std::uint64_t, std::size_t> digits_at(const std::u32string& text, std::size_t from,
                                                std::uint64_t value) {
  while (from < text.size() && is_digit(text[from])) value = value * 10 + (text[from++] - U'0');
  return {value, from};
}

/// Numbers inside keys count as numbers: a2 before a10; letters come after everything else.
bool natural_less(const std::u32string& a, const std::u32string& b) {
  const std::size_t shorter = std::min(a.size(), b.size());
  std::size_t i = 0;
  while (i < shorter && a[i] == b[i]) ++i;
  if (i == shorter) return a.size() < b.size();
  const bool a_letter = is_letter(a[i]), b_letter = is_letter(b[i]);
  if (a_letter && b_letter) return a[i] < b[i];
  if (a_letter || b_letter) return i > 0 && is_digit(a[i - 1]) ? a_letter : b_letter;
  std::uint64_t start = 0;  // a zero inside a number does not lead it
  if (a[i] == U'0' || b[i] == U'0') {
    for (std::size_t j = i; j > 0 && is_digit(a[j - 1]); --j) {
      if (a[j - 1] != U'0') start = 1;
    }
  }
  const auto [a_value, a_end] = digits_at(a, i, start);
  const auto [b_value, b_end] = digits_at(b, i, start);
  if (a_value != b_value) return a_value < b_value;
  if (a_end != b_end) return a_end < b_end;
  return a[i] < b[i];
}

std::vector<Member> in_natural_order(std::span<const Member> members) {
  std::vector<std::pair<std::u32string, Member>> keyed;
  keyed.reserve(members.size());
  for (const Member& member : members) keyed.emplace_back(runes_of(member.key), member);
  std::ranges::stable_sort(keyed, natural_less, &std::pair<std::u32string, Member>::first);
  std::vector<Member> sorted;
  sorted.reserve(keyed.size());
  for (const auto& entry : keyed) sorted.push_back(entry.second);
  return sorted;
}

// Scalars -----------------------------------------------------------------------------------------

constexpr std::size_t kIndent = 4;
/// The longest key that fits before a colon.
constexpr std::size_t kMaxSimpleKey = 128;

/// Such keys are written after a question mark.
bool has_line_break(std::string_view key) {
  constexpr std::string_view kBreaks[] = {"\n", "\r", "\u0085", "\u2028", "\u2029"};
  return std::ranges::any_of(kBreaks, [&](std::string_view each) { return key.contains(each); });
}

/// What may stand in a YAML text unescaped.
bool is_plain_rune(char32_t c) {
  return c == U'\n' || (c >= 0x20 && c <= 0x7E) || (c >= 0xA0 && c < 0xFFFE && c != 0xFEFF);
}

enum class Style : std::uint8_t { plain, single_quoted, double_quoted, literal };

/// How a text may be written, from what is in it.
Style style_of(std::string_view text, Arena& arena) {
  if (needs_yaml_quotes(text, arena) && text.find('\n') == text.npos) return Style::double_quoted;
  bool indicators = text.starts_with("---") || text.starts_with("...");
  bool special = false, space_then_break = false, tabs = false, breaks = false;
  const std::u32string runes = runes_of(text);
  const auto blank_at = [&](std::size_t i) {
    return i >= runes.size() || runes[i] == U' ' || runes[i] == U'\t';
  };
  const auto ends_word = [&](std::size_t i) { return blank_at(i) || runes[i] == U'\n'; };
  for (std::size_t i = 0; i < runes.size(); ++i) {
    const char32_t c = runes[i];
    if (i == 0) {
      const bool opens = std::u32string_view(U"#,[]{}&*!|>'\"%@`").find(c) != std::string::npos;
      indicators |= opens || ((c == U'?' || c == U':' || c == U'-') && blank_at(1));
    } else {
      indicators |= (c == U':' && blank_at(i + 1)) || (c == U'#' && ends_word(i - 1));
    }
    tabs |= c == U'\t';
    special |= c != U'\t' && !is_plain_rune(c);
    breaks |= c == U'\n';
    space_then_break |= c == U'\n' && i > 0 && runes[i - 1] == U' ';
  }
  const bool trailing_space = text.ends_with(' ');
  if (breaks) {
    return trailing_space || space_then_break || special ? Style::double_quoted : Style::literal;
  }
  if (tabs || special) return Style::double_quoted;
  return indicators || trailing_space || text.starts_with(' ') ? Style::single_quoted : Style::plain;
}

void append_escape(std::string& out, char32_t c) {
  constexpr std::string_view named = "\0\a\b\t\n\v\f\r\x1b\"\\";
  constexpr std::string_view letters = "0abtnvfre\"\\";
  static_assert(letters.size() == 11);
  const auto index = c < 0x80 ? std::string_view(named.data(), 11).find(static_cast<char>(c))
                              : std::string_view::npos;
  if (index != std::string_view::npos) {
    out += {'\\', letters[index]};
  } else if (c == 0x85 || c == 0xA0) {
    out += c == 0x85 ? "\\N" : "\\_";
  } else if (c == 0x2028 || c == 0x2029) {
    out += c == 0x2028 ? "\\L" : "\\P";
  } else {
    const int width = c <= 0xFF ? 2 : c <= 0xFFFF ? 4 : 8;
    out += {'\\', width == 2 ? 'x' : width == 4 ? 'u' : 'U'};
    for (int shift = (width - 1) * 4; shift >= 0; shift -= 4) {
      out += "0123456789ABCDEF"[(c >> shift) & 15];
    }
  }
}

void append_double_quoted(std::string& out, std::string_view text) {
  out += '"';
  for (const char32_t c : runes_of(text)) {
    const bool plain = is_plain_rune(c) && c != U'\n' && c != U'"' && c != U'\\' && c != 0x2028 &&
                       c != 0x2029;
    if (plain) {
      append_rune(out, c);
    } else {
      append_escape(out, c);
    }
  }
  out += '"';
}

void append_single_quoted(std::string& out, std::string_view text) {
  out += '\'';
  for (const char c : text) out.append(c == '\'' ? 2 : 1, c);
  out += '\'';
}

/// A block of lines. Like the incumbent's, the block of a text that starts with a line break lacks
/// that break.
void append_literal(std::string& out, std::string_view text, std::size_t indent) {
  out += '|';
  if (text[0] == ' ' || text[0] == '\n') out += static_cast<char>('0' + kIndent);
  if (!text.ends_with('\n')) {
    out += '-';
  } else if (text.size() == 1 || text[text.size() - 2] == '\n') {
    out += '+';
  }
  if (text[0] != '\n') out += '\n';
  bool at_start = true;
  for (const char c : text) {
    if (c != '\n' && at_start) out.append(indent, ' ');
    at_start = c == '\n';
    out += c;
  }
}

/// Base64 in lines of 70 characters.
std::string binary_text(std::string_view bytes) {
  std::string digits, lines;
  append_base64(digits, bytes);
  constexpr std::size_t width = 70;
  if (digits.size() < width) return digits;
  for (std::size_t i = 0; i < digits.size(); i += width) {
    lines.append(digits, i, width);
    lines += '\n';
  }
  return lines;
}

// Documents ---------------------------------------------------------------------------------------

/// Writes one document. Nesting is that of the value, which readers bound.
class Writer {
 public:
  Writer(std::string& out, Arena& arena) : out_(out), arena_(arena) {}

  void document(Value value) {
    node(value, 0, kIndent, 0);
    end_line();
  }

  bool too_large() const { return out_.size() > kMaxBytes * 4; }

 private:
  void end_line() {
    if (!out_.ends_with('\n')) out_ += '\n';
  }

  /// `indent` is that of a collection's entries, `text_indent` that of a block of lines. A
  /// collection starts on this line after `gap` spaces.
  void node(Value value, std::size_t indent, std::size_t text_indent, std::size_t gap) {
    value = value.shown();
    switch (value.kind()) {
      case Kind::array:
        return sequence(value.as_array(), indent, gap);
      case Kind::object:
        return mapping(value.as_object(), indent, gap);
      case Kind::bytes:
        return byte_sequence(value.as_text(), indent, gap);
      case Kind::string:
      case Kind::number_text:
        return text(value.as_text(), text_indent);
      case Kind::float64:
        return number(value.as_float64());
      case Kind::boolean:
        out_ += value.as_boolean() ? "true" : "false";
        return;
      case Kind::int64:
        return append_int(out_, value.as_int64());
      case Kind::uint64:
        return append_uint(out_, value.as_uint64());
      case Kind::timestamp:
        return append_rfc3339(out_, value.as_timestamp());
      default:
        out_ += "null";
    }
  }

  void number(double n) {
    if (std::isnan(n)) {
      out_ += ".nan";
    } else if (std::isinf(n)) {
      out_ += n > 0 ? ".inf" : "-.inf";
    } else {
      append_go_float(out_, n);
    }
  }

  void text(std::string_view raw, std::size_t indent) {
    std::string encoded;
    if (!valid_utf8(raw)) {
      encoded = binary_text(raw);
      raw = encoded;
      out_ += "!!binary ";
    }
    switch (style_of(raw, arena_)) {
      case Style::plain:
        out_ += raw;
        return;
      case Style::single_quoted:
        return append_single_quoted(out_, raw);
      case Style::double_quoted:
        return append_double_quoted(out_, raw);
      case Style::literal:
        return append_literal(out_, raw, indent);
    }
  }

  /// Before an entry of a collection: the first continues the line, the others start one.
  void start_entry(bool is_first, std::size_t indent, std::size_t gap) {
    if (is_first) {
      out_.append(gap, ' ');
    } else {
      end_line();
      out_.append(indent, ' ');
    }
  }

  void sequence(const Array& array, std::size_t indent, std::size_t gap) {
    if (array.size == 0) out_ += "[]";
    bool is_first = true;
    for (const Value& item : array) {
      start_entry(is_first, indent, gap);
      is_first = false;
      out_ += "- ";
      node(item, indent + 2, indent + 2, 0);
      if (too_large()) return;
    }
  }

  void byte_sequence(std::string_view bytes, std::size_t indent, std::size_t gap) {
    if (bytes.empty()) out_ += "[]";
    for (std::size_t i = 0; i < bytes.size() && !too_large(); ++i) {
      start_entry(i == 0, indent, gap);
      out_ += "- ";
      append_uint(out_, static_cast<unsigned char>(bytes[i]));
    }
  }

  void mapping(Object& object, std::size_t indent, std::size_t gap) {
    const auto members = object.members(arena_);
    if (members.empty()) out_ += "{}";
    const std::size_t inner = (indent + kIndent) / kIndent * kIndent;
    bool is_first = true;
    for (const auto& [key, value] : in_natural_order(members)) {
      start_entry(is_first, indent, gap);
      is_first = false;
      const bool simple = key.size() <= kMaxSimpleKey && !has_line_break(key);
      if (!simple) out_ += "? ";
      text(key, inner);
      if (simple) {
        out_ += ':';
        member(value, inner);
      } else {
        end_line();
        out_.append(indent, ' ');
        out_ += ": ";
        node(value, inner, inner, inner - indent - 2);
      }
      if (too_large()) return;
    }
  }

  void member(Value value, std::size_t inner) {
    const bool starts_line = (value.is(Kind::array) && value.as_array().size > 0) ||
                             (value.is(Kind::bytes) && !value.as_text().empty()) ||
                             (value.is(Kind::object) && !value.as_object().members(arena_).empty());
    out_ += starts_line ? '\n' : ' ';
    node(value, inner, inner, starts_line ? inner : 0);
  }

  std::string& out_;
  Arena& arena_;
};

Value format(Call& call, Value target) {
  const Value refusal = check_structure(call.run(), target);
  if (refusal.is_error()) return refusal;
  std::string text;
  Writer writer(text, call.arena());
  writer.document(target);
  if (writer.too_large()) {
    return call.error("the result exceeds the limit of ", std::to_string(kMaxBytes * 4), " bytes");
  }
  return call.bytes(text);
}

constinit const Function kEntries[] = {
    {.name = "parse_yaml",
     .category = Category::parsing,
     .call = parse,
     .description = "The first YAML document of a text.",
     .examples = {{.mapping = "root.doc = this.text.parse_yaml()",
                   .cases = {{R"({"text":"a: [1, x]\nb: {c: true}\n"})",
                              R"({"doc":{"a":[1,"x"],"b":{"c":true}}})"}}}}},
    {.name = "format_yaml",
     .category = Category::parsing,
     .call = format,
     .description = "The value as a YAML document, as bytes.",
     .examples = {{.mapping = "root = this.doc.format_yaml()",
                   .cases = {{R"({"doc":{"a":["x","no"],"b":null}})",
                              "a:\n    - x\n    - \"no\"\nb: null\n"}}}}},
};

}  // namespace

constinit const std::span<const Function> kYamlMethods = kEntries;

}  // namespace tollgate::bloblang
