#include "components/formats/syslog.h"

#include <algorithm>

#include <fmt/format.h>

#include "value/civil.h"
#include "value/encoding.h"
#include "value/time_layout.h"

namespace tollgate {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_graph(char c) { return c > ' ' && c < 0x7f; }
bool is_print(char c) { return c >= ' ' && c < 0x7f; }
bool is_visible(char c) { return is_print(c) || static_cast<unsigned char>(c) >= 0x80; }

/// A place in a line, with what the grammars share.
class Cursor {
 public:
  explicit Cursor(std::string_view line) : line_(line) {}

  std::size_t at() const { return at_; }
  bool ended() const { return at_ == line_.size(); }
  bool stands(char c) const { return !ended() && line_[at_] == c; }
  char peek() const { return ended() ? '\0' : line_[at_]; }
  void skip(std::size_t count = 1) { at_ += count; }
  bool take(char c) {
    if (!stands(c)) return false;
    ++at_;
    return true;
  }
  std::string_view from(std::size_t start) const { return line_.substr(start, at_ - start); }
  std::string_view rest() const { return line_.substr(at_); }

  std::unexpected<Error> fail(std::string_view expected) const {
    return invalid(fmt::format("{} [col {}]", expected, at_));
  }

  /// At least one and at most `most` characters, followed by a space, which is taken.
  Result<std::string_view> word(std::size_t most, std::string_view expected) {
    const std::size_t start = at_;
    while (!ended() && is_graph(line_[at_]) && at_ - start < most) ++at_;
    if (at_ == start || !take(' ')) return fail(expected);
    return line_.substr(start, at_ - 1 - start);
  }

  /// Characters as `shape` has them: 0 to 9 is the most that a digit may be there, anything else
  /// stands for itself. False at the first one that differs.
  bool matches(std::string_view shape) {
    for (const char wanted : shape) {
      if (ended()) return false;
      const char c = line_[at_];
      if (is_digit(wanted) ? !is_digit(c) || c > wanted : c != wanted) return false;
      ++at_;
    }
    return true;
  }

  /// Two digits of `least` to `most`.
  bool number(int least, int most) {
    if (ended() || !is_digit(line_[at_]) || line_[at_] - '0' > most / 10) return false;
    const int tens = line_[at_++] - '0';
    if (ended() || !is_digit(line_[at_])) return false;
    const int all = tens * 10 + line_[at_] - '0';
    if (all < least || all > most) return false;
    ++at_;
    return true;
  }
  bool date() {
    return matches("9999-") && number(1, 12) && matches("-") && number(1, 31);
  }
  bool clock() { return number(0, 23) && matches(":59:59"); }
  bool offset() {
    if (take('Z')) return true;
    if (!take('+') && !take('-')) return false;
    return number(0, 23) && matches(":59");
  }

 private:
  const std::string_view line_;
  std::size_t at_ = 0;
};

/// "<34>": 0 to 191 without leading zeros.
Result<int> read_priority(Cursor& in) {
  if (!in.take('<')) return in.fail("expecting a priority value within angle brackets");
  int value = 0;
  const std::size_t start = in.at();
  while (is_digit(in.peek())) {
    const int next = value * 10 + in.peek() - '0';
    if (next > 191 || (value == 0 && in.at() > start)) break;
    value = next;
    in.skip();
  }
  if (in.at() == start || !in.take('>')) {
    return in.fail("expecting a priority value in the range 1-191 or equal to 0");
  }
  return value;
}

std::string_view unless_nil(std::string_view word) {
  return word == "-" ? std::string_view() : word;
}

Result<Timestamp> read_time(const Cursor& in, std::string_view text, std::string_view layout) {
  auto time = parse_time(text, layout);
  if (!time) return in.fail(time.error().message());
  return *time;
}

// RFC 5424 ----------------------------------------------------------------------------------------

constexpr std::string_view kTimestamp = "expecting a RFC3339MICRO timestamp or a nil value";
constexpr std::string_view kStructured =
    "expecting a structured data section containing one or more elements (`[id( key=\"value\")*]+`)"
    " or a nil value";
constexpr std::string_view kElementId =
    "expecting a structured data element id (from 1 to max 32 US-ASCII characters; except `=`, ` `,"
    " `]`, and `\"`";
constexpr std::string_view kParameter =
    "expecting a structured data parameter (`key=\"value\"`, both part from 1 to max 32 US-ASCII "
    "characters; key cannot contain `=`, ` `, `]`, and `\"`, while value cannot contain `]`, "
    "backslash, and `\"` unless escaped)";
constexpr std::string_view kEscape =
    "expecting chars `]`, `\"`, and `\\` to be escaped within param value";

std::string_view read_name(Cursor& in) {
  const std::size_t start = in.at();
  while (!in.ended() && is_graph(in.peek()) && in.at() - start < 32 && !in.stands('=') &&
         !in.stands(']') && !in.stands('"')) {
    in.skip();
  }
  return in.from(start);
}

Result<std::string> read_value(Cursor& in) {
  std::string value;
  while (!in.stands('"')) {
    if (in.ended() || in.stands(']')) return in.fail(kEscape);
    if (in.take('\\') && !in.stands('"') && !in.stands('\\') && !in.stands(']')) {
      return in.fail(kEscape);
    }
    value += in.peek();
    in.skip();
  }
  in.skip();
  return value;
}

Result<SyslogMessage::Element> read_element(Cursor& in,
                                            const std::vector<SyslogMessage::Element>& before) {
  SyslogMessage::Element element;
  element.id = read_name(in);
  if (element.id.empty() || (!in.stands(' ') && !in.stands(']'))) return in.fail(kElementId);
  if (std::ranges::find(before, element.id, &SyslogMessage::Element::id) != before.end()) {
    return in.fail("duplicate structured data element id");
  }
  while (in.take(' ')) {
    const std::string_view name = read_name(in);
    if (name.empty() || !in.take('=') || !in.take('"')) return in.fail(kParameter);
    element.parameters.emplace_back(name, TRY(read_value(in)));
  }
  if (!in.take(']')) return in.fail(kStructured);
  return element;
}

}  // namespace

Result<SyslogMessage> parse_syslog_5424(std::string_view line) {
  Cursor in(line);
  SyslogMessage message;
  message.priority = TRY(read_priority(in));

  const std::size_t version = in.at();
  if (in.peek() < '1' || in.peek() > '9') {
    return in.fail("expecting a version value in the range 1-999");
  }
  while (is_digit(in.peek()) && in.at() - version < 3) in.skip();
  for (const char digit : in.from(version)) message.version = message.version * 10 + digit - '0';
  if (in.ended()) return in.fail("parsing error");
  if (!in.take(' ')) return in.fail("expecting a version value in the range 1-999");

  if (!in.take('-')) {
    const std::size_t start = in.at();
    if (!in.date() || !in.take('T') || !in.clock()) return in.fail(kTimestamp);
    if (in.take('.')) {
      const std::size_t fraction = in.at();
      while (is_digit(in.peek()) && in.at() - fraction < 6) in.skip();
      if (in.at() == fraction) return in.fail(kTimestamp);
    }
    if (!in.offset()) return in.fail(kTimestamp);
    message.timestamp = TRY(read_time(in, in.from(start), "2006-01-02T15:04:05.999999Z07:00"));
  }
  if (!in.take(' ')) return in.fail("parsing error");

  const auto word = [&](std::size_t most, std::string_view expected) -> Result<std::string_view> {
    return unless_nil(TRY(in.word(most, expected)));
  };
  message.hostname = TRY(word(
      255, "expecting an hostname (from 1 to max 255 US-ASCII characters) or a nil value"));
  message.appname =
      TRY(word(48, "expecting an app-name (from 1 to max 48 US-ASCII characters) or a nil value"));
  message.procid =
      TRY(word(128, "expecting a procid (from 1 to max 128 US-ASCII characters) or a nil value"));
  message.msgid =
      TRY(word(32, "expecting a msgid (from 1 to max 32 US-ASCII characters) or a nil value"));

  if (!in.take('-')) {
    std::vector<SyslogMessage::Element> elements;
    if (!in.stands('[')) return in.fail(kStructured);
    while (in.take('[')) elements.push_back(TRY(read_element(in, elements)));
    if (!in.ended() && !in.stands(' ')) return in.fail(kStructured);
    message.structured = std::move(elements);
  }
  if (in.ended()) return message;
  if (!in.take(' ')) return in.fail("parsing error");
  message.message = in.rest();
  for (const char* at = message.message.data(); at < message.message.end();) {
    const Rune rune = decode_rune(at, message.message.end());
    if (rune.code == replacement_rune && rune.width == 1) {
      in.skip(static_cast<std::size_t>(at - message.message.data()));
      return in.fail("expecting a free-form optional message in UTF-8 (starting with or without "
                     "BOM)");
    }
    at += rune.width;
  }
  return message;
}

// RFC 3164 ----------------------------------------------------------------------------------------

namespace {

constexpr std::string_view kStamp = "expecting a Stamp timestamp";

bool take_month(Cursor& in) {
  // As far as a month's name still could be, so that the column is that of the first wrong letter.
  for (std::size_t length = 1; length <= 3; ++length) {
    bool possible = false;
    for (int month = 1; month <= 12; ++month) {
      possible = possible || in.rest().substr(0, length) == month_name(month).substr(0, length);
    }
    if (!possible || in.rest().size() < length) {
      in.skip(std::min(length - 1, in.rest().size()));
      return false;
    }
  }
  in.skip(3);
  return true;
}

bool take_stamp(Cursor& in) {
  if (!take_month(in) || !in.take(' ')) return false;
  if (in.take(' ')) {
    if (in.peek() < '1' || in.peek() > '9') return false;
    in.skip();
  } else {
    if (in.peek() == '0' || !in.number(10, 31)) return false;
  }
  return in.take(' ') && in.clock();
}

Result<Timestamp> read_stamp(Cursor& in, const SyslogOptions& options) {
  const std::size_t start = in.at();
  if (options.allow_rfc3339 && is_digit(in.peek())) {
    if (!in.date() || !in.take('T') || !in.clock() || !in.offset() || !in.stands(' ')) {
      return in.fail("expecting a Stamp or a RFC3339 timestamp");
    }
    return read_time(in, in.from(start), layout::rfc3339);
  }
  if (!take_stamp(in) || !in.stands(' ')) return in.fail(kStamp);
  Timestamp time = TRY(read_time(in, in.from(start), "Jan _2 15:04:05"));
  time = add_date(time, options.year, 0, 0);
  time.zone = options.zone;
  return time;
}

/// "tag[pid]: text", or just a text. A tag counts even if what follows it does not fit; then the
/// text begins at the tag, or at the pid if there is one.
void read_text(std::string_view text, SyslogMessage& message) {
  message.message = text;
  std::size_t end = 0;
  while (end < text.size() && is_print(text[end]) && text[end] != ' ' && text[end] != ':' &&
         text[end] != '[') {
    ++end;
  }
  if (end == 0 || end > 32 || end == text.size()) return;
  if (text[end] != ':' && text[end] != '[') return;
  message.appname = unless_nil(text.substr(0, end));
  if (text[end] == '[') {
    const std::string_view inside = text.substr(end + 1);
    message.message = inside;
    const std::size_t close = inside.find(']');
    if (close == inside.npos) return;
    message.procid = unless_nil(inside.substr(0, close));
    end += close + 2;
  }
  const std::string_view after = text.substr(std::min(end, text.size()));
  if (after.starts_with(": ") && after.size() > 2) message.message = after.substr(2);
}

}  // namespace

Result<SyslogMessage> parse_syslog_3164(std::string_view line, const SyslogOptions& options) {
  Cursor in(line);
  SyslogMessage message;
  message.priority = TRY(read_priority(in));
  message.timestamp = TRY(read_stamp(in, options));
  in.skip();  // the space behind it
  message.hostname = unless_nil(
      TRY(in.word(255, "expecting an hostname (from 1 to max 255 US-ASCII characters)")));
  if (in.ended() || !is_visible(in.peek())) {
    return in.fail("expecting an alphanumeric tag (max 32 characters)");
  }
  read_text(in.rest(), message);
  if (!std::ranges::all_of(in.rest(), is_visible)) message.message = {};
  return message;
}

}  // namespace tollgate
