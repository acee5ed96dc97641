#include "bloblang/functions/printf.h"

#include <algorithm>
#include <optional>

#include "bloblang/functions/printf_number.h"
#include "bloblang/program/convert.h"
#include "value/encoding.h"
#include "value/number.h"
#include "value/time_layout.h"

namespace tollgate::bloblang {
namespace {

/// Widths, precisions and argument numbers from here on are refused, as in Go.
constexpr int kTooLarge = 1'000'000;
constexpr int kMaxNesting = 5000;

/// One call of Sprintf.
class Printer {
 public:
  Printer(std::string& out, std::span<const Value> values, Arena& arena, std::size_t limit)
      : out_(out), values_(values), arena_(arena), limit_(limit) {}

  void print(std::string_view format);

 private:
  void verb();
  void read_flags();
  bool read_fast_flag(char c);
  void read_width();
  void read_precision();
  void read_argument_number();
  std::optional<int> read_number();
  std::optional<int> number_argument();
  void extra_arguments();

  void value(Value value, char32_t verb, int depth);
  void bad_verb(Value value, char32_t verb);
  void text(std::string_view text, char32_t verb, Value value);
  void hex_text(std::string_view text, bool upper);
  void quoted(std::string_view text);
  void bytes(Value value, char32_t verb);
  void each_byte(std::string_view given, char32_t verb);
  void integer(PrintInteger number, char32_t verb, Value value);
  void floating(double number, char32_t verb, Value value);
  void array(const Array& array, char32_t verb, int depth);
  void object(Object& object, char32_t verb, int depth);
  bool at_end() const { return at_ >= format_.size(); }

  std::string& out_;
  std::span<const Value> values_;
  Arena& arena_;
  const std::size_t limit_;
  std::string_view format_;
  std::size_t at_ = 0;
  std::size_t next_ = 0;     // value of the next verb
  PrintFlags flags_;
  bool reordered_ = false;   // [n] was seen in this verb
  bool ever_reordered_ = false;
  bool good_number_ = true;  // the last [n] was one
  bool after_index_ = false;
};

void Printer::print(std::string_view format) {
  format_ = format;
  while (!at_end() && out_.size() <= limit_) {
    const std::size_t percent = format_.find('%', at_);
    out_ += format_.substr(at_, percent - at_);
    if (percent == std::string_view::npos) break;
    at_ = percent + 1;
    verb();
  }
  if (!ever_reordered_ && next_ < values_.size()) extra_arguments();
}

void Printer::extra_arguments() {
  flags_ = {};
  out_ += "%!(EXTRA ";
  for (std::size_t i = next_; i < values_.size(); ++i) {
    if (i > next_) out_ += ", ";
    if (values_[i].is_null()) {
      out_ += "<nil>";
    } else {
      out_ += go_type(values_[i]);
      out_ += '=';
      value(values_[i], 'v', 0);
    }
  }
  out_ += ')';
}

bool Printer::read_fast_flag(char c) {
  switch (c) {
    case '#': flags_.sharp = true; return true;
    case '0': flags_.zero = true; return true;
    case '+': flags_.plus = true; return true;
    case '-': flags_.minus = true; return true;
    case ' ': flags_.space = true; return true;
    default: return false;
  }
}

void Printer::read_flags() {
  while (!at_end() && read_fast_flag(format_[at_])) ++at_;
}

std::optional<int> Printer::read_number() {
  int number = 0;
  const std::size_t start = at_;
  while (!at_end() && format_[at_] >= '0' && format_[at_] <= '9') {
    if (number > kTooLarge) {
      at_ = format_.size();
      return std::nullopt;
    }
    number = number * 10 + (format_[at_++] - '0');
  }
  return at_ > start ? std::optional(number) : std::nullopt;
}

/// [n] before a verb, a width or a precision.
void Printer::read_argument_number() {
  after_index_ = false;
  if (at_end() || format_[at_] != '[') return;
  reordered_ = ever_reordered_ = true;
  const std::size_t close = format_.find(']', at_);
  if (close == std::string_view::npos) {
    good_number_ = false;
    ++at_;
    return;
  }
  ++at_;
  const auto number = read_number();
  const bool is_number = number && at_ == close;
  at_ = close + 1;
  if (is_number && *number >= 1 && static_cast<std::size_t>(*number) <= values_.size()) {
    next_ = static_cast<std::size_t>(*number) - 1;
    after_index_ = true;
  } else {
    good_number_ = false;
    after_index_ = is_number;
  }
}

/// The next value as a width or precision.
std::optional<int> Printer::number_argument() {
  if (next_ >= values_.size()) return std::nullopt;
  const Value given = values_[next_++];
  std::int64_t number = 0;
  if (given.is(Kind::int64)) {
    number = given.as_int64();
  } else if (given.is(Kind::uint64) && given.as_uint64() <= kTooLarge) {
    number = static_cast<std::int64_t>(given.as_uint64());
  } else {
    return std::nullopt;
  }
  if (number > kTooLarge || number < -kTooLarge) return std::nullopt;
  return static_cast<int>(number);
}

void Printer::read_width() {
  if (!at_end() && format_[at_] == '*') {
    ++at_;
    const auto width = number_argument();
    if (!width) out_ += "%!(BADWIDTH)";
    flags_.width = width.value_or(-1);
    if (width && *width < 0) {
      flags_.width = -*width;
      flags_.minus = true;
      flags_.zero = false;
    }
    after_index_ = false;
    return;
  }
  const auto width = read_number();
  flags_.width = width.value_or(-1);
  if (after_index_ && width) good_number_ = false;  // "%[3]2d"
}

void Printer::read_precision() {
  if (at_ + 1 > format_.size() || at_end() || format_[at_] != '.') return;
  ++at_;
  if (after_index_) good_number_ = false;  // "%[3].2d"
  read_argument_number();
  if (!at_end() && format_[at_] == '*') {
    ++at_;
    auto precision = number_argument();
    if (precision && *precision < 0) precision = std::nullopt;
    if (!precision) out_ += "%!(BADPREC)";
    flags_.precision = precision.value_or(-1);
    after_index_ = false;
    return;
  }
  flags_.precision = read_number().value_or(0);
}

void Printer::verb() {
  flags_ = {};
  good_number_ = true;
  reordered_ = after_index_ = false;
  read_flags();
  read_argument_number();
  read_width();
  read_precision();
  if (!after_index_) read_argument_number();
  if (at_end()) {
    out_ += "%!(NOVERB)";
    return;
  }
  const Rune rune = decode_rune(format_.data() + at_, format_.data() + format_.size());
  at_ += rune.width;
  if (rune.code == '%') {
    out_ += '%';
    return;
  }
  const auto complain = [&](std::string_view what) {
    out_ += "%!";
    append_rune(out_, rune.code);
    out_ += what;
  };
  if (!good_number_) return complain("(BADINDEX)");
  if (next_ >= values_.size()) return complain("(MISSING)");
  if (rune.code == 'v' || rune.code == 'w') {  // a verb of Go's Errorf alone
    flags_.sharp_v = flags_.sharp;
    flags_.sharp = false;
    flags_.plus_v = flags_.plus;
    flags_.plus = false;
  }
  value(values_[next_++], rune.code, 0);
}

void Printer::bad_verb(Value value, char32_t verb) {
  out_ += "%!";
  append_rune(out_, verb);
  out_ += '(';
  if (value.is_null()) {
    out_ += "<nil>";
  } else {
    out_ += go_type(value);
    out_ += '=';
    this->value(value, 'v', 0);
  }
  out_ += ')';
}

void Printer::quoted(std::string_view given) {
  std::string literal;
  if (flags_.sharp && valid_utf8(given) && !given.contains('`') &&
      std::ranges::none_of(given, [](char c) {
        return (c >= 0 && c < ' ' && c != '\t') || c == 0x7F;
      })) {
    literal.append("`").append(given).append("`");
  } else {
    append_go_quoted(literal, given);
  }
  if (flags_.plus) {  // ASCII only
    std::string ascii;
    const char* const end = literal.data() + literal.size();
    for (const char* at = literal.data(); at < end;) {
      const Rune rune = decode_rune(at, end);
      at += rune.width;
      if (rune.code < 0x80) {
        ascii += static_cast<char>(rune.code);
        continue;
      }
      const bool wide = rune.code > 0xFFFF;
      ascii += wide ? "\\U" : "\\u";
      for (int shift = wide ? 28 : 12; shift >= 0; shift -= 4) {
        ascii += "0123456789abcdef"[rune.code >> shift & 15];
      }
    }
    literal = ascii;
  }
  append_padded(out_, literal, flags_);
}

void Printer::hex_text(std::string_view given, bool upper) {
  if (flags_.precision >= 0) given = given.substr(0, static_cast<std::size_t>(flags_.precision));
  const std::string_view digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
  const std::string_view prefix = upper ? "0X" : "0x";
  std::string hex;
  for (std::size_t i = 0; i < given.size(); ++i) {
    if (i > 0 && flags_.space) hex += ' ';
    if (flags_.sharp && (i == 0 || flags_.space)) hex += prefix;
    const auto byte = static_cast<unsigned char>(given[i]);
    hex += digits[byte >> 4];
    hex += digits[byte & 15];
  }
  append_padded(out_, hex, flags_);
}

void Printer::text(std::string_view given, char32_t verb, Value value) {
  std::string_view cut = given;
  if (flags_.precision >= 0 && (verb == 'v' || verb == 's' || verb == 'q')) {
    const char* const end = given.data() + given.size();
    const char* at = given.data();
    for (int i = 0; i < flags_.precision && at < end; ++i) at += decode_rune(at, end).width;
    cut = {given.data(), static_cast<std::size_t>(at - given.data())};
  }
  switch (verb) {
    case 'v':
      if (flags_.sharp_v) return quoted(cut);
      [[fallthrough]];
    case 's': return append_padded(out_, cut, flags_);
    case 'x': return hex_text(given, false);
    case 'X': return hex_text(given, true);
    case 'q': return quoted(cut);
    default: return bad_verb(value, verb);
  }
}

void Printer::bytes(Value value, char32_t verb) {
  const std::string_view given = value.as_text();
  if (verb == 's' || verb == 'q' || verb == 'x' || verb == 'X') return text(given, verb, value);
  if (verb != 'v' && verb != 'd') return each_byte(given, verb);
  out_ += flags_.sharp_v ? "[]byte{" : "[";
  bool first = true;
  for (const char c : given) {
    if (!first) out_ += flags_.sharp_v ? ", " : " ";
    first = false;
    const PrintInteger byte{static_cast<unsigned char>(c), false};
    if (flags_.sharp_v) {
      PrintFlags sharp = flags_;
      sharp.sharp = true;
      append_printed(out_, byte, 16, 'v', sharp);
    } else {
      append_printed(out_, byte, 10, 'd', flags_);
    }
  }
  out_ += flags_.sharp_v ? '}' : ']';
}

/// Verbs that are none of bytes as a whole.
void Printer::each_byte(std::string_view given, char32_t verb) {
  const bool is_of_integers = std::u32string_view(U"boOcU").contains(verb);
  out_ += '[';
  for (std::size_t i = 0; i < given.size() && out_.size() <= limit_; ++i) {
    if (i > 0) out_ += ' ';
    const PrintInteger byte{static_cast<unsigned char>(given[i]), false};
    if (is_of_integers) {
      integer(byte, verb, Value::null());
      continue;
    }
    out_ += "%!";
    append_rune(out_, verb);
    out_ += "(uint8=";
    append_printed(out_, byte, 10, 'd', flags_);
    out_ += ')';
  }
  out_ += ']';
}

void Printer::integer(PrintInteger number, char32_t verb, Value value) {
  switch (verb) {
    case 'v':
    case 'd': return append_printed(out_, number, 10, 'd', flags_);
    case 'b': return append_printed(out_, number, 2, 'b', flags_);
    case 'o':
    case 'O': return append_printed(out_, number, 8, static_cast<char>(verb), flags_);
    case 'x':
    case 'X': return append_printed(out_, number, 16, static_cast<char>(verb), flags_);
    case 'c':
    case 'q':
    case 'U': return append_character(out_, number, static_cast<char>(verb), flags_);
    default: return bad_verb(value, verb);
  }
}

void Printer::floating(double number, char32_t verb, Value value) {
  if (verb < 0x80 && std::string_view("vbgGxXfFeE").contains(static_cast<char>(verb))) {
    return append_printed(out_, number, static_cast<char>(verb), flags_);
  }
  bad_verb(value, verb);
}

void Printer::array(const Array& array, char32_t verb, int depth) {
  out_ += flags_.sharp_v ? "[]interface {}{" : "[";
  bool first = true;
  for (const Value& item : array) {
    if (!first) out_ += flags_.sharp_v ? ", " : " ";
    first = false;
    value(item, verb, depth + 1);
  }
  out_ += flags_.sharp_v ? '}' : ']';
}

void Printer::object(Object& object, char32_t verb, int depth) {
  out_ += flags_.sharp_v ? "map[string]interface {}{" : "map[";
  bool first = true;
  for (const auto& [key, member] : object.members(arena_)) {
    if (!first) out_ += flags_.sharp_v ? ", " : " ";
    first = false;
    text(key, verb, Value::string(key));
    out_ += ':';
    value(member, verb, depth + 1);
  }
  out_ += flags_.sharp_v ? '}' : ']';
}

void Printer::value(Value value, char32_t verb, int depth) {
  if (depth > kMaxNesting || out_.size() > limit_) return;
  if (value.is_null() || value.is_marker()) {
    if (depth > 0) {
      out_ += flags_.sharp_v ? "interface {}(nil)" : "<nil>";
      return;
    }
    return verb == 'v' || verb == 'T' ? append_padded(out_, "<nil>", flags_)
                                      : bad_verb(value, verb);
  }
  if (verb == 'T') return text(go_type(value), 's', value);
  value = value.shown();
  switch (value.kind()) {
    case Kind::boolean:
      if (verb != 't' && verb != 'v') return bad_verb(value, verb);
      return append_padded(out_, value.as_boolean() ? "true" : "false", flags_);
    case Kind::int64: {
      const auto number = value.as_int64();
      const auto bits = static_cast<std::uint64_t>(number);
      return integer({number < 0 ? 0 - bits : bits, number < 0}, verb, value);
    }
    case Kind::uint64: return integer({value.as_uint64(), false}, verb, value);
    case Kind::float64: return floating(value.as_float64(), verb, value);
    case Kind::bytes: return bytes(value, verb);
    case Kind::timestamp: {
      std::string shown;
      append_time(shown, value.as_timestamp(), "2006-01-02 15:04:05.999999999 -0700 MST");
      return text(shown, verb, value);
    }
    case Kind::array: return array(value.as_array(), verb, depth);
    case Kind::object: return object(value.as_object(), verb, depth);
    default: return text(value.as_text(), verb, value);
  }
}

}  // namespace

void append_printf(std::string& out, std::string_view format, std::span<const Value> values,
                   Arena& arena, std::size_t limit) {
  Printer(out, values, arena, limit).print(format);
}

}  // namespace tollgate::bloblang
