#include "bloblang/functions/pattern.h"

#include <re2/re2.h>

#include <algorithm>
#include <array>

#include "value/encoding.h"
#include "value/text_scan.h"

namespace tollgate::bloblang {
namespace {

/// Memory that one compiled pattern may take.
constexpr std::int64_t kPatternMemory = 64 << 20;
/// Longer texts are left to the library, which reads them faster.
constexpr std::size_t kSimpleText = 1024;

std::string_view reason_of(re2::RE2::ErrorCode code) {
  switch (code) {
    case re2::RE2::ErrorBadEscape: return "invalid escape sequence";
    case re2::RE2::ErrorBadCharClass: return "invalid character class";
    case re2::RE2::ErrorBadCharRange: return "invalid character class range";
    case re2::RE2::ErrorMissingBracket: return "missing closing ]";
    case re2::RE2::ErrorMissingParen: return "missing closing )";
    case re2::RE2::ErrorUnexpectedParen: return "unexpected )";
    case re2::RE2::ErrorTrailingBackslash: return "trailing backslash at end of expression";
    case re2::RE2::ErrorRepeatArgument: return "missing argument to repetition operator";
    case re2::RE2::ErrorRepeatSize: return "invalid repeat count";
    case re2::RE2::ErrorRepeatOp: return "invalid nested repetition operator";
    case re2::RE2::ErrorBadPerlOp: return "invalid or unsupported Perl syntax";
    case re2::RE2::ErrorBadUTF8: return "invalid UTF-8";
    case re2::RE2::ErrorBadNamedCapture: return "invalid named capture";
    default: return "expression too large";
  }
}

std::string parse_error(std::string_view reason, std::string_view where) {
  return "error parsing regexp: " + std::string(reason) + ": `" + std::string(where) + "`";
}

/// Go's pattern as this library writes it: (?<name>…) is (?P<name>…). Nothing for what Go refuses
/// but the library would take.
std::expected<std::string, std::string> translated(std::string_view source) {
  std::string out;
  bool in_class = false;
  for (std::size_t i = 0; i < source.size(); ++i) {
    const std::string_view rest = source.substr(i);
    if (rest[0] == '\\' && rest.size() > 1) {
      if (rest[1] == 'C' && !in_class) {
        return std::unexpected(parse_error("invalid escape sequence", "\\C"));
      }
      if (rest[1] == 'Q' && !in_class) {  // as it is up to \E
        const std::size_t end = std::min(rest.find("\\E"), rest.size());
        out += rest.substr(0, end);
        i += end - 1;
        continue;
      }
      out += rest.substr(0, 2);
      ++i;
      continue;
    }
    if (rest[0] == '[' && !in_class) {
      in_class = true;
      // A bracket right at the start of a class is part of it.
      const std::size_t extra = rest.starts_with("[^]") ? 3 : rest.starts_with("[]") ? 2 : 1;
      out += rest.substr(0, extra);
      i += extra - 1;
      continue;
    }
    if (in_class && rest.starts_with("[:")) {
      const std::size_t end = rest.find(":]");
      if (end != std::string_view::npos) {
        out += rest.substr(0, end + 2);
        i += end + 1;
        continue;
      }
    }
    if (rest[0] == ']') in_class = false;
    if (!in_class && rest.starts_with("(?<") && rest.size() > 3 && rest[3] != '=' &&
        rest[3] != '!') {
      out += "(?P<";
      i += 2;
      continue;
    }
    out += rest[0];
  }
  return out;
}

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

}  // namespace

Pattern::Pattern(std::unique_ptr<re2::RE2> compiled, std::optional<SimplePattern> simple,
                 std::vector<std::string> given_names)
    : compiled_(std::move(compiled)),
      simple_(std::move(simple)),
      names_(given_names),
      given_names_(std::move(given_names)) {
  for (std::size_t i = 0; i < names_.size(); ++i) {
    if (names_[i].empty()) names_[i] = std::to_string(i);
  }
}
Pattern::Pattern(Pattern&&) noexcept = default;
Pattern::~Pattern() = default;

std::expected<Pattern, std::string> Pattern::compile(std::string_view source) {
  if (!valid_utf8(source)) return std::unexpected(parse_error("invalid UTF-8", source));
  const auto pattern = translated(source);
  if (!pattern) return std::unexpected(pattern.error());
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(kPatternMemory);
  auto compiled = std::make_unique<re2::RE2>(*pattern, options);
  if (!compiled->ok()) {
    const auto code = compiled->error_code();
    const std::string where =
        code == re2::RE2::ErrorMissingParen || code == re2::RE2::ErrorUnexpectedParen ||
                code == re2::RE2::ErrorPatternTooLarge
            ? std::string(source)
            : compiled->error_arg();
    return std::unexpected(code == re2::RE2::ErrorTrailingBackslash
                               ? parse_error(reason_of(code), "")
                               : parse_error(reason_of(code), where));
  }
  std::vector<std::string> names(
      static_cast<std::size_t>(compiled->NumberOfCapturingGroups()) + 1);
  for (const auto& [number, name] : compiled->CapturingGroupNames()) {
    names[static_cast<std::size_t>(number)] = name;
  }
  return Pattern(std::move(compiled), SimplePattern::compile(source), std::move(names));
}

bool Pattern::matches(std::string_view text) const {
  return Search(*this, text, 0).find(0);
}

Pattern::Search::Search(const Pattern& pattern, std::string_view text, std::size_t groups)
    : pattern_(pattern), text_(text) {
  if (groups <= few_.size()) {
    groups_ = std::span(few_).first(groups);
    is_simple_ = pattern.simple_ && text.size() <= kSimpleText &&
                 !has_non_ascii(text.data(), text.data() + text.size());
    if (is_simple_) return;
  } else {
    many_.resize(groups);
    groups_ = many_;
  }
  if (valid_utf8(text)) return;
  const char* const end = text.data() + text.size();
  for (const char* at = text.data(); at < end;) {
    const Rune rune = decode_rune(at, end);
    append_rune(valid_, rune.code);
    original_.resize(valid_.size(), static_cast<std::size_t>(at - text.data()));
    at += rune.width;
  }
  original_.push_back(text.size());
}

std::size_t Pattern::Search::position_of(const char* at) const {
  if (original_.empty()) return static_cast<std::size_t>(at - text_.data());
  return original_[static_cast<std::size_t>(at - valid_.data())];
}

/// False if it does not know.
bool Pattern::Search::find_simply(std::size_t position, bool& found) {
  std::array<std::size_t, 2 * SimplePattern::kMaxGroups> bounds;
  const auto outcome =
      pattern_.simple_->find(text_, position, std::span(bounds).first(2 * groups_.size()));
  if (outcome == SimplePattern::Outcome::unknown) return false;
  found = outcome == SimplePattern::Outcome::found;
  for (std::size_t i = 0; found && i < groups_.size(); ++i) {
    groups_[i] = {static_cast<std::int64_t>(bounds[2 * i]),
                  static_cast<std::int64_t>(bounds[2 * i + 1])};
  }
  return true;
}

bool Pattern::Search::find(std::size_t position) {
  if (bool found = false; is_simple_ && find_simply(position, found)) return found;
  const re2::StringPiece subject = original_.empty() ? re2::StringPiece(text_.data(), text_.size())
                                                     : re2::StringPiece(valid_);
  if (!original_.empty()) {
    position = static_cast<std::size_t>(
        std::ranges::lower_bound(original_, position) - original_.begin());
  }
  // Enough for most patterns without the heap.
  std::array<re2::StringPiece, SimplePattern::kMaxGroups> few;
  std::vector<re2::StringPiece> many;
  re2::StringPiece* found = few.data();
  if (groups_.size() > few.size()) {
    many.resize(groups_.size());
    found = many.data();
  }
  if (!pattern_.compiled_->Match(subject, position, subject.size(), re2::RE2::UNANCHORED, found,
                                 static_cast<int>(groups_.size()))) {
    return false;
  }
  for (std::size_t i = 0; i < groups_.size(); ++i) {
    if (!found[i].data()) {
      groups_[i] = {};
      continue;
    }
    groups_[i] = {static_cast<std::int64_t>(position_of(found[i].data())),
                  static_cast<std::int64_t>(position_of(found[i].data() + found[i].size()))};
  }
  return true;
}

bool Pattern::Search::next() {
  while (!done_ && position_ <= text_.size()) {
    if (!find(position_)) break;
    const auto [from, to] = groups_[0];
    bool accept = true;
    if (to == static_cast<std::int64_t>(position_)) {  // empty
      accept = from != last_end_;
      const char* const end = text_.data() + text_.size();
      position_ += position_ < text_.size() ? decode_rune(text_.data() + position_, end).width : 1;
    } else {
      position_ = static_cast<std::size_t>(to);
    }
    last_end_ = to;
    if (accept) return true;
  }
  done_ = true;
  return false;
}

std::string_view Pattern::Search::text(const Group& group) const {
  if (group.from < 0) return {};
  return text_.substr(static_cast<std::size_t>(group.from),
                      static_cast<std::size_t>(group.to - group.from));
}

Replacement::Replacement(std::string_view source, const Pattern& pattern) {
  std::string literal;
  while (!source.empty()) {
    const std::size_t dollar = source.find('$');
    literal += source.substr(0, dollar);
    if (dollar == std::string_view::npos) break;
    source.remove_prefix(dollar + 1);
    if (source.starts_with('$')) {
      literal += '$';
      source.remove_prefix(1);
      continue;
    }
    const bool braced = source.starts_with('{');
    std::size_t end = braced ? 1 : 0;
    while (end < source.size()) {
      const Rune rune = decode_rune(source.data() + end, source.data() + source.size());
      // Letters beyond ASCII count as well; no group is called so, but the name extends over them.
      if (rune.code < 0x80 ? !is_word(source[end]) : rune.code == replacement_rune) break;
      end += rune.width;
    }
    const std::string_view name = source.substr(braced, end - (braced ? 1 : 0));
    if (name.empty() || (braced && (end >= source.size() || source[end] != '}'))) {
      literal += '$';  // no reference
      continue;
    }
    source.remove_prefix(end + (braced ? 1 : 0));
    int group = 0;
    bool is_number = true;
    for (const char c : name) {
      is_number = is_number && c >= '0' && c <= '9' && group < 100'000'000;
      if (is_number) group = group * 10 + (c - '0');
    }
    if (name.size() > 1 && name[0] == '0') is_number = false;
    if (is_number) {
      if (static_cast<std::size_t>(group) >= pattern.group_count()) group = -1;
      pieces_.push_back({std::move(literal), group});
    } else {
      const auto& names = pattern.given_names();
      group = -1;
      for (std::size_t i = 0; i < names.size(); ++i) {
        if (names[i] == name) group = static_cast<int>(i);
      }
      pieces_.push_back({std::move(literal), group});
    }
    literal.clear();
  }
  if (!literal.empty()) pieces_.push_back({std::move(literal), -1});
  for (const Piece& piece : pieces_) {
    literal_bytes_ += piece.literal.size();
    groups_ = std::max(groups_, static_cast<std::size_t>(piece.group + 1));
  }
}

std::optional<std::string_view> Replacement::replace_all(Arena& arena, const Pattern& pattern,
                                                         std::string_view text,
                                                         std::size_t limit) const {
  Pattern::Search search(pattern, text, groups_);
  std::size_t position = 0, copied = 0;
  if (!search.find(position)) return text;
  TextBuilder builder(arena, text.size() + literal_bytes_ + 16);
  do {
    const auto from = static_cast<std::size_t>(search.groups()[0].from);
    const auto to = static_cast<std::size_t>(search.groups()[0].to);
    builder.append(text.substr(copied, from - copied));
    if (to > copied || from == 0) {
      for (const Piece& piece : pieces_) {
        builder.append(piece.literal);
        if (piece.group >= 0) {
          builder.append(search.text(search.groups()[static_cast<std::size_t>(piece.group)]));
        }
      }
    }
    if (builder.size() > limit) return std::nullopt;
    copied = to;
    const std::size_t width =
        position < text.size()
            ? decode_rune(text.data() + position, text.data() + text.size()).width
            : 1;
    position = std::max(position + width, to);
  } while (position <= text.size() && search.find(position));
  builder.append(text.substr(std::min(copied, text.size())));
  return builder.finished();
}

}  // namespace tollgate::bloblang
