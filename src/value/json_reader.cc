#include <algorithm>
#include <memory>
#include <vector>

#include "value/encoding.h"
#include "value/json.h"
#include "value/number.h"
#include "value/text_scan.h"

namespace tollgate {

namespace {

constexpr std::size_t max_depth = 10'000;
constexpr std::size_t max_text = 0xFFFF'FFFFu;  // sizes of text are 32 bits
constexpr std::size_t kept_scratch = 1 << 14;   // members; more is given back after a parse

bool is_space(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// An array or object that was opened and not closed yet.
struct Frame {
  std::uint32_t first;  ///< index in the scratch of its first member
  bool object;
};

/// Members of everything that is open, reused from parse to parse so that each container costs one
/// arena allocation of its final size.
class Scratch {
 public:
  std::uint32_t size() const { return size_; }
  const Member* from(std::uint32_t index) const { return members_.get() + index; }
  Member& back() { return members_[size_ - 1]; }
  void cut(std::uint32_t size) { size_ = size; }

  void push(std::string_view key, Value value) {
    if (size_ == capacity_) [[unlikely]] grow();
    members_[size_++] = {key, value};
  }

  std::vector<Frame> frames;

  void clear() {
    size_ = 0;
    frames.clear();
    if (capacity_ > kept_scratch) {
      members_.reset();
      capacity_ = 0;
      frames = {};
    }
  }

 private:
  void grow() {
    const std::uint32_t wanted = std::max(256u, capacity_ * 2);
    auto moved = std::make_unique_for_overwrite<Member[]>(wanted);
    std::copy_n(members_.get(), size_, moved.get());
    members_ = std::move(moved);
    capacity_ = wanted;
  }

  std::unique_ptr<Member[]> members_;
  std::uint32_t size_ = 0;
  std::uint32_t capacity_ = 0;
};

class JsonReader {
 public:
  JsonReader(std::string_view text, Arena& arena, const JsonReadOptions& options, Scratch& scratch)
      : begin_(text.data()),
        at_(text.data()),
        end_(text.data() + text.size()),
        arena_(arena),
        options_(options),
        scratch_(scratch) {}

  Value read() {
    Value root;
    if (!document(root)) return failure_;
    if (options_.consumed) *options_.consumed = static_cast<std::size_t>(at_ - begin_);
    if (options_.message && late_failure_.is_error()) return late_failure_;
    skip_space();
    if (at_ != end_ && !options_.allow_trailing && !trailing()) return failure_;
    return late_failure_.is_error() ? late_failure_ : root;
  }

 private:
  // Documents and containers ---------------------------------------------------------------------

  /// What the next token must be.
  enum class Expect : std::uint8_t { value, key, separator };

  bool document(Value& root) {
    Expect expect = Expect::value;
    while (true) {
      if (expect == Expect::separator && scratch_.frames.empty()) {
        root = done_;
        return true;
      }
      skip_space();
      if (expect == Expect::key) {
        if (!key()) return false;
        expect = Expect::value;
        continue;
      }
      if (expect == Expect::separator) {
        if (!separator(expect)) return false;
        continue;
      }
      if (at_ == end_) return fail_at_end();
      const char c = *at_;
      if (c == '{' || c == '[') {
        if (!open(c == '{', expect)) return false;
        continue;
      }
      if (!scalar(done_)) return false;
      finish_value();
      expect = Expect::separator;
    }
  }

  bool open(bool object, Expect& expect) {
    if (scratch_.frames.size() >= max_depth) return fail("exceeded max depth");
    ++at_;
    scratch_.frames.push_back({scratch_.size(), object});
    skip_space();
    if (at_ < end_ && *at_ == (object ? '}' : ']')) {
      close();
      expect = Expect::separator;
    } else {
      expect = object ? Expect::key : Expect::value;
    }
    return true;
  }

  bool key() {
    if (at_ == end_) return fail_at_end();
    if (*at_ != '"') return fail("looking for beginning of object key string");
    std::string_view name;
    if (!string(name)) return false;
    scratch_.push(name, {});
    skip_space();
    if (at_ == end_) return fail_at_end();
    if (*at_ != ':') return fail("after object key");
    ++at_;
    return true;
  }

  bool separator(Expect& expect) {
    if (at_ == end_) return fail_at_end();
    const bool object = scratch_.frames.back().object;
    if (*at_ == ',') {
      ++at_;
      expect = object ? Expect::key : Expect::value;
      return true;
    }
    if (*at_ != (object ? '}' : ']')) {
      return fail(object ? "after object key:value pair" : "after array element");
    }
    close();
    return true;
  }

  /// Builds the innermost container, whose closing bracket is at the cursor.
  void close() {
    ++at_;
    const Frame frame = scratch_.frames.back();
    scratch_.frames.pop_back();
    const Member* const first = scratch_.from(frame.first);
    const std::size_t count = scratch_.size() - frame.first;
    if (frame.object) {
      Member* const members = arena_.allocate_array<Member>(count);
      std::copy_n(first, count, members);
      done_ = Value::object(make_object_of(arena_, members, count));
    } else {
      Array* const array = make_array(arena_, count);
      for (std::size_t i = 0; i < count; ++i) array->items[i] = first[i].value;
      array->size = static_cast<std::uint32_t>(count);
      done_ = Value::array(array);
    }
    scratch_.cut(frame.first);
    finish_value();
  }

  /// Puts done_ into the innermost open container.
  void finish_value() {
    if (scratch_.frames.empty()) return;
    if (scratch_.frames.back().object) {
      scratch_.back().value = done_;
    } else {
      scratch_.push({}, done_);
    }
  }

  /// Something follows the document.
  bool trailing() {
    if (!options_.message) return fail("after top-level value");
    for (int i = 0; i < 2 && at_ != end_; ++i) {
      Value ignored;
      scratch_.clear();
      if (!document(ignored)) return false;
      skip_space();
    }
    return fail_with("message contains multiple valid documents");
  }

  // Scalars --------------------------------------------------------------------------------------

  /// Requires: at_ != end_.
  bool scalar(Value& value) {
    const char c = *at_;
    switch (c) {
      case '"': {
        std::string_view text;
        if (!string(text)) return false;
        value = Value::string(text);
        return true;
      }
      case 't': value = Value::boolean(true); return literal("true");
      case 'f': value = Value::boolean(false); return literal("false");
      case 'n': value = Value::null(); return literal("null");
      default:
        if (c == '-' || is_digit(c)) return number(value);
        return fail("looking for beginning of value");
    }
  }

  bool literal(std::string_view word) {
    for (std::size_t i = 1; i < word.size(); ++i) {
      if (at_ + i == end_ || at_[i] != word[i]) {
        at_ += i;
        const std::string_view letter = word.substr(i, 1);
        return fail(concat(arena_, {"in literal ", word, " (expecting '", letter, "')"}));
      }
    }
    at_ += word.size();
    return true;
  }

  bool digits(std::string_view where) {
    if (at_ == end_ || !is_digit(*at_)) return fail(where);
    while (at_ != end_ && is_digit(*at_)) ++at_;
    return true;
  }

  bool number(Value& value) {
    const char* const start = at_;
    if (*at_ == '-') ++at_;
    if (at_ != end_ && *at_ == '0') {
      ++at_;
    } else if (!digits("in numeric literal")) {
      return false;
    }
    if (at_ != end_ && *at_ == '.') {
      ++at_;
      if (!digits("after decimal point in numeric literal")) return false;
    }
    if (at_ != end_ && (*at_ == 'e' || *at_ == 'E')) {
      ++at_;
      if (at_ != end_ && (*at_ == '+' || *at_ == '-')) ++at_;
      if (!digits("in exponent of numeric literal")) return false;
    }
    const std::string_view text(start, static_cast<std::size_t>(at_ - start));
    value = options_.keep_numbers ? Value::number_text(text) : parse_number(text);
    return true;
  }

  /// A number too large for a double spoils the document only if its syntax is right to the end.
  Value parse_number(std::string_view text) {
    const auto [number, fault] = scan_float(text);
    if (fault != NumberFault::none && !late_failure_.is_error()) {
      late_failure_ = Value::error(concat(
          arena_, {"json: cannot unmarshal number ", text, " into Go value of type float64"}));
    }
    return Value::float64(number);
  }

  // Strings --------------------------------------------------------------------------------------

  /// Reads the string whose opening quote is at the cursor.
  bool string(std::string_view& text) {
    const char* const start = ++at_;
    if (const int size = short_ascii_size(start, end_); size >= 0) [[likely]] {
      text = {start, static_cast<std::size_t>(size)};
      at_ += size + 1;
      return true;
    }
    at_ = find_json_stop<JsonStops{}>(at_, end_);
    if (at_ != end_ && *at_ == '"') [[likely]] {
      text = {start, static_cast<std::size_t>(at_ - start)};
      ++at_;
      if (has_non_ascii(text.data(), text.data() + text.size()) && !valid_utf8(text)) {
        text = unescape(text, text.size() * 3);
      }
      return true;
    }
    bool plain = true;
    while (true) {
      if (at_ == end_) return fail_at_end();
      if (*at_ == '"') break;
      if (*at_ != '\\') return fail("in string literal");
      if (!check_escape()) return false;
      plain = false;
      at_ = find_json_stop<JsonStops{}>(at_, end_);
    }
    text = {start, static_cast<std::size_t>(at_ - start)};
    ++at_;
    // An escape never grows; only an invalid byte does, to three.
    if (!plain) text = unescape(text, valid_utf8(text) ? text.size() : text.size() * 3);
    return true;
  }

  /// Moves past the escape at the cursor.
  bool check_escape() {
    ++at_;
    if (at_ == end_ || !std::string_view("\"\\/bfnrtu").contains(*at_)) {
      return fail("in string escape code");
    }
    if (*at_++ != 'u') return true;
    for (int i = 0; i < 4; ++i, ++at_) {
      if (at_ == end_ || hex_digit(*at_) < 0) return fail("in \\u hexadecimal character escape");
    }
    return true;
  }

  static int hex_digit(char c) {
    if (is_digit(c)) return c - '0';
    const char lower = static_cast<char>(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
  }

  /// The code of the four hex digits at `from`, or -1 if \uXXXX is not there in full.
  static std::int32_t escaped_code(const char* from, const char* end) {
    if (end - from < 6 || from[0] != '\\' || from[1] != 'u') return -1;
    std::int32_t code = 0;
    for (int i = 2; i < 6; ++i) code = code << 4 | hex_digit(from[i]);
    return code;
  }

  /// The text that `raw`, already checked, spells. `room` bytes are enough for it.
  std::string_view unescape(std::string_view raw, std::size_t room) {
    auto* const start = static_cast<char*>(arena_.allocate(room, 1));
    char* to = start;
    const char* from = raw.data();
    const char* const end = from + raw.size();
    while (from < end) {
      const char* const run = find_json_stop<JsonStops{.non_ascii = true}>(from, end);
      to = std::copy(from, run, to);
      from = run;
      if (from == end) break;
      if (*from == '\\') {
        to = unescape_one(from, end, to);
      } else {
        const Rune rune = decode_rune(from, end);
        to = write_rune(to, rune.code);
        from += rune.width;
      }
    }
    const auto size = static_cast<std::size_t>(to - start);
    arena_.shrink_last(start, size);
    return {start, size};
  }

  static char* unescape_one(const char*& from, const char* end, char* to) {
    if (from[1] != 'u') {
      const char letter = from[1];
      from += 2;
      switch (letter) {
        case 'b': *to = '\b'; break;
        case 'f': *to = '\f'; break;
        case 'n': *to = '\n'; break;
        case 'r': *to = '\r'; break;
        case 't': *to = '\t'; break;
        default: *to = letter;
      }
      return to + 1;
    }
    const std::int32_t first = escaped_code(from, end);
    from += 6;
    if (first >= 0xD800 && first < 0xDC00) {
      const std::int32_t second = escaped_code(from, end);
      if (second >= 0xDC00 && second < 0xE000) {
        from += 6;
        return write_rune(to, char32_t(0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00)));
      }
    }
    return write_rune(to, static_cast<char32_t>(first));
  }

  // Errors ---------------------------------------------------------------------------------------

  void skip_space() {
    if (at_ != end_ && *at_ > ' ') [[likely]] return;
    while (at_ != end_ && is_space(*at_)) ++at_;
  }

  bool fail_with(std::string_view message) {
    failure_ = Value::error(message);
    return false;
  }

  /// The byte at the cursor must not be there. At the end of the text Go reports the state that it
  /// was in as if a space followed, except for messages.
  bool fail(std::string_view where) {
    if (at_ == end_ && options_.message) return fail_at_end();
    std::string character;
    append_quoted_byte(character, at_ == end_ ? ' ' : static_cast<unsigned char>(*at_));
    return fail_with(concat(arena_, {"invalid character ", character, " ", where}));
  }

  /// The text ended where white space could have followed.
  bool fail_at_end() {
    if (!options_.message) return fail_with("unexpected end of JSON input");
    return fail_with(std::all_of(begin_, end_, is_space) ? "EOF" : "unexpected EOF");
  }

  const char* const begin_;
  const char* at_;
  const char* const end_;
  Arena& arena_;
  const JsonReadOptions& options_;
  Scratch& scratch_;
  Value done_;  ///< the value read last
  Value failure_;
  Value late_failure_;
};

}  // namespace

Value parse_json(std::string_view text, Arena& arena, JsonReadOptions options) {
  if (text.size() > max_text) return Value::error("document is larger than 4 GiB");
  thread_local Scratch scratch;
  const Value result = JsonReader(text, arena, options, scratch).read();
  scratch.clear();
  return result;
}

}  // namespace tollgate
