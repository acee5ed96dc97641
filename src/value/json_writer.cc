#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
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

/// A string, or memory of an arena, that is written into directly: room is made ahead, the size set
/// at the end. Where the writing is up to is the writer's to know, in a register: what is written
/// through a char* might be any member.
class Sink {
 public:
  /// Behind what `out` holds.
  explicit Sink(std::string& out)
      : text_(&out), begin_(out.data()), start_(begin_ + out.size()), end_(start_) {}
  /// In `out`, where `room` bytes will mostly do.
  Sink(Arena& out, std::size_t room)
      : arena_(&out), begin_(out.allocate_array<char>(room)), start_(begin_), end_(begin_ + room) {}

  /// The first place to write to.
  char* start() const { return start_; }

  /// Where at least `bytes` may be written, the end of what was written being `at`.
  [[gnu::always_inline]] char* room(char* at, std::size_t bytes) {
    return static_cast<std::size_t>(end_ - at) < bytes ? grow(at, bytes) : at;
  }
  char* put(char* at, char c) {
    at = room(at, 1);
    *at = c;
    return at + 1;
  }
  char* put(char* at, std::string_view text) {
    at = room(at, text.size());
    return std::copy(text.begin(), text.end(), at);
  }
  /// `text`, which is short mostly and which `slack` more bytes can be read after.
  template <std::size_t slack>
  [[gnu::always_inline]] char* put_slack(char* at, std::string_view text) {
    at = room(at, text.size() + slack);
    std::memcpy(at, text.data(), slack);
    if (text.size() > slack) [[unlikely]] std::memcpy(at, text.data(), text.size());
    return at + text.size();
  }

  std::size_t written(const char* at) const { return static_cast<std::size_t>(at - begin_); }

  /// Leaves the string, or the arena, with what was written up to `at`.
  std::string_view finish(const char* at) {
    const std::size_t size = written(at);
    if (text_) {
      text_->resize(size);
    } else if (arena_->ends_at(end_)) {
      arena_->shrink_last(begin_, size);
    }
    return {begin_, size};
  }

 private:
  [[gnu::noinline]] char* grow(const char* at, std::size_t bytes) {
    const std::size_t used = written(at);
    constexpr std::size_t least = 256;
    std::size_t wanted = std::max({used + bytes, used * 2, least});
    if (text_) {
      wanted = std::max(wanted, text_->capacity());
      text_->resize(used);  // nothing past it is copied by what follows
      text_->resize_and_overwrite(wanted, [](char*, std::size_t size) { return size; });
      begin_ = text_->data();
    } else {
      char* const more = arena_->allocate_array<char>(wanted);
      begin_ = static_cast<char*>(std::memcpy(more, begin_, used));
    }
    end_ = begin_ + wanted;
    return begin_ + used;
  }

  std::string* text_ = nullptr;
  Arena* arena_ = nullptr;  // if text_ is null
  char* begin_;
  char* const start_;
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
    to = sink.room(to, static_cast<std::size_t>(end - from) + 1 + longest);
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
/// Requires: sink.room(to, string_room(text)) == to.
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
        lines_(!options.indent.empty() || !options.prefix.empty()) {}

  /// As write() of a value.
  char* write(const JsonShape& shape, const Value* values, char* at) {
    const std::size_t most = sink_.written(at) + kMostBytes;
    for (const auto& [before, number] : shape.parts) {
      at = sink_.put_slack<JsonShape::kSlack>(at, before);
      const Value value = values[number];
      if (value.is(Kind::string)) [[likely]] {
        at = string(at, value.as_text());
      } else {
        at = write(value, at);
        if (!at) return nullptr;
      }
      if (sink_.written(at) > most) return nullptr;
    }
    return sink_.put_slack<JsonShape::kSlack>(at, shape.end);
  }

  /// Where the text of `root` ends, which begins at `at`; null if it has none.
  char* write(Value root, char* at) {
    const std::size_t most = sink_.written(at) + kMostBytes;
    Open within{};  // the innermost container; those around it are on the stack
    Value value = root;
    while (true) {
      bool opened = false;
      if (value.is(Kind::string)) [[likely]] {
        at = string(at, value.as_text());
      } else if (value.is(Kind::object)) {
        Object& object = value.as_object();
        const auto members = object.members(arena_);
        const auto count = static_cast<std::uint32_t>(members.size());
        at = sink_.put(at, count ? std::string_view("{") : std::string_view("{}"));
        opened = open(within, {nullptr, members.data(), count, 0, object.framed_keys && !lines_});
      } else if (value.is(Kind::array)) {
        const Array& array = value.as_array();
        const bool shows_null = options_.as_text && is_empty_literal(array);
        at = sink_.put(at, shows_null ? "null" : array.size ? "[" : "[]");
        opened = open(within, {array.items, nullptr, array.size, 0, false});
      } else if (value.is(Kind::opaque)) [[unlikely]] {
        value = value.as_opaque();
        continue;
      } else {
        at = scalar(at, value);
        if (!at) return nullptr;
      }
      if (sink_.written(at) > most) return nullptr;
      if (!opened) {
        while (within.next == within.count) {
          if (depth_ == 0) return at;
          const char bracket = within.array ? ']' : '}';
          within = around_[--depth_];
          if (lines_) at = break_line(at);
          at = sink_.put(at, bracket);
        }
      }
      const std::uint32_t index = within.next++;
      if (within.array) {
        if (index > 0) at = sink_.put(at, ',');
        if (lines_) at = break_line(at);
        value = within.array[index];
      } else {
        const Member& member = within.members[index];
        at = within.framed_keys ? framed_key(at, member.key, index > 0)
                                : key(at, member.key, index > 0);
        value = member.value;
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
    bool framed_keys;
  };

  char* scalar(char* at, Value value) {
    switch (value.kind()) {
      case Kind::boolean: return sink_.put(at, value.as_boolean() ? "true" : "false");
      case Kind::int64: return write_int(sink_.room(at, number_width), value.as_int64());
      case Kind::uint64: return write_uint(sink_.room(at, number_width), value.as_uint64());
      case Kind::float64:
        if (!std::isfinite(value.as_float64())) return nullptr;
        return write_json_float(sink_.room(at, number_width), value.as_float64());
      case Kind::number_text: return sink_.put(at, value.as_text());
      case Kind::bytes:
        return is_no_bytes(value) ? sink_.put(at, "null") : bytes(at, value.as_text());
      case Kind::timestamp: return timestamp(at, value.as_timestamp());
      default: return sink_.put(at, "null");
    }
  }

  /// Makes `inner` the innermost container, unless it is empty and so closed already: false.
  [[gnu::always_inline]] bool open(Open& within, const Open& inner) {
    if (inner.count == 0) return false;
    if (depth_ == around_.size()) deepen();
    around_[depth_++] = within;
    within = inner;
    return true;
  }

  [[gnu::noinline]] void deepen() {
    deeper_.resize(depth_ * 2);  // takes the place of the first ones
    if (depth_ == kShallow) std::ranges::copy(shallow_, deeper_.begin());
    around_ = deeper_;
  }

  /// A member's key and what stands before it.
  [[gnu::always_inline]] char* key(char* at, std::string_view name, bool follows) {
    if (lines_) [[unlikely]] {
      if (follows) at = sink_.put(at, ',');
      at = string(break_line(at), name);
      return sink_.put(at, ": ");
    }
    at = sink_.room(at, string_room(name) + 2);
    *at = ',';
    at = write_string<html>(sink_, at + follows, name);
    *at++ = ':';
    return at;
  }

  /// A key with what stands around it: `,"key":`. See Object::framed_keys.
  [[gnu::always_inline]] char* framed_key(char* at, std::string_view name, bool follows) {
    return sink_.put_slack<Object::kKeySlack>(
        at, {name.data() - 1 - follows, name.size() + 3 + follows});
  }

  char* break_line(char* at) {
    at = sink_.put(at, '\n');
    at = sink_.put(at, options_.prefix);
    for (std::size_t i = 0; i < depth_; ++i) at = sink_.put(at, options_.indent);
    return at;
  }

  [[gnu::always_inline]] char* string(char* at, std::string_view text) {
    return write_string<html>(sink_, sink_.room(at, string_room(text)), text);
  }

  char* bytes(char* at, std::string_view content) {
    at = sink_.room(at, base64_size(content.size()) + 2);
    *at++ = '"';
    at = write_base64(at, content);
    *at++ = '"';
    return at;
  }

  char* timestamp(char* at, const Timestamp& time) {
    text_.clear();
    if (!append_strict_rfc3339(text_, time)) return nullptr;
    at = sink_.put(at, '"');
    at = sink_.put(at, text_);
    return sink_.put(at, '"');
  }

  static constexpr std::size_t kShallow = 16;
  Sink& sink_;
  Arena& arena_;
  const JsonWriteOptions& options_;
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
  char* const at = sink.start();
  const char* const end =
      options.escape_html ? JsonWriter<true>(sink, arena, options).write(value, at)
                          : JsonWriter<false>(sink, arena, options).write(value, at);
  if (end) {
    sink.finish(end);
  } else {
    out.resize(before);
  }
  return end != nullptr;
}

namespace {

template <typename... What>
std::string_view print(Arena& out, Arena& scratch, const What&... what) {
  // Texts that are printed one after the other are of much the same size.
  thread_local std::size_t last_size = 0;
  constexpr std::size_t most = std::size_t{64} << 10;
  Sink sink(out, std::min(last_size + last_size / 4 + 64, most));
  const JsonWriteOptions options;
  const char* const end = JsonWriter<false>(sink, scratch, options).write(what..., sink.start());
  const std::string_view text = sink.finish(end ? end : sink.start());
  last_size = text.size();
  return text;
}

}  // namespace

std::string_view print_json(Value value, Arena& out, Arena& scratch) { return print(out, scratch, value); }

std::string_view print_json(const JsonShape& shape, const Value* values, Arena& out, Arena& scratch) {
  return print(out, scratch, shape, values);
}

void append_json_string(std::string& out, std::string_view text, bool escape_html) {
  Sink sink(out);
  char* const to = sink.room(sink.start(), string_room(text));
  sink.finish(escape_html ? write_string<true>(sink, to, text)
                          : write_string<false>(sink, to, text));
}

}  // namespace tollgate
