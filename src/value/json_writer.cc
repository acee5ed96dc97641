#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <vector>

#include "value/empty_literal.h"
#include "value/encoding.h"
#include "value/json.h"
#include "value/number.h"
#include "value/text_scan.h"
#include "value/timestamp.h"

namespace tollgate {

namespace {

/// The end of a string that is written into directly: room is made ahead, the size set at the end.
class Sink {
 public:
  explicit Sink(std::string& out) : out_(out), at_(out.data() + out.size()), end_(at_) {}

  /// Where at least `bytes` may be written.
  [[gnu::always_inline]] char* room(std::size_t bytes) {
    if (static_cast<std::size_t>(end_ - at_) < bytes) [[unlikely]] grow(bytes);
    return at_;
  }
  void advance_to(char* at) { at_ = at; }

  void put(char c) {
    *room(1) = c;
    ++at_;
  }
  void put(std::string_view text) {
    char* const to = room(text.size());
    at_ = std::copy(text.begin(), text.end(), to);
  }

  std::size_t written() const { return static_cast<std::size_t>(at_ - out_.data()); }

  /// Leaves `out` with what was written up to here.
  void finish() { out_.resize(written()); }

 private:
  [[gnu::noinline]] void grow(std::size_t bytes) {
    const std::size_t used = written();
    constexpr std::size_t least = 256;
    const std::size_t wanted = std::max({used + bytes, out_.capacity(), used * 2, least});
    out_.resize(used);  // nothing past it is copied by what follows
    out_.resize_and_overwrite(wanted, [](char*, std::size_t size) { return size; });
    at_ = out_.data() + used;
    end_ = out_.data() + out_.size();
  }

  std::string& out_;
  char* at_;
  char* end_;
};

constexpr std::size_t kMostBytes = std::size_t{256} << 20;

constexpr char hex_digits[] = "0123456789abcdef";

char* write_unicode_escape(char* to, unsigned code) {
  *to++ = '\\';
  *to++ = 'u';
  for (int shift = 12; shift >= 0; shift -= 4) *to++ = hex_digits[code >> shift & 15];
  return to;
}

/// Writes the ASCII character `c`, which cannot stand for itself; at most 6 bytes.
char* write_escape(char* to, unsigned char c) {
  const auto letter = [to](char l) {
    to[0] = '\\';
    to[1] = l;
    return to + 2;
  };
  switch (c) {
    case '"':
    case '\\': return letter(static_cast<char>(c));
    case '\b': return letter('b');
    case '\f': return letter('f');
    case '\n': return letter('n');
    case '\r': return letter('r');
    case '\t': return letter('t');
    default: return write_unicode_escape(to, c);
  }
}

/// Writes the string from its first character that may need an escape.
template <bool html>
char* write_rest_of_string(Sink& sink, char* to, const char* from, const char* end) {
  constexpr std::size_t longest = 6;  // of one character
  while (true) {
    sink.advance_to(to);
    to = sink.room(static_cast<std::size_t>(end - from) + 1 + longest);
    const char* const run = find_json_stop<JsonStops{.html = html, .non_ascii = true}>(from, end);
    to = std::copy(from, run, to);
    from = run;
    if (from == end) break;
    if (static_cast<unsigned char>(*from) < 0x80) {
      to = write_escape(to, static_cast<unsigned char>(*from++));
    } else {
      const Rune rune = decode_rune(from, end);
      const bool escape = rune.width == 1 || rune.code == 0x2028 || rune.code == 0x2029;
      to = escape ? write_unicode_escape(to, rune.code) : std::copy_n(from, rune.width, to);
      from += rune.width;
    }
  }
  *to++ = '"';
  return to;
}

/// Room that a string takes if nothing in it is escaped.
constexpr std::size_t string_room(std::string_view text) { return text.size() + 2; }

/// Writes `text` at `to` and returns where it ends.
/// Requires: sink.room(string_room(text)).
template <bool html>
[[gnu::always_inline]] inline char* write_string(Sink& sink, char* to, std::string_view text) {
  constexpr JsonStops stops{.html = html, .non_ascii = true};
  *to++ = '"';
  const char* const end = text.data() + text.size();
  if (copy_short_json_plain<stops>(text.data(), text.size(), to)) [[likely]] {
    to += text.size();
    *to++ = '"';
    return to;
  }
  const char* const stop = copy_json_plain<stops>(text.data(), end, to);
  to += stop - text.data();
  if (stop != end) [[unlikely]] return write_rest_of_string<html>(sink, to, stop, end);
  *to++ = '"';
  return to;
}

template <bool html>
class JsonWriter {
 public:
  JsonWriter(Sink& sink, Arena& arena, const JsonWriteOptions& options)
      : sink_(sink),
        arena_(arena),
        options_(options),
        most_(sink.written() + kMostBytes),
        lines_(!options.indent.empty() || !options.prefix.empty()) {}

  bool write(Value root) {
    Open within{};  // the innermost container; those around it are on the stack
    Value value = root;
    while (true) {
      bool opened = false;
      if (value.is(Kind::string)) [[likely]] {
        string(value.as_text());
      } else if (value.is(Kind::object)) {
        const auto members = value.as_object().members(arena_);
        opened = open('{', '}', within,
                      {nullptr, members.data(), static_cast<std::uint32_t>(members.size()), 0});
      } else if (value.is(Kind::array)) {
        const Array& array = value.as_array();
        if (options_.as_text && is_empty_literal(array)) {
          sink_.put("null");
        } else {
          opened = open('[', ']', within, {array.items, nullptr, array.size, 0});
        }
      } else if (value.is(Kind::opaque)) [[unlikely]] {
        value = value.as_opaque();
        continue;
      } else if (!scalar(value)) {
        return false;
      }
      if (sink_.written() > most_) return false;
      if (!opened) {
        while (within.next == within.count) {
          if (depth_ == 0) return true;
          close(within);
        }
      }
      const std::uint32_t index = within.next++;
      if (within.array) {
        separate(index > 0);
        value = within.array[index];
      } else {
        key(within.members[index].key, index > 0);
        value = within.members[index].value;
      }
    }
  }

 private:
  /// A container whose opening bracket was written. One of the pointers is set.
  struct Open {
    const Value* array;
    const Member* members;
    std::uint32_t count;
    std::uint32_t next;
  };

  bool scalar(Value value) {
    switch (value.kind()) {
      case Kind::boolean: sink_.put(value.as_boolean() ? "true" : "false"); return true;
      case Kind::int64:
        sink_.advance_to(write_int(sink_.room(number_width), value.as_int64()));
        return true;
      case Kind::uint64:
        sink_.advance_to(write_uint(sink_.room(number_width), value.as_uint64()));
        return true;
      case Kind::float64:
        if (!std::isfinite(value.as_float64())) return false;
        sink_.advance_to(write_json_float(sink_.room(number_width), value.as_float64()));
        return true;
      case Kind::number_text: sink_.put(value.as_text()); return true;
      case Kind::bytes:
        if (is_no_bytes(value)) {
          sink_.put("null");
        } else {
          bytes(value.as_text());
        }
        return true;
      case Kind::timestamp: return timestamp(value.as_timestamp());
      default: sink_.put("null"); return true;
    }
  }

  /// Makes `inner` the innermost container, unless it is empty and so closed at once: false.
  bool open(char opening, char closing, Open& within, const Open& inner) {
    sink_.put(opening);
    if (inner.count == 0) {
      sink_.put(closing);
      return false;
    }
    if (depth_ == around_.size()) deepen();
    around_[depth_++] = within;
    within = inner;
    return true;
  }

  void deepen() {
    deeper_.resize(depth_ * 2);  // takes the place of the first ones
    if (depth_ == kShallow) std::ranges::copy(shallow_, deeper_.begin());
    around_ = deeper_;
  }

  void close(Open& within) {
    const char bracket = within.array ? ']' : '}';
    within = around_[--depth_];
    if (lines_) break_line();
    sink_.put(bracket);
  }

  /// What stands before an element or member.
  void separate(bool follows) {
    if (follows) sink_.put(',');
    if (lines_) break_line();
  }

  void key(std::string_view name, bool follows) {
    if (lines_) [[unlikely]] {
      separate(follows);
      string(name);
      sink_.put(": ");
      return;
    }
    char* to = sink_.room(string_room(name) + 2);
    *to = ',';
    to = write_string<html>(sink_, to + follows, name);
    *to++ = ':';
    sink_.advance_to(to);
  }

  void break_line() {
    sink_.put('\n');
    sink_.put(options_.prefix);
    for (std::size_t i = 0; i < depth_; ++i) sink_.put(options_.indent);
  }

  [[gnu::always_inline]] void string(std::string_view text) {
    sink_.advance_to(write_string<html>(sink_, sink_.room(string_room(text)), text));
  }

  void bytes(std::string_view content) {
    char* to = sink_.room(base64_size(content.size()) + 2);
    *to++ = '"';
    to = write_base64(to, content);
    *to++ = '"';
    sink_.advance_to(to);
  }

  bool timestamp(const Timestamp& time) {
    text_.clear();
    if (!append_strict_rfc3339(text_, time)) return false;
    sink_.put('"');
    sink_.put(text_);
    sink_.put('"');
    return true;
  }

  static constexpr std::size_t kShallow = 16;
  Sink& sink_;
  Arena& arena_;
  const JsonWriteOptions& options_;
  const std::size_t most_;  // written, in the end
  const bool lines_;
  std::size_t depth_ = 0;
  std::array<Open, kShallow> shallow_;  // no allocation for documents of this depth
  std::vector<Open> deeper_;
  std::span<Open> around_ = shallow_;  // containers around the innermost, depth_ of them
  std::string text_;
};

}  // namespace

bool append_json(std::string& out, Value value, Arena& arena, JsonWriteOptions options) {
  const std::size_t before = out.size();
  Sink sink(out);
  const bool written = options.escape_html ? JsonWriter<true>(sink, arena, options).write(value)
                                           : JsonWriter<false>(sink, arena, options).write(value);
  sink.finish();
  if (!written) out.resize(before);
  return written;
}

void append_json_string(std::string& out, std::string_view text, bool escape_html) {
  Sink sink(out);
  char* const to = sink.room(string_room(text));
  sink.advance_to(escape_html ? write_string<true>(sink, to, text)
                              : write_string<false>(sink, to, text));
  sink.finish();
}

}  // namespace tollgate
