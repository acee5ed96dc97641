// Methods of category Parsing: JSON.

#include "bloblang/functions/catalogue.h"
#include "bloblang/functions/json_refusal.h"
#include "value/json.h"
#include "value/number.h"

namespace tollgate::bloblang {
namespace {

Value parse(Call& call, Value target) {
  if (!target.is_text()) return call.type_error(target, "string");
  const bool keeps_numbers = call.has(0) && call.boolean(0);
  const Value document =
      parse_json(target.as_text(), call.arena(),
                 {.keep_numbers = keeps_numbers, .allow_trailing = true, .message = true});
  if (!document.is_error()) return document;
  return call.error("failed to parse value as JSON: ", document.as_text());
}

Value format(Call& call, Value target) {
  std::string text;
  const std::string_view indent = call.boolean(1) ? std::string_view{} : call.text(0);
  if (!append_json(text, target, call.arena(),
                   {.escape_html = call.boolean(2), .indent = indent, .as_text = true})) {
    return call.error(json_refusal(target, call.arena()));
  }
  if (text.size() > kMaxBytes * 4) {
    return call.error("the result exceeds the limit of ", std::to_string(kMaxBytes * 4), " bytes");
  }
  return call.bytes(text);
}

constinit const Function kEntries[] = {
    {.name = "parse_json",
     .category = Category::parsing,
     .parameters = {{"use_number", Type::boolean,
                     "Keep numbers as they are written, of any size and precision.",
                     Need::optional}},
     .call = parse,
     .description = "The first JSON document of a text. Numbers become floats unless asked "
                    "otherwise.",
     .examples = {{.mapping = "root.doc = this.text.parse_json()",
                   .cases = {{R"({"text":"{\"a\":[1,null]}"})", R"({"doc":{"a":[1,null]}})"},
                             {R"({"text":"{"})", "",
                              "failed assignment (line 1): field `this.text`: failed to parse value "
                              "as JSON: unexpected EOF"}}},
                  {.mapping = "root.n = this.text.parse_json(use_number: true)",
                   .cases = {{R"({"text":"1.50"})", R"({"n":1.50})"}}}}},
    {.name = "format_json",
     .category = Category::parsing,
     .parameters = {{"indent", Type::string, "What each level is indented by.", Need::defaulted,
                     Value::string("    ")},
                    {"no_indent", Type::boolean, "Everything on one line.", Need::defaulted,
                     Value::boolean(false)},
                    {"escape_html", Type::boolean, "Write <, > and & as escapes.", Need::defaulted,
                     Value::boolean(true)}},
     .stability = Function::Stability::beta,
     .call = format,
     .description = "The value as JSON, as bytes.",
     .examples = {{.mapping = "root = this.doc.format_json()",
                   .cases = {{R"({"doc":{"a":1}})", "{\n    \"a\": 1\n}"}}},
                  {.mapping = "root = this.doc.format_json(no_indent: true, escape_html: false)",
                   .cases = {{R"({"doc":{"a":"<b>"}})", R"({"a":"<b>"})"}}}}},
};

}  // namespace

constinit const std::span<const Function> kJsonMethods = kEntries;

}  // namespace tollgate::bloblang
