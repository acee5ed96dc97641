#include "value/csv.h"

#include "value/encoding.h"

namespace tollgate {
namespace {

constexpr std::string_view kBareQuote = "bare \" in non-quoted-field";
constexpr std::string_view kQuote = "extraneous or missing \" in quoted-field";

bool is_line_end(std::string_view rest) { return rest.empty() || rest == "\n"; }

std::string_view without_newline(std::string_view line) {
  if (line.ends_with('\n')) line.remove_suffix(1);
  return line;
}

}  // namespace

CsvReader::CsvReader(CsvOptions options) : options_(options) {
  append_rune(delimiter_, options.delimiter);
}

void CsvReader::feed(std::string_view bytes) {
  buffer_.erase(0, at_);
  at_ = 0;
  buffer_ += bytes;
}

CsvReader::Line CsvReader::read_line(std::string_view& line) {
  const std::size_t end = buffer_.find('\n', at_);
  if (end == std::string::npos && !finished_) return Line::partial;
  if (at_ == buffer_.size()) return Line::none;
  ++line_;
  const std::size_t stop = end == std::string::npos ? buffer_.size() : end + 1;
  line = std::string_view(buffer_).substr(at_, stop - at_);
  at_ = stop;
  if (line.ends_with("\r\n")) {
    line_buffer_.assign(line.substr(0, line.size() - 2)).append("\n");
    line = line_buffer_;
  } else if (end == std::string::npos && line.ends_with('\r')) {
    line.remove_suffix(1);
    if (line.empty()) return Line::none;
  }
  return Line::whole;
}

std::unexpected<Error> CsvReader::fault(std::size_t column, std::string_view what) const {
  std::string text;
  if (first_line_ != line_) text = "record on line " + std::to_string(first_line_) + "; ";
  text += "parse error on line " + std::to_string(line_) + ", column " + std::to_string(column) +
          ": ";
  return invalid(text.append(what));
}

bool CsvReader::take_delimiter(std::string_view& text) const {
  if (!text.starts_with(delimiter_)) return false;
  text.remove_prefix(delimiter_.size());
  return true;
}

Result<bool> CsvReader::next() {
  // A record may need lines that are not here yet: then everything is put back.
  const std::size_t start = at_;
  const int start_line = line_;
  const auto wait_for_more = [&] {
    at_ = start;
    line_ = start_line;
    return false;
  };

  std::string_view line;
  do {
    const Line read = read_line(line);
    if (read == Line::none) return false;
    if (read == Line::partial) return wait_for_more();
  } while (line == "\n");
  first_line_ = line_;
  record_.clear();

  std::size_t column = 1;
  const auto skip = [&](std::size_t bytes) {
    line.remove_prefix(bytes);
    column += bytes;
  };
  while (true) {
    if (!line.starts_with('"')) {
      const std::size_t end = line.find(delimiter_);
      const std::string_view field =
          end == std::string_view::npos ? without_newline(line) : line.substr(0, end);
      if (const auto quote = field.find('"');
          quote != std::string_view::npos && !options_.lazy_quotes) {
        return fault(column + quote, kBareQuote);
      }
      record_.emplace_back(field);
      if (end == std::string_view::npos) break;
      skip(end + delimiter_.size());
      continue;
    }
    skip(1);
    bool more = false;
    std::string& field = record_.emplace_back();
    if (!TRY(read_quoted(line, field, column, more))) return wait_for_more();
    if (!more) break;
  }
  if (fields_ == 0) fields_ = record_.size();
  if (record_.size() != fields_) {
    return invalid("record on line " + std::to_string(first_line_) + ": wrong number of fields");
  }
  return true;
}

/// Reads the rest of a quoted field, after its first quote. False: the field goes on in a line that
/// is not here yet. `more` tells whether another field follows.
Result<bool> CsvReader::read_quoted(std::string_view& line, std::string& field,
                                    std::size_t& column, bool& more) {
  while (true) {
    const std::size_t quote = line.find('"');
    if (quote != std::string_view::npos) {
      field += line.substr(0, quote);
      line.remove_prefix(quote + 1);
      column += quote + 1;
      if (line.starts_with('"')) {
        field += '"';
        line.remove_prefix(1);
        ++column;
      } else if (take_delimiter(line)) {
        column += delimiter_.size();
        more = true;
        return true;
      } else if (is_line_end(line)) {
        return true;
      } else if (options_.lazy_quotes) {
        field += '"';
      } else {
        return fault(column - 1, kQuote);
      }
      continue;
    }
    field += line;
    column += line.size();
    const std::size_t last_column = column;
    const Line read = read_line(line);
    if (read == Line::partial) return false;
    if (read == Line::none) {
      if (options_.lazy_quotes) return true;
      return fault(last_column, kQuote);
    }
    column = 1;
  }
}

}  // namespace tollgate
