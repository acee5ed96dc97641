#include "unit_tests/json_difference.h"

#include <fmt/format.h>

#include "base/arena.h"
#include "value/encoding.h"
#include "value/json.h"

namespace tollgate {

namespace {

using Verdict = JsonDifference::Verdict;

constexpr std::string_view kReset = "\033[0m";
constexpr std::size_t kMostPlaces = 20;

/// What a stretch of the rendering is coloured as; the value is the escape that begins it.
struct Paint {
  std::string_view begin;
  std::string_view end() const { return begin.empty() ? begin : kReset; }
  bool operator==(const Paint&) const = default;
};
constexpr Paint kPlain{""}, kAdded{"\033[0;32m"}, kRemoved{"\033[0;31m"}, kChanged{"\033[0;33m"};

/// One value's rendering. A colour is closed at each line break and begun again behind it.
class Canvas {
 public:
  explicit Canvas(std::size_t level) : level_(level) {}

  void paint(Paint paint) {
    if (paint == paint_) return;
    text_ += paint_.end();
    text_ += paint.begin;
    paint_ = paint;
  }
  void write(std::string_view text) { text_ += text; }
  void key(std::string_view key) {
    append_go_quoted(text_, key);
    text_ += ": ";
  }
  void indent(int by) { level_ += static_cast<std::size_t>(by); }
  /// `text`, then a line break.
  void line(std::string_view text) {
    text_ += text;
    text_ += paint_.end();
    text_ += '\n';
    text_.append(level_ * 4, ' ');
    text_ += paint_.begin;
  }
  void scalar(Value value) {
    switch (value.kind()) {
      case Kind::boolean: text_ += value.as_boolean() ? "true" : "false"; break;
      case Kind::number_text: text_ += value.as_text(); break;
      case Kind::string: append_go_quoted(text_, value.as_text()); break;
      default: text_ += "null";
    }
  }
  std::string take() {
    text_ += paint_.end();
    return std::move(text_);
  }

 private:
  std::string text_;
  Paint paint_ = kPlain;
  std::size_t level_;
};

class Comparison {
 public:
  explicit Comparison(Arena& arena) : arena_(arena) {}

  /// Renders `received` against `expected`, both at nesting `level`, and notes what differs.
  std::string render(Value received, Value expected, std::size_t level, const std::string& path) {
    Canvas canvas(level);
    if (received.kind() != expected.kind()) {
      mismatch(canvas, received, expected, path);
    } else if (received.is(Kind::array)) {
      list(canvas, received.as_array(), expected.as_array(), level, path);
    } else if (received.is(Kind::object)) {
      map(canvas, received.as_object(), expected.as_object(), level, path);
    } else if (!same_scalar(received, expected)) {
      mismatch(canvas, received, expected, path);
    } else {
      canvas.scalar(received);
    }
    return canvas.take();
  }

  Verdict verdict() const { return verdict_; }
  std::string take_places() {
    if (found_ > kMostPlaces) places_ += fmt::format("  … and {} more\n", found_ - kMostPlaces);
    return std::move(places_);
  }

 private:
  static bool same_scalar(Value a, Value b) {
    if (a.is_null()) return true;
    if (a.is(Kind::boolean)) return a.as_boolean() == b.as_boolean();
    return a.as_text() == b.as_text();
  }

  std::string brief(Value value) {
    std::string text;
    append_json(text, value, arena_);
    constexpr std::size_t kMost = 60;
    if (text.size() > kMost) text.replace(kMost, text.npos, "…");
    return text;
  }

  void differs(const std::string& path, std::string_view expected, std::string_view received) {
    verdict_ = Verdict::different;
    if (++found_ > kMostPlaces) return;
    places_ += fmt::format("  {}: expected {}, received {}\n", path.empty() ? "." : path, expected,
                           received);
  }

  void mismatch(Canvas& canvas, Value received, Value expected, const std::string& path) {
    differs(path, brief(expected), brief(received));
    const auto outline = [&](Value value) {
      if (value.is(Kind::array)) return canvas.write("[]");
      if (value.is(Kind::object)) return canvas.write("{}");
      canvas.scalar(value);
    };
    canvas.paint(kChanged);
    outline(received);
    canvas.write(" => ");
    outline(expected);
  }

  /// A value that the other document does not have, whole.
  void whole(Canvas& canvas, Value value) {
    const bool is_list = value.is(Kind::array);
    if (!is_list && !value.is(Kind::object)) return canvas.scalar(value);
    const auto members = is_list ? std::span<const Member>() : value.as_object().members(arena_);
    const std::size_t count = is_list ? value.as_array().size : members.size();
    const std::string_view open = is_list ? "[" : "{";
    if (count == 0) {
      canvas.write(open);
    } else {
      canvas.indent(1);
      canvas.line(open);
    }
    for (std::size_t i = 0; i < count; ++i) {
      if (!is_list) canvas.key(members[i].key);
      whole(canvas, is_list ? value.as_array().items[i] : members[i].value);
      if (i + 1 == count) canvas.indent(-1);
      canvas.line(i + 1 < count ? "," : "");
    }
    canvas.write(is_list ? "]" : "}");
  }

  /// One item or member, of which at least one of the two documents has a value.
  void entry(Canvas& canvas, const Value* received, const Value* expected, std::string_view key,
             bool keyed, std::size_t level, const std::string& path) {
    const auto name = [&] {
      if (keyed) canvas.key(key);
    };
    if (received != nullptr && expected != nullptr) {
      name();
      canvas.write(render(*received, *expected, level + 1, path));
    } else if (received != nullptr) {
      if (verdict_ == Verdict::equal) verdict_ = Verdict::superset;
      canvas.paint(kRemoved);
      name();
      whole(canvas, *received);
    } else {
      differs(path, brief(*expected), "nothing");
      canvas.paint(kAdded);
      name();
      whole(canvas, *expected);
    }
  }

  void between(Canvas& canvas, bool more) {
    canvas.paint(kPlain);
    if (!more) canvas.indent(-1);
    canvas.line(more ? "," : "");
  }

  void list(Canvas& canvas, const Array& received, const Array& expected, std::size_t level,
            const std::string& path) {
    const std::size_t count = std::max(received.size, expected.size);
    if (count == 0) return canvas.write("[]");
    canvas.indent(1);
    canvas.line("[");
    for (std::size_t i = 0; i < count; ++i) {
      entry(canvas, i < received.size ? received.items + i : nullptr,
            i < expected.size ? expected.items + i : nullptr, "", false, level,
            fmt::format("{}[{}]", path, i));
      between(canvas, i + 1 < count);
    }
    canvas.write("]");
  }

  void map(Canvas& canvas, Object& received, Object& expected, std::size_t level,
           const std::string& path) {
    const auto ours = received.members(arena_);
    const auto theirs = expected.members(arena_);
    if (ours.empty() && theirs.empty()) return canvas.write("{}");
    canvas.indent(1);
    canvas.line("{");
    for (std::size_t i = 0, j = 0; i < ours.size() || j < theirs.size();) {
      const bool take_ours =
          i < ours.size() && (j == theirs.size() || ours[i].key <= theirs[j].key);
      const bool take_theirs =
          j < theirs.size() && (i == ours.size() || theirs[j].key <= ours[i].key);
      const std::string_view key = take_ours ? ours[i].key : theirs[j].key;
      entry(canvas, take_ours ? &ours[i].value : nullptr,
            take_theirs ? &theirs[j].value : nullptr, key, true, level,
            fmt::format("{}.{}", path, key));
      i += take_ours;
      j += take_theirs;
      between(canvas, i < ours.size() || j < theirs.size());
    }
    canvas.write("}");
  }

  Arena& arena_;
  Verdict verdict_ = Verdict::equal;
  std::string places_;
  std::size_t found_ = 0;
};

}  // namespace

JsonDifference compare_json(std::string_view received, std::string_view expected) {
  Arena arena;
  const Value ours = parse_json(received, arena, {.allow_trailing = true});
  const Value theirs = parse_json(expected, arena, {.allow_trailing = true});
  JsonDifference difference;
  if (ours.is_error() || theirs.is_error()) {
    difference.verdict = Verdict::not_json;
    difference.rendered = ours.is_error() && theirs.is_error() ? "both arguments are invalid json"
                          : ours.is_error()                    ? "first argument is invalid json"
                                                               : "second argument is invalid json";
    return difference;
  }
  Comparison comparison(arena);
  difference.rendered = comparison.render(ours, theirs, 0, "");
  difference.verdict = comparison.verdict();
  difference.places = comparison.take_places();
  return difference;
}

}  // namespace tollgate
