#include "bloblang/functions/simple_pattern.h"

#include <algorithm>
#include <bit>

namespace tollgate::bloblang {

/// Reads one expression; any of the functions is false once it is not simple.
class SimplePattern::Compiler {
 public:
  explicit Compiler(std::string_view source) : rest_(source) {}

  bool compile(SimplePattern& out) {
    out.groups_.push_back({0, 0});
    out.at_start_ = skip('^');
    while (!rest_.empty()) {
      if (rest_ == "$" && open_.empty()) {
        out.at_end_ = true;
        break;
      }
      if (skip('(')) {
        if (!open_group(out)) return false;
      } else if (skip(')')) {
        if (open_.empty()) return false;
        if (open_.back() != kNoGroup) out.groups_[open_.back()].to = out.items_.size();
        open_.pop_back();
        if (!rest_.empty() && is_repetition(rest_[0])) return false;
      } else if (!item(out)) {
        return false;
      }
    }
    if (!open_.empty() || out.items_.empty()) return false;
    out.groups_[0].to = out.items_.size();
    const Item& first = out.items_[0];
    if (first.least > 0 && std::popcount(first.low) + std::popcount(first.high) == 1) {
      out.first_ = static_cast<char>(first.low ? std::countr_zero(first.low)
                                               : 64 + std::countr_zero(first.high));
    }
    return true;
  }

 private:
  static constexpr std::size_t kNoGroup = SIZE_MAX;

  static bool is_repetition(char c) { return c == '*' || c == '+' || c == '?' || c == '{'; }

  bool skip(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  bool open_group(SimplePattern& out) {
    if (rest_.starts_with('?')) {
      if (rest_.starts_with("?:")) {
        rest_.remove_prefix(2);
        open_.push_back(kNoGroup);
        return true;
      }
      if (!rest_.starts_with("?P<") && !rest_.starts_with("?<")) return false;  // flags
      const std::size_t end = rest_.find('>');
      if (end == std::string_view::npos) return false;
      rest_.remove_prefix(end + 1);
    }
    if (out.groups_.size() == kMaxGroups) return false;
    open_.push_back(out.groups_.size());
    out.groups_.push_back({out.items_.size(), 0});
    return true;
  }

  bool item(SimplePattern& out) {
    Item item;
    if (!characters(item) || !repetition(item) || out.items_.size() == kMaxItems) return false;
    out.items_.push_back(item);
    return true;
  }

  static void add(Item& item, unsigned char code) {
    (code < 64 ? item.low : item.high) |= std::uint64_t{1} << (code & 63);
  }
  static void add_range(Item& item, char first, char last) {
    for (int code = first; code <= last; ++code) add(item, static_cast<unsigned char>(code));
  }
  static void invert(Item& item) {
    item.low = ~item.low;
    item.high = ~item.high;
  }

  bool characters(Item& item) {
    const char c = rest_[0];
    rest_.remove_prefix(1);
    switch (c) {
      case '.':
        add(item, '\n');
        invert(item);
        return true;
      case '[': return set(item);
      case '\\': return escape(item) != Escape::unknown;
      case '^':
      case '$':
      case '|':
      case '*':
      case '+':
      case '?':
      case '{':
      case '}':
      case ']': return false;
      default:
        if (c & 0x80) return false;
        add(item, static_cast<unsigned char>(c));
        return true;
    }
  }

  enum class Escape : std::uint8_t { unknown, character, several };

  /// What stands behind a backslash, added to `item`.
  Escape escape(Item& item) {
    if (rest_.empty()) return Escape::unknown;
    const char c = rest_[0];
    rest_.remove_prefix(1);
    Item named;
    switch (c) {
      case 'd':
      case 'D': add_range(named, '0', '9'); break;
      case 'w':
      case 'W':
        add_range(named, '0', '9');
        add_range(named, 'A', 'Z');
        add_range(named, 'a', 'z');
        add(named, '_');
        break;
      case 's':
      case 'S':
        for (const char space : {'\t', '\n', '\f', '\r', ' '}) {
          add(named, static_cast<unsigned char>(space));
        }
        break;
      case 'n': add(item, '\n'); return Escape::character;
      case 'r': add(item, '\r'); return Escape::character;
      case 't': add(item, '\t'); return Escape::character;
      default: {
        const bool is_punctuation = (c > ' ' && c < '0') || (c > '9' && c < 'A') ||
                                    (c > 'Z' && c < 'a') || (c > 'z' && c < 0x7F);
        if (!is_punctuation) return Escape::unknown;
        add(item, static_cast<unsigned char>(c));
        return Escape::character;
      }
    }
    if (c < 'a') invert(named);
    item.low |= named.low;
    item.high |= named.high;
    return Escape::several;
  }

  /// After the opening bracket.
  bool set(Item& item) {
    const bool inverted = skip('^');
    if (rest_.starts_with(']')) return false;
    while (!skip(']')) {
      if (rest_.empty()) return false;
      const char first = rest_[0];
      rest_.remove_prefix(1);
      if (first == '[' || first & 0x80) return false;
      const bool dash_follows = rest_.size() > 1 && rest_[0] == '-' && rest_[1] != ']';
      if (first == '\\') {
        if (escape(item) == Escape::unknown) return false;
        if (rest_.starts_with('-') && !rest_.starts_with("-]")) return false;
      } else if (first == '-' || !dash_follows) {
        if (first == '-' && dash_follows) return false;
        add(item, static_cast<unsigned char>(first));
      } else {
        const char last = rest_[1];
        if (last == '\\' || last == '[' || last & 0x80 || last < first) return false;
        add_range(item, first, last);
        rest_.remove_prefix(2);
      }
    }
    if (inverted) invert(item);
    return true;
  }

  bool repetition(Item& item) {
    if (rest_.empty() || !is_repetition(rest_[0])) return true;
    if (skip('*')) {
      item.least = 0;
      item.most = kNoLimit;
    } else if (skip('+')) {
      item.most = kNoLimit;
    } else if (skip('?')) {
      item.least = 0;
    } else if (!counts(item)) {
      return false;
    }
    item.lazy = skip('?');
    return rest_.empty() || !is_repetition(rest_[0]);
  }

  /// {n}, {n,} or {n,m}.
  bool counts(Item& item) {
    skip('{');
    if (!count(item.least)) return false;
    item.most = item.least;
    if (skip(',')) {
      item.most = kNoLimit;
      if (!rest_.starts_with('}') && !count(item.most)) return false;
    }
    return skip('}');
  }

  bool count(std::size_t& number) {
    std::size_t digits = 0;
    number = 0;
    while (digits < rest_.size() && rest_[digits] >= '0' && rest_[digits] <= '9' && digits < 5) {
      number = number * 10 + static_cast<std::size_t>(rest_[digits++] - '0');
    }
    rest_.remove_prefix(digits);
    return digits > 0;
  }

  std::string_view rest_;
  std::vector<std::size_t> open_;  // numbers of groups
};

/// The first place from `start` on where a match may begin, or npos.
std::size_t SimplePattern::next_start(std::string_view text, std::size_t start) const {
  if (at_start_ || items_[0].least == 0) return start;
  if (first_) return text.find(*first_, start);
  while (start < text.size() && !items_[0].takes(text[start])) ++start;
  return start < text.size() ? start : std::string_view::npos;
}

std::optional<SimplePattern> SimplePattern::compile(std::string_view source) {
  SimplePattern pattern;
  if (!Compiler(source).compile(pattern)) return std::nullopt;
  return pattern;
}

SimplePattern::Outcome SimplePattern::find(std::string_view text, std::size_t position,
                                           std::span<std::size_t> bounds) const {
  if (at_start_ && position > 0) return Outcome::none;
  std::size_t steps = 16 * (text.size() - position) + 256;
  const std::size_t count = items_.size();
  std::size_t starts[kMaxItems + 1];  // where each item began
  std::size_t taken[kMaxItems];
  for (std::size_t start = position;; ++start) {
    start = next_start(text, start);
    if (start == std::string_view::npos) return Outcome::none;
    std::size_t at = start, i = 0;
    bool goes_on = true;  // false: looking for another way of an item before
    while (true) {
      if (goes_on && i == count) {
        if (!at_end_ || at == text.size()) break;
        goes_on = false;
      }
      if (goes_on) {
        const Item& item = items_[i];
        const std::size_t wanted =
            std::min(item.lazy ? item.least : item.most, text.size() - at);
        std::size_t got = 0;
        while (got < wanted && item.takes(text[at + got])) ++got;
        if (steps < got + 1) return Outcome::unknown;
        steps -= got + 1;
        starts[i] = at;
        taken[i] = got;
        goes_on = got >= item.least;
        at += got;
        if (goes_on) ++i;
        if (goes_on) continue;
      }
      if (i == 0) break;
      --i;
      if (steps-- == 0) return Outcome::unknown;
      const Item& item = items_[i];
      at = starts[i] + taken[i];
      if (item.lazy) {
        goes_on = taken[i] < item.most && at < text.size() && item.takes(text[at]);
        if (goes_on) ++taken[i], ++at;
      } else {
        goes_on = taken[i] > item.least;
        if (goes_on) --taken[i], --at;
      }
      if (goes_on) ++i;
    }
    if (goes_on) {
      starts[count] = at;
      for (std::size_t group = 0; 2 * group + 1 < bounds.size(); ++group) {
        bounds[2 * group] = starts[groups_[group].from];
        bounds[2 * group + 1] = starts[groups_[group].to];
      }
      return Outcome::found;
    }
    if (at_start_ || start == text.size()) return Outcome::none;
  }
}

}  // namespace tollgate::bloblang
