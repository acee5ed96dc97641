#include "bloblang/functions/html_strip.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/strings.h"
#include "bloblang/functions/html_text.h"

namespace tollgate::bloblang {
namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_white(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t' || c == '\f'; }
bool ends_name(char c) { return is_white(c) || c == '/' || c == '>'; }

/// Elements whose content is text without tags, up to the end tag; in the last two with entities.
constexpr std::string_view kRawElements[] = {"iframe",   "noembed", "noframes", "noscript",
                                             "plaintext", "script",  "style",    "xmp",
                                             "textarea", "title"};

struct Token {
  enum class Kind : std::uint8_t { start, end, self_closing, text, ignored, done };
  Kind kind = Kind::done;
  std::string data = {};  // the name in lower case, or the text without entities
};

/// Splits HTML into tags and text, as browsers do.
class HtmlReader {
 public:
  explicit HtmlReader(std::string_view html) : html_(html) {}

  Token next() {
    if (!raw_element_.empty()) {
      const std::size_t from = at_;
      const std::string name = std::move(raw_element_);
      raw_element_.clear();
      at_ = end_of_raw(name);
      if (at_ > from) {
        const bool entities = name == "textarea" || name == "title";
        return {Token::Kind::text, text(from, at_, entities, true)};
      }
    }
    if (at_ >= html_.size()) return {};
    if (const std::size_t markup = find_markup(at_); markup > at_) {
      const std::size_t from = at_;
      at_ = markup;
      return {Token::Kind::text, text(from, markup, true, false)};
    }
    return markup();
  }

 private:
  char peek(std::size_t at) const { return at < html_.size() ? html_[at] : '\0'; }

  /// Where a tag or comment starts, at `from` or later.
  std::size_t find_markup(std::size_t from) const {
    for (std::size_t at = html_.find('<', from); at != html_.npos; at = html_.find('<', at + 1)) {
      if (at + 1 >= html_.size()) break;
      const char c = html_[at + 1];
      if (is_letter(c) || c == '!' || c == '?') return at;
      if (c == '/' && at + 2 < html_.size()) return at;
      if (c == '/') break;
    }
    return html_.size();
  }

  /// The token at `at_`, where find_markup() stopped.
  Token markup() {
    const char c = html_[at_ + 1];
    if (is_letter(c)) {
      ++at_;
      return tag(true);
    }
    if (c == '/' && is_letter(html_[at_ + 2])) {
      at_ += 2;
      return tag(false);
    }
    if (c == '!' && html_.substr(at_).starts_with("<!--")) {
      skip_comment();
    } else if (c == '/' && html_[at_ + 2] == '>') {
      at_ += 3;
    } else {
      const std::size_t close = html_.find('>', at_ + 2);
      at_ = close == html_.npos ? html_.size() : close + 1;
    }
    return {Token::Kind::ignored};
  }

  void skip_comment() {
    std::size_t dashes = 0;
    bool beginning = true;
    for (at_ += 4; at_ < html_.size(); ++at_) {
      const char c = html_[at_];
      if (c == '-') {
        ++dashes;
        continue;
      }
      if (c == '>' && (dashes >= 2 || beginning)) {
        ++at_;
        return;
      }
      if (c == '!' && dashes >= 2 && (peek(at_ + 1) == '>' || peek(at_ + 1) == '-')) {
        if (html_[++at_] == '>') {
          ++at_;
          return;
        }
        dashes = 1;
        beginning = false;
        continue;
      }
      dashes = 0;
      beginning = false;
    }
  }

  /// Reads a tag, whose name is at `at_`. One that does not end is the end of all.
  Token tag(bool is_start) {
    std::size_t end = at_;
    while (end < html_.size() && !ends_name(html_[end])) ++end;
    std::string name = to_lower(html_.substr(at_, end - at_));
    name = replace_all(name, std::string_view("\0", 1), "\xEF\xBF\xBD");
    at_ = end;
    std::size_t value_end = html_.npos;
    for (skip_white(); at_ < html_.size() && html_[at_] != '>'; skip_white()) {
      value_end = attribute(value_end);
    }
    if (at_ >= html_.size()) return {};
    ++at_;
    if (!is_start) return {Token::Kind::end, std::move(name)};
    if (std::ranges::find(kRawElements, name) != std::end(kRawElements)) raw_element_ = name;
    const bool closes = html_[at_ - 2] == '/' && value_end != at_ - 1;
    return {closes ? Token::Kind::self_closing : Token::Kind::start, std::move(name)};
  }

  void skip_white() {
    while (at_ < html_.size() && is_white(html_[at_])) ++at_;
  }

  /// Skips an attribute. Returns where its value ends; `before` if it has no name.
  std::size_t attribute(std::size_t before) {
    const std::size_t key = at_;
    while (at_ < html_.size() && !ends_name(html_[at_]) && (html_[at_] != '=' || at_ == key)) ++at_;
    const bool is_named = at_ > key;
    skip_white();
    if (peek(at_) == '/') {
      ++at_;
      return is_named ? key : before;
    }
    if (peek(at_) != '=') return is_named ? key : before;
    ++at_;
    skip_white();
    const char quote = peek(at_);
    if (at_ >= html_.size() || quote == '>') return is_named ? at_ : before;
    std::size_t end = at_;
    if (quote == '"' || quote == '\'') {
      end = html_.find(quote, at_ + 1);
      at_ = end == html_.npos ? html_.size() : end + 1;
    } else {
      while (at_ < html_.size() && !is_white(html_[at_]) && html_[at_] != '>') ++at_;
      end = at_;
    }
    return is_named ? end : before;
  }

  /// Whether the end tag of `name` starts at `at`.
  bool is_end_tag(std::size_t at, std::string_view name) const {
    const auto rest = html_.substr(std::min(at, html_.size()));
    return rest.size() > name.size() + 2 && rest.starts_with("</") &&
           equal_ignoring_case(rest.substr(2, name.size()), name) && ends_name(rest[name.size() + 2]);
  }

  std::size_t end_of_raw(const std::string& name) const {
    if (name == "plaintext") return html_.size();
    if (name == "script") return end_of_script();
    for (std::size_t at = html_.find('<', at_); at != html_.npos; at = html_.find('<', at + 1)) {
      if (is_end_tag(at, name)) return at;
    }
    return html_.size();
  }

  /// Scripts may hide end tags in comments: `<!-- <script> … </script> -->`.
  std::size_t end_of_script() const {
    enum class Mode : std::uint8_t { plain, hidden, nested } mode = Mode::plain;
    constexpr std::string_view kName = "script";
    std::size_t dashes = 0;
    for (std::size_t at = at_; at < html_.size(); ++at) {
      const char c = html_[at];
      if (mode == Mode::plain) {
        if (c != '<') continue;
        if (is_end_tag(at, kName)) return at;
        if (html_.substr(at).starts_with("<!--")) {
          mode = Mode::hidden;
          dashes = 2;
          at += 3;
        }
        continue;
      }
      if (c == '-') {
        ++dashes;
      } else if (c == '>' && dashes >= 2) {
        mode = Mode::plain;
      } else if (c == '<' && mode == Mode::hidden) {
        dashes = 0;
        if (is_end_tag(at, kName)) return at;
        const auto after = html_.substr(at + 1);
        const bool opens = after.size() > kName.size() &&
                           equal_ignoring_case(after.substr(0, kName.size()), kName) &&
                           ends_name(after[kName.size()]);
        if (opens) {
          mode = Mode::nested;
          at += kName.size() + 1;
        } else if (!after.empty() && after[0] != '/' && !is_letter(after[0])) {
          mode = Mode::plain;
        }
      } else {
        dashes = 0;
        if (c == '<' && is_end_tag(at, kName)) {
          mode = Mode::hidden;
          at += kName.size() + 2;
        }
      }
    }
    return html_.size();
  }

  /// Text with line breaks unified, without entities.
  std::string text(std::size_t from, std::size_t to, bool entities, bool raw) const {
    std::string out;
    for (std::size_t i = from; i < to; ++i) {
      const char c = html_[i];
      if (c == '\r') {
        out += '\n';
        if (i + 1 < to && html_[i + 1] == '\n') ++i;
      } else if (c == '\0' && raw) {
        out += "\xEF\xBF\xBD";
      } else {
        out += c;
      }
    }
    return entities ? html_unescaped(out, HtmlRules::standard) : out;
  }

  std::string_view html_;
  std::size_t at_ = 0;
  std::string raw_element_;  // whose content comes next
};

/// Elements that mean something without attributes.
constexpr std::string_view kBareElements[] = {
    "abbr",     "acronym",  "address",    "article", "aside",    "audio",   "b",       "bdi",
    "blockquote", "body",   "br",         "button",  "canvas",   "caption", "center",  "cite",
    "code",     "col",      "colgroup",   "datalist", "dd",      "del",     "details", "dfn",
    "div",      "dl",       "dt",         "em",      "fieldset", "figcaption", "figure", "footer",
    "h1",       "h2",       "h3",         "h4",      "h5",       "h6",      "head",    "header",
    "hgroup",   "hr",       "html",       "i",       "ins",      "kbd",     "li",      "mark",
    "marquee",  "nav",      "ol",         "optgroup", "option",  "p",       "picture", "pre",
    "q",        "rp",       "rt",         "ruby",    "s",        "samp",    "section", "select",
    "small",    "span",     "strike",     "strong",  "sub",      "summary", "sup",     "svg",
    "table",    "tbody",    "td",         "textarea", "tfoot",   "th",      "thead",   "title",
    "time",     "tr",       "tt",         "u",       "ul",       "var",     "video",   "wbr"};

/// Elements whose content nobody sees; scripts and styles are dealt with apart.
constexpr std::string_view kHiddenElements[] = {"frame",    "frameset", "iframe", "noembed",
                                                "noframes", "noscript", "nostyle", "object",
                                                "title"};

template <std::size_t n>
bool among(const std::string_view (&names)[n], std::string_view name) {
  return std::ranges::find(names, name) != std::end(names);
}

class Stripper {
 public:
  explicit Stripper(std::span<const std::string> kept) : kept_(kept) {}

  std::string run(std::string_view html) {
    HtmlReader reader(html);
    for (Token token = reader.next(); token.kind != Token::Kind::done; token = reader.next()) {
      take(token);
    }
    return std::move(out_);
  }

 private:
  void take(const Token& token) {
    const bool is_code = token.data == "script" || token.data == "style";
    switch (token.kind) {
      case Token::Kind::start:
        latest_ = token.data;
        return is_code ? void() : start(token.data);
      case Token::Kind::end:
        if (latest_ == token.data) latest_.clear();
        return is_code ? void() : end(token.data);
      case Token::Kind::self_closing:
        if (!is_code && keeps(token.data) && among(kBareElements, token.data)) {
          write("<", token.data, "/>");
        }
        return;
      case Token::Kind::text:
        if (!hides_ && latest_ != "script" && latest_ != "style") {
          text(token.data);
        }
        return;
      default:
        return;
    }
  }

  void text(std::string_view content) {
    std::string escaped;
    append_html_escaped(escaped, content);
    out_ += content.contains('\r') ? replace_all(escaped, "\r", "&#13;") : escaped;
  }

  void start(const std::string& name) {
    if (!keeps(name)) {
      if (among(kHiddenElements, name)) {
        hides_ = true;
        ++hidden_;
      }
    } else if (among(kBareElements, name)) {
      write("<", name, ">");
    } else {
      dropped_.push_back(name);
    }
  }

  void end(const std::string& name) {
    if (!dropped_.empty() && dropped_.back() == name) {
      dropped_.pop_back();
    } else if (keeps(name)) {
      write("</", name, ">");
    } else if (among(kHiddenElements, name) && --hidden_ == 0) {
      hides_ = false;
    }
  }

  bool keeps(const std::string& name) const { return std::ranges::find(kept_, name) != kept_.end(); }

  void write(std::string_view open, std::string_view name, std::string_view close) {
    if (hides_) return;
    out_ += open;
    out_ += name;
    out_ += close;
  }

  std::span<const std::string> kept_;
  std::string out_;
  std::string latest_;                // the element that started last, if it has not ended
  bool hides_ = false;                // inside of hidden elements
  std::int64_t hidden_ = 0;           // those begun, less those ended
  std::vector<std::string> dropped_;  // elements whose start, and hence end, is left out
};

}  // namespace

std::string strip_html(std::string_view html, std::span<const std::string> kept) {
  return Stripper(kept).run(html);
}

}  // namespace tollgate::bloblang
