// Where the bytes of a scalar's text stand in its file.

#include <algorithm>

#include "config/node.h"
#include "config/node_data.h"

namespace tollgate {

namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

bool continues_character(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

// Bytes of the line break at `at`, 0 if there is none. libyaml counts the YAML 1.1 ones.
std::size_t break_size(std::string_view text, std::size_t at) {
  if (text[at] == '\n') return 1;
  if (text[at] == '\r') return text.substr(at + 1).starts_with('\n') ? 2 : 1;
  const std::string_view rest = text.substr(at);
  if (rest.starts_with("\xC2\x85")) return 2;
  if (rest.starts_with("\xE2\x80\xA8") || rest.starts_with("\xE2\x80\xA9")) return 3;
  return 0;
}

// The byte of a text at 1-based (line, column).
std::size_t offset_in(std::string_view text, int line, int column) {
  std::size_t at = 0;
  for (int skipped = 1; skipped < line && at < text.size(); ++skipped) {
    const std::size_t end = text.find('\n', at);
    at = end == text.npos ? text.size() : end + 1;
  }
  return std::min(text.size(), at + static_cast<std::size_t>(std::max(column, 1) - 1));
}

std::size_t block_indent(const SourceText& source, std::size_t header, std::size_t last) {
  std::size_t least = std::string_view::npos;
  for (std::size_t line = header + 1; line <= last; ++line) {
    const std::string_view content = source.line(line);
    const std::size_t indent = content.find_first_not_of(" \r\n");
    // The first line with content sets the indentation of all, unless the header says a number,
    // and then no line has less.
    if (indent != content.npos) least = std::min(least, indent);
  }
  return least == std::string_view::npos ? 0 : least;
}

// Bytes that an escape in double quotes takes in the file, and whether it stands for a blank.
struct Escape {
  std::size_t size;
  std::size_t blanks;
  std::size_t others;
};

Escape escape_at(std::string_view raw) {
  if (raw.size() < 2) return {1, 0, 1};
  const auto code = [&](std::size_t digits) -> Escape {
    unsigned long point = 0;
    for (std::size_t i = 2; i < std::min(raw.size(), 2 + digits); ++i) {
      const char c = static_cast<char>(raw[i] | 0x20);
      point = point * 16 + static_cast<unsigned long>(c <= '9' ? raw[i] - '0' : c - 'a' + 10);
    }
    if (point < 0x80) {
      const bool blank = is_blank(static_cast<char>(point));
      return {2 + digits, blank ? 1U : 0U, blank ? 0U : 1U};
    }
    return {2 + digits, 0, point < 0x800 ? 2U : point < 0x10000 ? 3U : 4U};
  };
  switch (raw[1]) {
    case 'x': return code(2);
    case 'u': return code(4);
    case 'U': return code(8);
    case 'n': case 't': case 'r': case ' ': case '\t': return {2, 1, 0};
    case '\n': return {2, 0, 0};  // the line goes on
    case 'N': case '_': return {2, 0, 2};
    case 'L': case 'P': return {2, 0, 3};
    default: return {2, 0, 1};
  }
}

// Folding changes only blanks, so bytes that are none correspond one to one: the place of byte
// `target` is behind as many of them as in the text, and as many blanks more.
std::size_t aligned(std::string_view text, std::size_t target, std::string_view raw,
                    ScalarStyle style) {
  const std::string_view before = text.substr(0, target);
  auto others = static_cast<std::size_t>(
      std::ranges::count_if(before, [](char c) { return !is_blank(c); }));
  std::size_t blanks = 0;
  while (blanks < before.size() && is_blank(before[before.size() - 1 - blanks])) ++blanks;
  const bool at_other = target < text.size() && !is_blank(text[target]);
  std::size_t at = 0;
  while (at < raw.size() && (others > 0 || at_other || blanks > 0)) {
    if (is_blank(raw[at])) {
      if (others == 0 && !at_other) --blanks;
      ++at;
      continue;
    }
    if (others == 0) break;
    if (style == ScalarStyle::double_quoted && raw[at] == '\\') {
      const Escape escape = escape_at(raw.substr(at));
      at += escape.size;
      others -= std::min(others, escape.others);
    } else {
      at += style == ScalarStyle::single_quoted && raw.substr(at).starts_with("''") ? 2 : 1;
      --others;
    }
  }
  return std::min(at, raw.size());
}

}  // namespace

SourceText::SourceText(std::string_view content) : text(content) {
  line_starts.push_back(0);
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t size = break_size(text, at);
    at += std::max<std::size_t>(size, 1);
    if (size > 0) line_starts.push_back(at);
  }
}

std::string_view SourceText::line(std::size_t line) const {
  if (line >= line_starts.size()) return {};
  const std::size_t end = line + 1 < line_starts.size() ? line_starts[line + 1] : text.size();
  return std::string_view(text).substr(line_starts[line], end - line_starts[line]);
}

std::size_t SourceText::offset(std::size_t line_number, std::size_t column) const {
  if (line_number >= line_starts.size()) return text.size();
  std::size_t at = line_starts[line_number];
  for (std::size_t left = column; left > 0 && at < text.size(); --left) {
    do ++at; while (at < text.size() && continues_character(text[at]));
  }
  return at;
}

Position SourceText::place(std::size_t offset) const {
  const auto next = std::ranges::upper_bound(line_starts, offset);
  const auto index = static_cast<std::size_t>(next - line_starts.begin()) - 1;
  const auto part = std::string_view(text).substr(line_starts[index], offset - line_starts[index]);
  const auto column = std::ranges::count_if(part, [](char c) { return !continues_character(c); });
  return {static_cast<int>(index) + 1, static_cast<int>(column) + 1};
}

Position Node::position_in_text(int line, int column) const {
  if (!data_ || !data_->source || !is_scalar()) return position();
  const SourceText& source = *data_->source;
  const auto first_line = static_cast<std::size_t>(data_->position.line) - 1;
  const std::string_view whole = source.text;
  switch (data_->style) {
    case ScalarStyle::literal: {
      const auto last = static_cast<std::size_t>(source.place(data_->source_end).line) - 1;
      const std::size_t target = first_line + static_cast<std::size_t>(std::max(line, 1));
      const std::size_t indent = block_indent(source, first_line, last);
      if (target >= source.line_starts.size()) return source.place(data_->source_end);
      std::string_view content = source.line(target);
      content = content.substr(0, content.find_last_not_of("\r\n") + 1);
      const std::size_t into = indent + static_cast<std::size_t>(std::max(column, 1) - 1);
      return source.place(source.line_starts[target] + std::min(into, content.size()));
    }
    case ScalarStyle::folded: {
      const std::size_t from =
          first_line + 1 < source.line_starts.size() ? source.line_starts[first_line + 1]
                                                     : whole.size();
      const std::size_t target = offset_in(data_->text, line, column);
      const std::string_view raw = whole.substr(from, std::max(data_->source_end, from) - from);
      // The indentation before the first line is no part of the text.
      const std::size_t skip = std::min(raw.find_first_not_of(" \r\n"), raw.size());
      return source.place(from + skip +
                          aligned(data_->text, target, raw.substr(skip), data_->style));
    }
    default: {
      const bool quoted = data_->style == ScalarStyle::single_quoted ||
                          data_->style == ScalarStyle::double_quoted;
      const std::size_t from = data_->source_begin + (quoted ? 1 : 0);
      const std::size_t end = std::max(from, data_->source_end - (quoted ? 1 : 0));
      const std::size_t target = offset_in(data_->text, line, column);
      return source.place(
          from + aligned(data_->text, target, whole.substr(from, end - from), data_->style));
    }
  }
}

}  // namespace tollgate
