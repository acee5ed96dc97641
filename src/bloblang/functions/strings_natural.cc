// Methods of category String Manipulation that know languages: slug, strip_html, unicode_segments.

#include "base/strings.h"
#include "bloblang/functions/catalogue.h"
#include "bloblang/functions/html_strip.h"
#include "bloblang/functions/text_segments.h"
#include "bloblang/functions/transliterate.h"
#include "value/encoding.h"

namespace tollgate::bloblang {
namespace {

Value slug(Call& call, Value target) {
  const auto text = as_string(target, call.arena());
  if (!text) return call.type_error(target, "string");
  return call.string(slug_of(*text, call.text(0)));
}

// HTML --------------------------------------------------------------------------------------------

struct KeptElements final : CallState {
  std::vector<std::string> names;
};

Prepared prepare_strip(const Arguments& arguments) {
  auto kept = std::make_unique<KeptElements>();
  if (!arguments.has(0) || !arguments[0].is(Kind::array)) return kept;
  const Array& names = arguments[0].as_array();
  for (std::uint32_t i = 0; i < names.size; ++i) {
    if (!names.items[i].is(Kind::string)) {
      return std::unexpected("invalid arg at index " + std::to_string(i) +
                             ": expected string, got " + std::string(go_type(names.items[i])));
    }
    kept->names.push_back(to_lower(names.items[i].as_text()));
  }
  return kept;
}

bool is_blank(std::string_view text) {
  return tollgate::trim(text).find_first_not_of("\v\f") == std::string_view::npos;
}

Value strip(Call& call, Value target) {
  const auto text = as_string(target, call.arena());
  if (!text) return call.type_error(target, "string");
  if (is_blank(*text)) return Value::string(*text);
  return call.string(strip_html(*text, call.state<KeptElements>().names));
}

// Segments ----------------------------------------------------------------------------------------

Value unicode_segments(Call& call, Value target) {
  const auto text = as_string(target, call.arena());
  if (!text) return call.type_error(target, "string");
  Segment kind;
  if (call.text(0) == "grapheme") {
    kind = Segment::grapheme;
  } else if (call.text(0) == "word") {
    kind = Segment::word;
  } else if (call.text(0) == "sentence") {
    kind = Segment::sentence;
  } else {
    return call.error("unknown segmentation type: ", call.text(0));
  }
  if (const Value refusal = call.check_size(text->size() * 2 * sizeof(Value)); refusal.is_error()) {
    return refusal;
  }
  const auto pieces = segments(*text, kind);
  Array* const all = make_array(call.arena(), pieces.size());
  for (const std::string_view piece : pieces) all->items[all->size++] = Value::string(piece);
  return Value::array(all);
}

// Entries -----------------------------------------------------------------------------------------

constexpr auto kAsGiven = Function::Errors::as_given;

constinit const Function kEntries[] = {
    {.name = "slug",
     .category = Category::strings,
     .parameters = {{"lang", Type::string,
                     "The language, for `&`, `@` and some letters: en, de, fr, es …",
                     Need::defaulted, Value::string("en")}},
     .errors = kAsGiven,
     .call = slug,
     .description = "The text in lower case ASCII words joined by hyphens, for URLs. Letters of "
                    "other alphabets are spelled out; Chinese characters are left out.",
     .examples = {{.mapping = "root.slug = this.title.slug()",
                   .cases = {{R"({"title":"Tom & Jérôme: Größe?"})",
                              R"({"slug":"tom-and-jerome-grosse"})"}}},
                  {.mapping = "root.slug = this.title.slug(\"de\")",
                   .cases = {{R"({"title":"Äpfel & Öl"})", R"({"slug":"aepfel-und-oel"})"}}}}},
    {.name = "strip_html",
     .category = Category::strings,
     .parameters = {{"preserve", Type::any, "Names of elements whose tags stay, as an array.",
                     Need::optional}},
     .errors = kAsGiven,
     .prepare = prepare_strip,
     .call = strip,
     .description = "The text of an HTML document, still escaped, without tags, comments, scripts "
                    "and styles.",
     .examples = {{.mapping = "root.text = this.html.strip_html()",
                   .cases = {{R"({"html":"<p>7 &gt; <b>5</b><!-- sic --></p>"})",
                              R"({"text":"7 &gt; 5"})"}}},
                  {.mapping = "root.text = this.html.strip_html([\"b\"])",
                   .cases = {{R"({"html":"<p>a <b class=\"x\">word</b></p>"})",
                              R"({"text":"a <b>word</b>"})"}}}}},
    {.name = "unicode_segments",
     .category = Category::strings,
     .parameters = {{"segmentation_type", Type::string, "grapheme, word or sentence."}},
     .errors = kAsGiven,
     .call = unicode_segments,
     .description = "The pieces of a text as Unicode defines them: characters as readers see them, "
                    "words with what stands between them, or sentences.",
     .examples = {{.mapping = "root = this.text.unicode_segments(\"word\")",
                   .cases = {{R"({"text":"Who can't?"})", R"(["Who"," ","can't","?"])"}}},
                  {.mapping = "root = this.text.unicode_segments(\"sentence\")",
                   .cases = {{R"({"text":"Yes. It costs 3.5 today. No."})",
                              R"(["Yes. ","It costs 3.5 today. ","No."])"}}}}},
};

}  // namespace

constinit const std::span<const Function> kNaturalTextMethods = kEntries;

}  // namespace tollgate::bloblang
