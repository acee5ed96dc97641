// Methods of category Parsing: XML. Attributes are members "-name", text beside them is "#text".

#include <algorithm>
#include <cmath>
#include <optional>
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
    const auto read = text_.substr(0, at_);
    fault_ = "xml.Decoder.Token() - XML syntax error on line " +
             std::to_string(1 + std::ranges::count(read, '\n')) + ": " + std::string(what);
  }
  void fail_end() {
    at_ = text_.size();
    fail("unexpected EOF");
  }

  void step() {
    if (at_ >= text_.size()) {
      if (!stack_.empty()) return fail_end();
      fault_ = "EOF";
      return;
    }
    const std::string_view rest = text_.substr(at_);
    if (rest[0] != '<') {
      const auto end = std::min(rest.find('<'), rest.size());
      at_ += end;
      return add_text(decoded(rest.substr(0, end)));
    }
    if (rest.starts_with("<!--")) return skip_past("-->", 4);
    if (rest.starts_with("<![CDATA[")) {
      const auto end = rest.find("]]>", 9);
      if (end == rest.npos) return fail_end();
      at_ += end + 3;
      return add_text(arena_.copy(in_utf8(rest.substr(9, end - 9))));
    }
    if (rest.starts_with("<?")) return instruction(rest);
    if (rest.starts_with("<!")) return directive(rest);
    if (rest.starts_with("</")) return end_tag(rest);
    start_tag();
  }

  void skip_past(std::string_view end, std::size_t from) {
    const auto found = text_.find(end, at_ + from);
    if (found == text_.npos) return fail_end();
    at_ = found + end.size();
  }

  void instruction(std::string_view rest) {
    const auto declaration = rest.substr(0, std::min(rest.find("?>"), rest.size()));
    for (const std::string_view name : {"ISO-8859-1", "iso-8859-1", "latin1"}) {
      latin1_ |= declaration.starts_with("<?xml") && declaration.find(name) != declaration.npos;
    }
    skip_past("?>", 2);
  }

  /// A DOCTYPE, with what it nests.
  void directive(std::string_view rest) {
    std::size_t depth = 0;
    char quote = 0;
    for (std::size_t i = 0; i < rest.size(); ++i) {
      const char c = rest[i];
      if (quote != 0) {
        if (c == quote) quote = 0;
      } else if (c == '"' || c == '\'') {
        quote = c;
      } else if (c == '<') {
        ++depth;
      } else if (c == '>' && --depth == 0) {
        at_ += i + 1;
        return;
      }
    }
    fail_end();
  }

  void end_tag(std::string_view rest) {
    const auto end = rest.find('>');
    if (end == rest.npos) return fail_end();
    const std::string_view name = local_name(trimmed(rest.substr(2, end - 2)));
    at_ += end + 1;
    if (stack_.empty()) return fail("unexpected end element </" + std::string(name) + ">");
    while (!stack_.empty()) {
      const bool matches = stack_.back().name == name;
      close();
      if (matches) return;
    }
  }

  std::string_view take_name() {
    const std::size_t from = at_;
    constexpr std::string_view stops = " \t\r\n/>=<\"'";
    while (at_ < text_.size() && stops.find(text_[at_]) == stops.npos) ++at_;
    return text_.substr(from, at_ - from);
  }
  void skip_space() {
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
  }

  void start_tag() {
    ++at_;
    const std::string_view name = take_name();
    if (name.empty()) {
      return at_ >= text_.size() ? fail_end() : fail("expected element name after <");
    }
    if (stack_.size() >= kMaxDepth) return fail("nested too deep");
    stack_.push_back({arena_.copy(local_name(name)), {}, make_object(arena_)});
    while (fault_.empty()) {
      skip_space();
      if (at_ >= text_.size()) return fail_end();
      if (text_[at_] == '>') {
        ++at_;
        return;
      }
      if (text_.substr(at_) == "/") return fail_end();
      if (text_.substr(at_).starts_with("/>")) {
        at_ += 2;
        return close();
      }
      attribute();
    }
  }

  void attribute() {
    const std::string_view name = take_name();
    if (name.empty()) return fail("expected attribute name in element");
    skip_space();
    std::string_view value = arena_.copy(name);
    if (at_ < text_.size() && text_[at_] == '=') {
      ++at_;
      skip_space();
      if (at_ >= text_.size()) return fail_end();
      const char quote = text_[at_];
      if (quote == '"' || quote == '\'') {
        const auto end = text_.find(quote, at_ + 1);
        if (end == text_.npos) return fail_end();
        value = decoded(text_.substr(at_ + 1, end - at_ - 1));
        at_ = end + 1;
      } else {
        value = arena_.copy(take_name());
      }
    }
    const std::string_view key = concat(arena_, {"-", local_name(name)});
    stack_.back().members->set(key, simple(value), arena_);
  }

  void add_text(std::string_view text) {
    if (!valid_utf8(text)) return fail("invalid UTF-8");
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

  std::string in_utf8(std::string_view text) const {
    if (!latin1_) return std::string(text);
    std::string out;
    for (const char c : text) append_rune(out, static_cast<unsigned char>(c));
    return out;
  }

  /// With entities replaced.
  std::string_view decoded(std::string_view raw) {
    const std::string text = in_utf8(raw);
    std::string out;
    for (std::size_t i = 0; i < text.size();) {
      const auto end = text[i] == '&' ? text.find(';', i) : text.npos;
      if (end == text.npos || end - i > 12 || !append_entity(out, text.substr(i + 1, end - i - 1))) {
        out += text[i++];
      } else {
        i = end + 1;
      }
    }
    return arena_.copy(out);
  }

  static bool append_entity(std::string& out, const std::string& name) {
    if (name.starts_with('#')) {
      const bool hex = name.starts_with("#x");
      const auto code = parse_uint(std::string_view(name).substr(hex ? 2 : 1), hex ? 16 : 10);
      if (!code || *code > 0x10FFFF) return false;
      append_rune(out, static_cast<char32_t>(*code));
      return true;
    }
    constexpr std::pair<std::string_view, char> known[] = {
        {"lt", '<'}, {"gt", '>'}, {"amp", '&'}, {"quot", '"'}, {"apos", '\''}};
    for (const auto& [known_name, c] : known) {
      if (name != known_name) continue;
      out += c;
      return true;
    }
    return false;
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
