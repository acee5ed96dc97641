#include <algorithm>
#include <cmath>
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
  char* room(std::size_t bytes) {
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
  void grow(std::size_t bytes) {
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

template <bool html>
void write_string(Sink& sink, std::string_view text) {
  constexpr std::size_t longest = 6;  // of one character
  const char* from = text.data();
  const char* const end = from + text.size();
  char* to = sink.room(text.size() + 2 + longest);
  *to++ = '"';
  while (true) {
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
    sink.advance_to(to);
    to = sink.room(static_cast<std::size_t>(end - from) + 1 + longest);
  }
  *to++ = '"';
  sink.advance_to(to);
}

class JsonWriter {
 public:
  JsonWriter(Sink& sink, Arena& arena, const JsonWriteOptions& options)
      : sink_(sink),
        arena_(arena),
        options_(options),
        most_(sink.written() + kMostBytes),
        lines_(!options.indent.empty() || !options.prefix.empty()) {}

  bool write(Value root) {
    if (!begin(root)) return false;
    while (!open_.empty()) {
      Open& innermost = open_.back();
      if (innermost.next == innermost.count) {
        close();
        continue;
      }
      if (sink_.written() > most_) return false;
      if (innermost.next > 0) sink_.put(',');
      const std::uint32_t index = innermost.next++;
      if (lines_) break_line();
      if (innermost.array) {
        if (!begin(innermost.array[index])) return false;
      } else {
        const Member& member = innermost.members[index];
        string(member.key);
        sink_.put(lines_ ? std::string_view(": ") : std::string_view(":"));
        if (!begin(member.value)) return false;
      }
    }
    return true;
  }

 private:
  /// A container whose opening bracket was written. One of the pointers is set.
  struct Open {
    const Value* array;
    const Member* members;
    std::uint32_t count;
    std::uint32_t next;
  };

  /// Writes a scalar, or opens a container for write() to go through.
  bool begin(Value value) {
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
      case Kind::string: string(value.as_text()); return true;
      case Kind::bytes: bytes(value.as_text()); return true;
      case Kind::timestamp: return timestamp(value.as_timestamp());
      case Kind::array: {
        const Array& array = value.as_array();
        if (options_.as_text && is_empty_literal(array)) break;
        open('[', ']', {array.items, nullptr, array.size, 0});
        return true;
      }
      case Kind::object: {
        const auto members = value.as_object().members(arena_);
        open('{', '}', {nullptr, members.data(), static_cast<std::uint32_t>(members.size()), 0});
        return true;
      }
      case Kind::null:
      case Kind::deleted:
      case Kind::nothing:
      case Kind::error: break;
    }
    sink_.put("null");
    return true;
  }

  void open(char opening, char closing, Open container) {
    sink_.put(opening);
    if (container.count == 0) {
      sink_.put(closing);
    } else {
      open_.push_back(container);
    }
  }

  void close() {
    const char bracket = open_.back().array ? ']' : '}';
    open_.pop_back();
    if (lines_) break_line();
    sink_.put(bracket);
  }

  void break_line() {
    sink_.put('\n');
    sink_.put(options_.prefix);
    for (std::size_t i = 0; i < open_.size(); ++i) sink_.put(options_.indent);
  }

  void string(std::string_view text) {
    if (options_.escape_html) {
      write_string<true>(sink_, text);
    } else {
      write_string<false>(sink_, text);
    }
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

  Sink& sink_;
  Arena& arena_;
  const JsonWriteOptions& options_;
  const std::size_t most_;  // written, in the end
  const bool lines_;
  std::vector<Open> open_;
  std::string text_;
};

}  // namespace

bool append_json(std::string& out, Value value, Arena& arena, JsonWriteOptions options) {
  const std::size_t before = out.size();
  Sink sink(out);
  const bool written = JsonWriter(sink, arena, options).write(value);
  sink.finish();
  if (!written) out.resize(before);
  return written;
}

void append_json_string(std::string& out, std::string_view text, bool escape_html) {
  Sink sink(out);
  if (escape_html) {
    write_string<true>(sink, text);
  } else {
    write_string<false>(sink, text);
  }
  sink.finish();
}

}  // namespace tollgate
