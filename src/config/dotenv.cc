#include "config/dotenv.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "value/encoding.h"

namespace tollgate {

namespace {

class DotenvReader {
 public:
  explicit DotenvReader(std::string_view text) : text_(text) {}

  Result<std::vector<std::pair<std::string, std::string>>> run() {
    std::vector<std::pair<std::string, std::string>> variables;
    while (true) {
      skip_blanks();
      if (at_ < text_.size() && text_[at_] != '#' && text_[at_] != '\n') {
        auto name = TRY(read_name());
        variables.emplace_back(std::move(name), TRY(read_value()));
        skip_blanks();
      }
      if (peek() == '#') at_ = std::min(text_.find('\n', at_), text_.size());
      if (at_ == text_.size()) return variables;
      if (text_[at_] != '\n') return fail("expected line break");
      ++at_;
    }
  }

 private:
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  // A carriage return is one too, for files from other systems.
  void skip_blanks() {
    while (peek() == ' ' || peek() == '\t' || peek() == '\r') ++at_;
  }

  std::unexpected<Error> fail(std::string_view problem) const {
    const std::string_view before = text_.substr(0, at_);
    const auto line = std::ranges::count(before, '\n') + 1;
    const std::size_t start = before.rfind('\n') + 1;  // npos + 1 is 0
    const std::size_t column = count_runes(before.substr(start)) + 1;
    return invalid(fmt::format("{0}: line {0} char {1}: {2}", line, column, problem));
  }

  Result<std::string> read_name() {
    const std::size_t end = std::min(text_.find_first_of("= \t\r\n#", at_), text_.size());
    std::string name(text_.substr(at_, end - at_));
    if (!name.empty()) {
      at_ = end;
      skip_blanks();
    }
    if (name.empty() || peek() != '=') return fail("expected Environment variable assignment");
    ++at_;
    while (peek() == ' ' || peek() == '\t') ++at_;
    return name;
  }

  Result<std::string> read_value() {
    if (text_.substr(at_).starts_with("\"\"\"")) {
      const std::size_t end = text_.find("\"\"\"", at_ + 3);
      if (end == text_.npos) {
        at_ = text_.size();
        return fail("required: expected end quote");
      }
      std::string value(text_.substr(at_ + 3, end - at_ - 3));
      at_ = end + 3;
      return value;
    }
    if (peek() == '"') return read_quoted();
    const std::size_t end = std::min(text_.find_first_of(" \t\r\n#", at_), text_.size());
    std::string value(text_.substr(at_, end - at_));
    at_ = end;
    return value;
  }

  Result<std::string> read_quoted() {
    std::string value;
    for (++at_; at_ < text_.size() && text_[at_] != '\n'; ++at_) {
      if (text_[at_] == '"') {
        ++at_;
        return value;
      }
      if (text_[at_] == '\\') {
        TRY(read_escape(value));
      } else {
        value += text_[at_];
      }
    }
    return fail("required: expected end quote");
  }

  // Leaves at_ on the last byte of the escape.
  Result<> read_escape(std::string& value) {
    constexpr std::string_view letters = "abfnrtv\\\"'";
    constexpr std::string_view meanings = "\a\b\f\n\r\t\v\\\"'";
    const char letter = at_ + 1 < text_.size() ? text_[at_ + 1] : '\0';
    if (const std::size_t found = letters.find(letter); found != letters.npos) {
      value += meanings[found];
      ++at_;
      return {};
    }
    const std::size_t digits = letter == 'x' ? 2 : letter == 'u' ? 4 : letter == 'U' ? 8 : 0;
    const std::string_view code = text_.substr(std::min(at_ + 2, text_.size()), digits);
    std::uint32_t point = 0;
    const auto [end, error] = std::from_chars(code.data(), code.data() + code.size(), point, 16);
    if (digits == 0 || code.size() != digits || error != std::errc() ||
        end != code.data() + code.size()) {
      return fail("required: invalid escape in quoted string");
    }
    if (digits == 2) {
      value += static_cast<char>(point);
    } else {
      append_rune(value, point);
    }
    at_ += 1 + digits;
    return {};
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

Result<std::vector<std::pair<std::string, std::string>>> parse_dotenv(std::string_view text) {
  return DotenvReader(text).run();
}

}  // namespace tollgate
