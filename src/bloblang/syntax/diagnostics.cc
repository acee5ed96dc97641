#include "bloblang/syntax/diagnostics.h"

#include <algorithm>

#include "value/encoding.h"

namespace tollgate::bloblang {

namespace {

std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

/// "a", "a or b", "a, b, or c"; each once.
std::string join_alternatives(const std::vector<std::string>& all) {
  std::vector<std::string_view> once;
  for (const auto& one : all) {
    if (std::ranges::find(once, one) == once.end()) once.push_back(one);
  }
  std::string text;
  for (std::size_t i = 0; i < once.size(); ++i) {
    if (all.size() > 1 && i + 1 == once.size()) {
      text += once.size() > 2 ? ", or " : " or ";
    } else if (i > 0) {
      text += ", ";
    }
    text += once[i];
  }
  return text;
}

struct Position {
  std::size_t line;  // from 0
  std::size_t column;
  std::string_view text;  // the line
};

}  // namespace

Failure Failure::expecting(std::size_t at, std::string what) {
  Failure failure;
  failure.at = at;
  failure.expected.push_back(std::move(what));
  return failure;
}

Failure Failure::broken(std::size_t at, std::string message) {
  Failure failure;
  failure.at = at;
  failure.fatal = true;
  failure.message = std::move(message);
  return failure;
}

Failure Failure::missing(std::size_t at, std::string what) {
  Failure failure = expecting(at, std::move(what));
  failure.require();
  return failure;
}

void Failure::add(const Failure& other) {
  expected.insert(expected.end(), other.expected.begin(), other.expected.end());
  if (!fatal && other.fatal) {
    fatal = true;
    message = other.message;
    imported = other.imported;
    imported_source = other.imported_source;
  }
}

std::string Failure::text() const {
  if (expected.empty()) return message.empty() ? "encountered unexpected input" : message;
  std::string text = message.empty() ? "" : message + ": ";
  return text + "expected " + join_alternatives(expected);
}

namespace {

/// The incumbent counts an offset in characters and subtracts line lengths in bytes, so places
/// behind text that is not ASCII are told wrong; it is the place that users of both can compare.
Position locate(std::string_view source, std::size_t offset) {
  std::size_t left = characters(source.substr(0, offset));
  Position position{0, 0, {}};
  std::size_t start = 0;
  while (true) {
    const std::size_t end = std::min(source.find('\n', start), source.size());
    const std::size_t length = end - start;
    position.text = source.substr(start, length);
    if (left <= length || end == source.size()) break;
    left -= length + 1;
    start = end + 1;
    ++position.line;
  }
  position.column = left;
  return position;
}

}  // namespace

/// As locate().
std::uint32_t LineCounter::line_of(std::string_view source, std::size_t offset) {
  if (source.data() != source_ || offset < offset_) {
    *this = {};
    source_ = source.data();
    end_ = std::min(source.find('\n'), source.size());
  }
  characters_ += characters(source.substr(offset_, offset - offset_));
  offset_ = offset;
  while (true) {
    const std::size_t length = end_ - start_;
    if (characters_ - passed_ <= length || end_ == source.size()) return line_;
    passed_ += length + 1;
    start_ = end_ + 1;
    end_ = std::min(source.find('\n', start_), source.size());
    ++line_;
  }
}

namespace {

/// What stands at the place of a failure, in the words for it.
std::string found_instead(const Failure& failure, std::string_view source) {
  const auto rest = source.substr(failure.at);
  std::size_t end = 0;
  for (int i = 0; i < 5 && end < rest.size(); ++i) {
    ++end;
    while (end < rest.size() && (static_cast<unsigned char>(rest[end]) & 0xc0) == 0x80) ++end;
  }
  const std::string found(rest.substr(0, end));
  if (failure.expected.empty()) return found.empty() ? "" : ": " + found;
  return found.empty() ? ", but reached end of input" : ", got: " + found;
}

}  // namespace

ParseError to_parse_error(const Failure& failure, std::string_view source) {
  const Position position = locate(source, failure.at);
  ParseError error;
  error.line = static_cast<int>(position.line + 1);
  error.column = static_cast<int>(position.column + 1);
  if (!failure.imported) {
    error.text = failure.text();
    error.text_with_found = error.text + found_instead(failure, source);
    return error;
  }
  const std::string& file = failure.imported->file;
  error.caret_text = "failed to parse import '" + file + "'";
  error.text = error.caret_text + ": " + failure.imported->one_line();
  error.file = file;
  error.imported_caret = file + ": " + failure.imported->with_caret(failure.imported_source);
  return error;
}

std::string to_valid_utf8(std::string_view source) {
  std::string valid;
  valid.reserve(source.size());
  const char* end = source.data() + source.size();
  for (const char* at = source.data(); at < end;) {
    const Rune rune = decode_rune(at, end);
    if (rune.code == replacement_rune) {
      append_rune(valid, replacement_rune);
    } else {
      valid.append(at, rune.width);
    }
    at += rune.width;
  }
  return valid;
}

}  // namespace tollgate::bloblang

namespace tollgate {

std::string ParseError::one_line() const {
  return "line " + std::to_string(line) + " char " + std::to_string(column) + ": " + text;
}

std::string ParseError::with_caret(std::string_view source) const {
  const std::string valid = bloblang::to_valid_utf8(source);
  std::string_view rest = valid;
  for (int i = 1; i < line; ++i) rest.remove_prefix(std::min(rest.find('\n') + 1, rest.size()));
  const auto before = static_cast<std::size_t>(column - 1);
  std::size_t shown = std::min(rest.find('\n'), rest.size());
  if (before + 60 < shown) shown = before + 60;
  const std::string number = std::to_string(line);
  const std::string margin(number.size(), ' ');
  std::string block = "line " + number + " char " + std::to_string(column) + ": " +
                      (caret_text.empty() ? text : caret_text) + "\n" + margin + " |\n" + number +
                      " | " + std::string(rest.substr(0, shown)) + "\n" + margin + " | " +
                      std::string(before, ' ') + "^---";
  if (!imported_caret.empty()) block += "\n\n" + imported_caret;
  return block;
}

}  // namespace tollgate
