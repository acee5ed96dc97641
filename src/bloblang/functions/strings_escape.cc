// Methods of category String Manipulation: escapes of HTML and URLs.

#include "bloblang/functions/catalogue.h"
#include "bloblang/functions/html_text.h"
#include "bloblang/functions/percent.h"

namespace tollgate::bloblang {
namespace {

Value escape_html(Call& call, Value target) {
  const auto text = as_string(target, call.arena());
  if (!text) return call.type_error(target, "string");
  std::string escaped;
  append_html_escaped(escaped, *text);
  return call.string(escaped);
}

Value unescape_html(Call& call, Value target) {
  const auto text = as_string(target, call.arena());
  if (!text) return call.type_error(target, "string");
  return text->contains('&') ? call.string(html_unescaped(*text)) : Value::string(*text);
}

template <UrlPart part>
Value escape_url(Call& call, Value target) {
  const auto text = as_string(target, call.arena());
  if (!text) return call.type_error(target, "string");
  std::string escaped;
  append_escaped(escaped, *text, part);
  return call.string(escaped);
}

template <UrlPart part>
Value unescape_url(Call& call, Value target) {
  const auto text = as_string(target, call.arena());
  if (!text) return call.type_error(target, "string");
  const auto plain = unescape(*text, part);
  return plain ? call.string(*plain) : call.error(plain.error().message());
}

constinit const Function kEntries[] = {
    {.name = "escape_html",
     .category = Category::strings,
     .call = escape_html,
     .description = "The text with <, >, & and quotes as character references.",
     .examples = {{.mapping = "root.html = this.text.escape_html()",
                   .cases = {{R"({"text":"a < b & c"})", R"({"html":"a &lt; b &amp; c"})"}}}}},
    {.name = "unescape_html",
     .category = Category::strings,
     .call = unescape_html,
     .description = "The text with character references of HTML replaced by what they stand for.",
     .examples = {{.mapping = "root.text = this.html.unescape_html()",
                   .cases = {{R"({"html":"a &lt; b &eacute;"})", R"({"text":"a < b é"})"}}}}},
    {.name = "escape_url_query",
     .category = Category::strings,
     .call = escape_url<UrlPart::query>,
     .description = "The text as it is written in the query of a URL; a space becomes +.",
     .examples = {{.mapping = "root.query = \"q=\" + this.text.escape_url_query()",
                   .cases = {{R"({"text":"a b&c"})", R"({"query":"q=a+b%26c"})"}}}}},
    {.name = "unescape_url_query",
     .category = Category::strings,
     .call = unescape_url<UrlPart::query>,
     .description = "The text that stands in the query of a URL.",
     .examples = {{.mapping = "root.text = this.query.unescape_url_query()",
                   .cases = {{R"({"query":"a+b%26c"})", R"({"text":"a b&c"})"},
                             {R"({"query":"%zz"})", "",
                              "failed assignment (line 1): field `this.query`: invalid URL escape "
                              "\"%zz\""}}}}},
    {.name = "escape_url_path",
     .category = Category::strings,
     .call = escape_url<UrlPart::path_segment>,
     .description = "The text as it is written as one segment of the path of a URL.",
     .examples = {{.mapping = "root.path = \"/files/\" + this.name.escape_url_path()",
                   .cases = {{R"({"name":"a/b c"})", R"({"path":"/files/a%2Fb%20c"})"}}}}},
    {.name = "unescape_url_path",
     .category = Category::strings,
     .call = unescape_url<UrlPart::path_segment>,
     .description = "The text that stands in the path of a URL.",
     .examples = {{.mapping = "root.name = this.path.unescape_url_path()",
                   .cases = {{R"({"path":"a%2Fb%20c+d"})", R"({"name":"a/b c+d"})"}}}}},
};

}  // namespace

constinit const std::span<const Function> kStringEscapeMethods = kEntries;

}  // namespace tollgate::bloblang
