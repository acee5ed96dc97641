// Methods of category Parsing: XML. Attributes are members "-name", text beside them is "#text".

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <optional>
#include <utility>
#include <vector>

#include "bloblang/functions/catalogue.h"
#include "bloblang/program/structure.h"
#include "value/encoding.h"
#include "value/number.h"
#include "value/timestamp.h"

namespace tollgate::bloblang {
namespace {

constexpr std::size_t kMaxDepth = 1000;

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\b'; }

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

std::string_view local_name(std::string_view name) {
  const auto colon = name.find(':');
  return colon == name.npos || colon == 0 || colon + 1 == name.size() ? name
                                                                      : name.substr(colon + 1);
}

// Reading -----------------------------------------------------------------------------------------

struct Element {
  std::string_view name;  ///< local
  std::string_view text;  ///< what came before there were members
  Object* members = nullptr;
};

/// Reads the first element of a text, leniently: end tags that do not match close what is open,
/// unknown entities stay as they are.
class Reader {
 public:
  Reader(Call& call, std::string_view text, bool cast)
      : arena_(call.arena()), text_(text), cast_(cast) {}

  /// The value, or nothing and a fault.
  std::optional<Value> read() {
    while (!done_ && fault_.empty()) step();
    if (!fault_.empty()) return std::nullopt;
    return root_;
  }
  const std::string& fault() const { return fault_; }

 private:
  void fail(std::string_view what) {
    if (!fault_.empty()) return;
    const auto read = text_.substr(0, at_);
    fault_ = "xml.Decoder.Token() - XML syntax error on line " +
             std::to_string(1 + std::ranges::count(read, '\n')) + ": " + std::string(what);
  }

  /// The next character; fails at the end.
  bool take(char& c) {
    if (at_ >= text_.size()) {
      fail("unexpected EOF");
      return false;
    }
    c = text_[at_++];
    return true;
  }

  void step() {
    if (at_ >= text_.size()) {
      if (!stack_.empty()) return fail("unexpected EOF");
      fault_ = "EOF";
      return;
    }
    if (text_[at_] != '<') {
      if (const auto text = take_text(0, false)) add_text(*text);
      return;
    }
    ++at_;
    char c;
    if (!take(c)) return;
    switch (c) {
      case '/': return end_tag();
      case '?': return instruction();
      case '!': return declaration();
      default:
        --at_;
        return start_tag();
    }
  }

  void instruction() {
    const std::size_t from = at_;
    const auto target = take_name();
    if (!target) return fail("expected target name after <?");
    const auto end = text_.find("?>", at_);
    at_ = end == text_.npos ? text_.size() : end + 2;
    if (end == text_.npos) return fail("unexpected EOF");
    const auto content = text_.substr(from, end - from);
    for (const std::string_view name : {"ISO-8859-1", "iso-8859-1", "latin1"}) {
      latin1_ |= *target == "xml" && content.find(name) != content.npos;
    }
  }

  /// What begins with "<!".
  void declaration() {
    char c;
    if (!take(c)) return;
    if (c == '-') {
      if (!take(c)) return;
      return c == '-' ? comment() : fail("invalid sequence <!- not part of <!--");
    }
    if (c == '[') {
      for (const char expected : std::string_view("CDATA[")) {
        if (!take(c)) return;
        if (c != expected) return fail("invalid <![ sequence");
      }
      if (const auto text = take_text(0, true)) add_text(*text);
      return;
    }
    directive();
  }

  void comment() {
    char before = 0, last = 0, c;
    while (take(c)) {
      if (before == '-' && last == '-') {
        if (c != '>') fail("invalid sequence \"--\" not allowed in comments");
        return;
      }
      before = std::exchange(last, c);
    }
  }

  /// A DOCTYPE, with what it nests; its first character was taken.
  void directive() {
    std::size_t depth = 0;
    char quote = 0, c;
    while (take(c)) {
      if (quote != 0) {
        if (c == quote) quote = 0;
      } else if (c == '"' || c == '\'') {
        quote = c;
      } else if (c == '<') {
        if (text_.substr(at_).starts_with("!--")) {
          const auto end = text_.find("-->", at_ + 3);
          at_ = end == text_.npos ? text_.size() : end + 3;
        } else {
          ++depth;
        }
      } else if (c == '>' && depth-- == 0) {
        return;
      }
    }
  }

  void end_tag() {
    const auto qualified = take_qualified_name();
    if (!qualified) return fail("expected element name after </");
    const std::string_view name = local_name(*qualified);
    skip_space();
    char c;
    if (!take(c)) return;
    if (c != '>') return fail("invalid characters between </" + std::string(name) + " and >");
    while (!stack_.empty()) {
      const bool matches = stack_.back().name == name;
      close();
      if (matches || done_) return;
    }
    fail("unexpected end element </" + std::string(name) + ">");
  }

  template <typename Belongs>
  std::string_view take_while(Belongs&& belongs) {
    const std::size_t from = at_;
    while (at_ < text_.size() && belongs(static_cast<unsigned char>(text_[at_]))) ++at_;
    return text_.substr(from, at_ - from);
  }
  static bool is_letter(unsigned char c) { return (c | 0x20) >= 'a' && (c | 0x20) <= 'z'; }
  static bool is_digit(unsigned char c) { return c >= '0' && c <= '9'; }
  static bool begins_name(unsigned char c) {
    return is_letter(c) || c == '_' || c == ':' || c >= 0x80;
  }
  static bool is_in_name(unsigned char c) {
    return begins_name(c) || is_digit(c) || c == '.' || c == '-';
  }

  /// Nothing if there is none. What ends the text could go on, and fails as well.
  std::optional<std::string_view> take_name() {
    const auto name = take_while(is_in_name);
    if (at_ >= text_.size()) fail("unexpected EOF");
    if (name.empty() || !fault_.empty()) return std::nullopt;
    if (!begins_name(static_cast<unsigned char>(name[0]))) {
      fail("invalid XML name: " + std::string(name));
      return std::nullopt;
    }
    return name;
  }
  /// One with a colon at most.
  std::optional<std::string_view> take_qualified_name() {
    const auto name = take_name();
    return name && std::ranges::count(*name, ':') > 1 ? std::nullopt : name;
  }
  void skip_space() {
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
  }

  void start_tag() {
    const auto name = take_qualified_name();
    if (!name) return fail("expected element name after <");
    if (stack_.size() >= kMaxDepth) return fail("nested too deep");
    stack_.push_back({arena_.copy(local_name(*name)), {}, make_object(arena_)});
    while (fault_.empty()) {
      skip_space();
      char c;
      if (!take(c) || c == '>') return;
      if (c == '/') {
        if (!take(c)) return;
        return c == '>' ? close() : fail("expected /> in element");
      }
      --at_;
      attribute();
    }
  }

  void attribute() {
    const auto name = take_qualified_name();
    if (!name) return fail("expected attribute name in element");
    skip_space();
    char c;
    if (!take(c)) return;
    std::string_view value = arena_.copy(local_name(*name));
    if (c != '=') {
      --at_;
    } else {
      skip_space();
      if (!take(c)) return;
      if (c == '"' || c == '\'') {
        const auto text = take_text(c, false);
        if (!text) return;
        value = *text;
      } else {
        --at_;
        value = arena_.copy(take_while([](unsigned char each) {
          return is_letter(each) || is_digit(each) || each == '_' || each == ':' || each == '-';
        }));
        if (at_ >= text_.size()) return fail("unexpected EOF");
      }
    }
    const std::string_view key = concat(arena_, {"-", local_name(*name)});
    stack_.back().members->set(key, simple(value), arena_);
  }

  /// Text up to the next tag, past the end of a quoted value, or past the end of a CDATA section,
  /// with entities replaced; those that are not known stay. Nothing if it fails.
  std::optional<std::string_view> take_text(char quote, bool cdata) {
    std::string out;
    char before = 0, last = 0;
    while (true) {
      if (at_ >= text_.size()) {
        if (cdata) fail("unexpected EOF in CDATA section");
        break;
      }
      const char c = text_[at_++];
      if (!quote && before == ']' && last == ']' && c == '>') {
        if (!cdata) fail("unescaped ]]> not in CDATA section");
        if (out.size() >= 2) out.resize(out.size() - 2);
        break;
      }
      if (c == '<' && !cdata) {
        if (quote) fail("unescaped < inside quoted string");
        --at_;
        break;
      }
      if (quote && c == quote) break;
      if (c == '&' && !cdata) {
        if (!take_entity(out)) break;
        before = last = 0;
        continue;
      }
      if (c == '\r') {
        out += '\n';
      } else if (last == '\r' && c == '\n') {
        // written already
      } else if (latin1_) {
        append_rune(out, static_cast<unsigned char>(c));
      } else {
        out += c;
      }
      before = std::exchange(last, c);
    }
    if (!fault_.empty() || !check_characters(out)) return std::nullopt;
    return arena_.copy(out);
  }

  /// What follows a '&', or that as it stands. False at the end of the text.
  bool take_entity(std::string& out) {
    const std::size_t from = at_ - 1;
    char c;
    if (!take(c)) return false;
    std::string entity;
    bool known = false;
    if (c == '#') {
      const bool hex = at_ < text_.size() && text_[at_] == 'x';
      at_ += hex;
      const auto digits = take_while([hex](unsigned char each) {
        return is_digit(each) || (hex && (each | 0x20) >= 'a' && (each | 0x20) <= 'f');
      });
      if (!take(c)) return false;
      const auto code = parse_uint(digits, hex ? 16 : 10);
      known = c == ';' && code && *code <= 0x10FFFF;
      if (known) append_rune(entity, static_cast<char32_t>(*code));
    } else {
      --at_;
      const auto name = take_while(is_in_name);
      if (!take(c)) return false;
      constexpr std::pair<std::string_view, char> all[] = {
          {"lt", '<'}, {"gt", '>'}, {"amp", '&'}, {"quot", '"'}, {"apos", '\''}};
      for (const auto& [each, meaning] : all) {
        if (c != ';' || name != each) continue;
        entity = meaning;
        known = true;
      }
    }
    if (c != ';') --at_;
    out += known ? std::string_view(entity) : text_.substr(from, at_ - from);
    return true;
  }

  /// Whether XML knows all characters of the text; fails otherwise.
  bool check_characters(std::string_view text) {
    const char* const end = text.data() + text.size();
    for (const char* at = text.data(); at < end;) {
      const Rune rune = decode_rune(at, end);
      const char32_t code = rune.code;
      if (code == 0xFFFD && rune.width == 1) {
        fail("invalid UTF-8");
        return false;
      }
      const bool known = code == '\t' || code == '\n' || code == '\r' ||
                         (code >= 0x20 && code <= 0xD7FF) || (code >= 0xE000 && code <= 0xFFFD) ||
                         code >= 0x10000;
      if (!known) {
        char text_of_code[16];
        std::snprintf(text_of_code, sizeof text_of_code, "U+%04X", static_cast<unsigned>(code));
        fail(std::string("illegal character code ") + text_of_code);
        return false;
      }
      at += rune.width;
    }
    return true;
  }

  void add_text(std::string_view text) {
    text = trimmed(text);
    if (text.empty() || stack_.empty()) return;
    Element& element = stack_.back();
    if (element.members->size > 0) {
      element.members->set("#text", simple(text), arena_);
    } else {
      element.text = text;
    }
  }

  void close() {
    const Element element = stack_.back();
    stack_.pop_back();
    Value value = simple(element.text);
    if (element.members->size > 0) {
      if (!element.text.empty()) element.members->set("#text", value, arena_);
      value = Value::object(element.members);
    }
    if (!stack_.empty()) return add_member(*stack_.back().members, element.name, value);
    Object* const root = make_object(arena_, 1);
    root->set(element.name, value, arena_);
    root_ = Value::object(root);
    done_ = true;
  }

  /// Elements of the same name make an array.
  void add_member(Object& parent, std::string_view name, Value value) {
    const Value* const present = parent.find(name, arena_);
    if (!present) return parent.set(name, value, arena_);
    if (present->is(Kind::array)) return present->as_array().push(value, arena_);
    Array* const both = make_array(arena_, 4);
    both->push(*present, arena_);
    both->push(value, arena_);
    parent.set(name, Value::array(both), arena_);
  }

  Value simple(std::string_view text) {
    if (!cast_ || text.empty()) return Value::string(text);
    const auto number = parse_float(text);
    if (number && std::isfinite(*number)) return Value::float64(*number);
    for (const std::string_view word : {"t", "T", "TRUE", "true", "True"}) {
      if (text == word) return Value::boolean(true);
    }
    for (const std::string_view word : {"f", "F", "FALSE", "false", "False"}) {
      if (text == word) return Value::boolean(false);
    }
    return Value::string(text);
  }

  Arena& arena_;
  std::string_view text_;
  bool cast_;
  bool latin1_ = false;
  std::size_t at_ = 0;
  std::vector<Element> stack_;
  Value root_;
  bool done_ = false;
  std::string fault_;
};

Value parse(Call& call, Value target) {
  const auto text = as_string(target, call.arena());
  if (!text) return call.type_error(target, "bytes");
  Reader reader(call, *text, call.boolean(0));
  const auto value = reader.read();
  return value ? *value : call.error("parsing value as XML: ", reader.fault());
}

// Writing -----------------------------------------------------------------------------------------

/// Writes elements; nothing is escaped, as users of the incumbent rely on.
class Writer {
 public:
  Writer(Arena& arena, bool indents, std::string_view indent)
      : arena_(arena), indents_(indents), indent_(indent) {}

  std::string out;
  std::string fault;

  void element(std::string_view name, Value value, std::size_t depth) {
    if (!fault.empty() || out.size() > kMaxBytes * 4) return;
    if (value.is(Kind::array)) return elements(name, value.as_array(), depth);
    pad(depth);
    ((out += '<') += name);
    if (value.is(Kind::object)) {
      content(name, value.as_object(), depth);
    } else {
      std::string text;
      append_scalar(text, value);
      if (value.is(Kind::timestamp)) text = "<Time>" + text + "</Time>";
      if (text.empty()) {
        out += "/>";
      } else {
        ((out += '>') += text);
        end_tag(name);
      }
    }
    if (indents_ && depth > 0) out += '\n';
  }

 private:
  void pad(std::size_t depth) {
    for (std::size_t i = 0; indents_ && i < depth; ++i) out += indent_;
  }
  void end_tag(std::string_view name) { (((out += "</") += name) += '>'); }

  void elements(std::string_view name, const Array& array, std::size_t depth) {
    for (const Value& item : array) element(name, item, depth);
    if (array.size > 0) return;
    pad(depth);
    ((out += '<') += name);
    if (depth > 1) pad(depth - 1);
    out += "/>";
    if (indents_ && depth > 1) out += '\n';
  }

  void content(std::string_view name, Object& object, std::size_t depth) {
    const auto members = object.members(arena_);
    std::size_t inner = 0;
    const Value* text = nullptr;
    for (const auto& [key, value] : members) {
      if (key.size() > 1 && key[0] == '-') {
        attribute(key, value);
      } else if (key == "#text") {
        text = &value;
      } else {
        ++inner;
      }
    }
    if (!text && inner == 0) {
      out += "/>";
      return;
    }
    out += '>';
    if (text) append_scalar(out, *text);
    if (inner > 0) {
      if (indents_) out += '\n';
      for (const auto& [key, value] : members) {
        if (!(key.size() > 1 && key[0] == '-') && key != "#text") element(key, value, depth + 1);
      }
      pad(depth);
    }
    end_tag(name);
  }

  void attribute(std::string_view key, Value value) {
    const bool simple = value.is_text() || value.is_number() || value.is(Kind::boolean);
    if (!simple) {
      if (fault.empty()) {
        fault = "invalid attribute value for: " + std::string(key) + ":<" +
                std::string(go_type(value)) + ">";
      }
      return;
    }
    (((out += ' ') += key.substr(1)) += "=\"");
    append_scalar(out, value);
    out += '"';
  }

  void append_scalar(std::string& to, Value value) {
    if (value.is_null() || value.is_marker()) return;
    if (value.is_text() || value.is(Kind::number_text)) {
      to += value.as_text();
    } else if (value.is(Kind::timestamp)) {
      append_rfc3339(to, value.as_timestamp());
    } else {
      to += display(value, arena_);
    }
  }

  Arena& arena_;
  bool indents_;
  std::string_view indent_;
};

Value format(Call& call, Value target) {
  if (!target.is(Kind::object)) return call.type_error(target, "object");
  const Value refusal = check_structure(call.run(), target);
  if (refusal.is_error()) return refusal;
  const bool indents = !call.boolean(1);
  Writer writer(call.arena(), indents, call.text(0));
  const auto members = target.as_object().members(call.arena());
  if (indents && call.has(2)) {
    writer.element(call.text(2), target, 0);
  } else if (members.size() == 1 && !members[0].value.is(Kind::array)) {
    writer.element(members[0].key, members[0].value, 0);
  } else {
    writer.element("doc", target, 0);
  }
  if (!writer.fault.empty()) return call.error(writer.fault);
  if (writer.out.size() > kMaxBytes * 4) {
    return call.error("the result exceeds the limit of ", std::to_string(kMaxBytes * 4), " bytes");
  }
  return call.bytes(writer.out);
}

constinit const Function kEntries[] = {
    {.name = "parse_xml",
     .category = Category::parsing,
     .parameters = {{"cast", Type::boolean, "Make numbers and booleans of texts that spell them.",
                     Need::defaulted, Value::boolean(false)}},
     .errors = Function::Errors::as_given,
     .call = parse,
     .description = "The first element of an XML text as an object. Attributes are members that "
                    "start with a dash, text beside members is #text, elements of the same name "
                    "make an array.",
     .examples = {{.mapping = "root = this.text.parse_xml(cast: true)",
                   .cases = {{R"({"text":"<a b=\"1\">x<c>y</c></a>"})",
                              R"({"a":{"#text":"x","-b":1,"c":"y"}})"}}}}},
    {.name = "format_xml",
     .category = Category::parsing,
     .parameters = {{"indent", Type::string, "What each level is indented by.", Need::defaulted,
                     Value::string("    ")},
                    {"no_indent", Type::boolean, "Everything on one line.", Need::defaulted,
                     Value::boolean(false)},
                    {"root_tag", Type::string, "An element around everything.", Need::optional}},
     .errors = Function::Errors::as_given,
     .call = format,
     .description = "An object as XML, as bytes; the reverse of parse_xml. Texts are written as "
                    "they are, without escapes.",
     .examples = {{.mapping = "root = this.format_xml(no_indent: true)",
                   .cases = {{R"({"a":{"-b":1,"c":["x","y"]}})",
                              R"(<a b="1"><c>x</c><c>y</c></a>)"}}}}},
};

}  // namespace

constinit const std::span<const Function> kXmlMethods = kEntries;

}  // namespace tollgate::bloblang
