// Methods of category String Manipulation: letters, affixes, searching, cutting.

#include <charconv>

#include "bloblang/functions/catalogue.h"
#include "bloblang/functions/text_builder.h"
#include "bloblang/functions/unicode_case.h"
#include "bloblang/functions/unicode_title.h"
#include "value/empty_literal.h"

namespace tollgate::bloblang {
namespace {

// Letters -----------------------------------------------------------------------------------------

Value uppercase(Call& call, Value target) {
  if (!target.is_text()) return call.type_error(target, "string");
  return same_kind(target, upper_text(target.as_text(), call.arena()));
}

Value lowercase(Call& call, Value target) {
  if (!target.is_text()) return call.type_error(target, "string");
  return same_kind(target, lower_text(target.as_text(), call.arena()));
}

Value capitalize(Call& call, Value target) {
  if (!target.is_text()) return call.type_error(target, "string");
  return same_kind(target, title_text(target.as_text(), call.arena()));
}

Value reverse(Call& call, Value target) {
  if (!target.is_text()) return call.type_error(target, "string");
  const std::string_view text = target.as_text();
  if (target.is(Kind::bytes)) {
    auto* memory = call.arena().allocate_array<char>(text.size());
    std::reverse_copy(text.begin(), text.end(), memory);
    return Value::bytes({memory, text.size()});
  }
  std::size_t size = 0;  // invalid bytes become three
  const char* const end = text.data() + text.size();
  for (const char* at = text.data(); at < end;) {
    const Rune rune = decode_rune(at, end);
    size += rune.width == 1 && rune.code == replacement_rune ? 3 : rune.width;
    at += rune.width;
  }
  auto* const memory = call.arena().allocate_array<char>(size);
  char* to = memory + size;
  for (const char* at = text.data(); at < end;) {
    const Rune rune = decode_rune(at, end);
    char bytes[4];
    const auto width = write_rune(bytes, rune.code) - bytes;
    to -= width;
    std::copy_n(bytes, width, to);
    at += rune.width;
  }
  return Value::string({memory, size});
}

// Affixes -----------------------------------------------------------------------------------------

Value has_prefix(Call& call, Value target) {
  if (!target.is_text()) return call.type_error(target, "string");
  return Value::boolean(target.as_text().starts_with(call.text(0)));
}

Value has_suffix(Call& call, Value target) {
  if (!target.is_text()) return call.type_error(target, "string");
  return Value::boolean(target.as_text().ends_with(call.text(0)));
}

Value trim_prefix(Call& call, Value target) {
  if (!target.is_text()) return call.type_error(target, "string");
  std::string_view text = target.as_text();
  if (text.starts_with(call.text(0))) text.remove_prefix(call.text(0).size());
  return same_kind(target, text);
}

Value trim_suffix(Call& call, Value target) {
  if (!target.is_text()) return call.type_error(target, "string");
  std::string_view text = target.as_text();
  if (text.ends_with(call.text(0))) text.remove_suffix(call.text(0).size());
  return same_kind(target, text);
}

/// The last rune of `text`, which is not empty.
Rune last_rune(std::string_view text) {
  const char* const end = text.data() + text.size();
  for (std::size_t back = std::min<std::size_t>(4, text.size()); back > 1; --back) {
    const Rune rune = decode_rune(end - back, end);
    if (rune.width == back) return rune;
  }
  return decode_rune(end - 1, end);
}

template <typename Drop>
std::string_view trim_runes(std::string_view text, Drop drop) {
  while (!text.empty()) {
    const Rune rune = decode_rune(text.data(), text.data() + text.size());
    if (!drop(rune.code)) break;
    text.remove_prefix(rune.width);
  }
  while (!text.empty()) {
    const Rune rune = last_rune(text);
    if (!drop(rune.code)) break;
    text.remove_suffix(rune.width);
  }
  return text;
}

Value trim(Call& call, Value target) {
  if (!target.is_text()) return call.type_error(target, "string");
  const auto trimmed = [target](std::string_view text) {
    return text.empty() && target.is(Kind::bytes) ? no_bytes() : same_kind(target, text);
  };
  if (!call.has(0)) return trimmed(trim_runes(target.as_text(), is_space_rune));
  const std::string_view set = call.text(0);
  const auto in_set = [set](char32_t code) {
    const char* const end = set.data() + set.size();
    for (const char* at = set.data(); at < end;) {
      const Rune rune = decode_rune(at, end);
      if (rune.code == code) return true;
      at += rune.width;
    }
    return false;
  };
  return trimmed(trim_runes(target.as_text(), in_set));
}

// Searching and cutting ---------------------------------------------------------------------------

Value index_of(Call& call, Value target) {
  if (!target.is_text()) return call.type_error(target, "string");
  const auto at = target.as_text().find(call.text(0));
  return Value::int64(at == std::string_view::npos ? -1 : static_cast<std::int64_t>(at));
}

/// The parts of a short text between single characters. Room for the most that there can be is
/// taken, and given back where there are fewer.
Value split_short(Call& call, Value target, char delimiter, bool empty_as_null) {
  Arena& arena = call.arena();
  const std::string_view text = target.as_text();
  Array* const parts = make_array(arena);
  Value* const items = arena.allocate_array<Value>(text.size() + 1);
  Value* next = items;
  const auto add = [&](const char* from, const char* to) {
    const std::string_view part(from, static_cast<std::size_t>(to - from));
    *next++ = part.empty() && empty_as_null ? Value::null() : same_kind(target, part);
  };
  const char* from = text.data();
  const char* const end = from + text.size();
  for (const char* at = from; at != end; ++at) {
    if (*at != delimiter) continue;
    add(from, at);
    from = at + 1;
  }
  add(from, end);
  parts->items = items;
  parts->size = parts->capacity = static_cast<std::uint32_t>(next - items);
  arena.shrink_last(items, parts->size * sizeof(Value));
  return Value::array(parts);
}

/// Pushes each rune of `text`.
void split_runes(Array& parts, Value target, Arena& arena) {
  const std::string_view text = target.as_text();
  const char* const end = text.data() + text.size();
  for (const char* at = text.data(); at < end;) {
    const Rune rune = decode_rune(at, end);
    parts.push(same_kind(target, {at, rune.width}), arena);
    at += rune.width;
  }
}

Value split(Call& call, Value target) {
  if (!target.is_text()) return call.type_error(target, "string");
  const std::string_view delimiter = call.text(0);
  std::string_view rest = target.as_text();
  const bool empty_as_null = call.boolean(1);
  if (constexpr std::size_t is_short = 128; delimiter.size() == 1 && rest.size() <= is_short) {
    return split_short(call, target, delimiter[0], empty_as_null);
  }
  Array* const parts = make_array(call.arena(), 8);
  if (delimiter.empty()) {
    split_runes(*parts, target, call.arena());
    return Value::array(parts);
  }
  while (true) {
    const std::size_t at = rest.find(delimiter);
    const std::string_view part = rest.substr(0, at);
    parts->push(part.empty() && empty_as_null ? Value::null() : same_kind(target, part),
                call.arena());
    if (at == std::string_view::npos) return Value::array(parts);
    rest.remove_prefix(at + delimiter.size());
  }
}

// Making more of it -------------------------------------------------------------------------------

Prepared prepare_repeat(const Arguments& arguments) {
  if (arguments.integer(0) >= 0) return nullptr;
  return std::unexpected("invalid count, must be greater than or equal to zero: " +
                         std::to_string(arguments.integer(0)));
}

Value repeat(Call& call, Value target) {
  if (!target.is_text()) return call.type_error(target, "string");
  const std::string_view text = target.as_text();
  const auto count = static_cast<std::uint64_t>(call.integer(0));
  std::uint64_t total = 0;
  if (__builtin_mul_overflow(text.size(), count, &total) || total > INT64_MAX) {
    return call.error("invalid count, would overflow: ", std::to_string(text.size()), "*",
                      std::to_string(count));
  }
  if (total > kMaxBytes) {
    return call.error("the result exceeds the limit of ", std::to_string(kMaxBytes), " bytes");
  }
  if (const Value refusal = call.check_size(total); refusal.is_error()) return refusal;
  if (total == 0) return same_kind(target, {});
  auto* const memory = call.arena().allocate_array<char>(total);
  for (std::uint64_t at = 0; at < total; at += text.size()) {
    std::copy_n(text.data(), text.size(), memory + at);
  }
  return same_kind(target, {memory, total});
}

// Entries -----------------------------------------------------------------------------------------

constinit const Function kEntries[] = {
    {.name = "uppercase",
     .category = Category::strings,
     .call = uppercase,
     .description = "The text with every letter in upper case.",
     .examples = {{.mapping = "root.name = this.name.uppercase()",
                   .cases = {{R"({"name":"ada"})", R"({"name":"ADA"})"}}}}},
    {.name = "lowercase",
     .category = Category::strings,
     .call = lowercase,
     .description = "The text with every letter in lower case.",
     .examples = {{.mapping = "root.name = this.name.lowercase()",
                   .cases = {{R"({"name":"ADA"})", R"({"name":"ada"})"}}}}},
    {.name = "capitalize",
     .category = Category::strings,
     .call = capitalize,
     .description = "The text with the first letter of every word in title case and the others in "
                    "lower case.",
     .examples = {{.mapping = "root.title = this.title.capitalize()",
                   .cases = {{R"({"title":"the GOLD bug"})", R"({"title":"The Gold Bug"})"}}}}},
    {.name = "reverse",
     .category = Category::strings,
     .call = reverse,
     .description = "The characters in reverse order; of bytes, the bytes.",
     .examples = {{.mapping = "root.back = this.word.reverse()",
                   .cases = {{R"({"word":"drawer"})", R"({"back":"reward"})"}}}}},
    {.name = "has_prefix",
     .category = Category::strings,
     .parameters = {{"value", Type::string, "What to look for."}},
     .call = has_prefix,
     .description = "Whether the text starts with another.",
     .examples = {{.mapping = "root.secure = this.url.has_prefix(\"https://\")",
                   .cases = {{R"({"url":"https://example.com"})", R"({"secure":true})"},
                             {R"({"url":"ftp://example.com"})", R"({"secure":false})"}}}}},
    {.name = "has_suffix",
     .category = Category::strings,
     .parameters = {{"value", Type::string, "What to look for."}},
     .call = has_suffix,
     .description = "Whether the text ends with another.",
     .examples = {{.mapping = "root.image = this.file.has_suffix(\".png\")",
                   .cases = {{R"({"file":"a.png"})", R"({"image":true})"}}}}},
    {.name = "trim_prefix",
     .category = Category::strings,
     .parameters = {{"prefix", Type::string, "What to take off."}},
     .call = trim_prefix,
     .description = "The text without a beginning, if it begins like that.",
     .examples = {{.mapping = "root.id = this.id.trim_prefix(\"user_\")",
                   .cases = {{R"({"id":"user_7"})", R"({"id":"7"})"},
                             {R"({"id":"7"})", R"({"id":"7"})"}}}}},
    {.name = "trim_suffix",
     .category = Category::strings,
     .parameters = {{"suffix", Type::string, "What to take off."}},
     .call = trim_suffix,
     .description = "The text without an end, if it ends like that.",
     .examples = {{.mapping = "root.name = this.file.trim_suffix(\".log\")",
                   .cases = {{R"({"file":"app.log"})", R"({"name":"app"})"}}}}},
    {.name = "trim",
     .category = Category::strings,
     .parameters = {{"cutset", Type::string,
                     "The characters to take off instead of white space.", Need::optional}},
     .call = trim,
     .description = "The text without white space, or without any of the given characters, at both "
                    "ends.",
     .examples = {{.mapping = "root.a = this.a.trim()\nroot.b = this.b.trim(\"-+\")",
                   .cases = {{R"({"a":"  x ","b":"-+y+"})", R"({"a":"x","b":"y"})"}}}}},
    {.name = "index_of",
     .category = Category::strings,
     .parameters = {{"value", Type::string, "What to look for."}},
     .call = index_of,
     .description = "The position in bytes of the first occurrence of a text, or -1.",
     .examples = {{.mapping = "root.at = this.text.index_of(\"needle\")",
                   .cases = {{R"({"text":"hay needle hay"})", R"({"at":4})"},
                             {R"({"text":"hay"})", R"({"at":-1})"}}}}},
    {.name = "split",
     .category = Category::strings,
     .parameters = {{"delimiter", Type::string,
                     "What stands between the parts; an empty text splits into "
                                    "characters."},
                    {"empty_as_null", Type::boolean,
                     "Gives null for empty parts.", Need::defaulted, Value::boolean(false)}},
     .call = split,
     .description = "The parts of a text between delimiters, as an array.",
     .examples = {{.mapping = "root.tags = this.tags.split(\",\")",
                   .cases = {{R"({"tags":"a,b,,c"})", R"({"tags":["a","b","","c"]})"}}},
                  {.mapping = "root.tags = this.tags.split(\",\", true)",
                   .cases = {{R"({"tags":"a,,c"})", R"({"tags":["a",null,"c"]})"}}}}},
    {.name = "repeat",
     .category = Category::strings,
     .parameters = {{"count", Type::integer, "How often."}},
     .prepare = prepare_repeat,
     .call = repeat,
     .description = "The text so many times in a row.",
     .examples = {{.mapping = "root.line = this.mark.repeat(5)",
                   .cases = {{R"({"mark":"-="})", R"({"line":"-=-=-=-=-="})"}}}}},
};

}  // namespace

constinit const std::span<const Function> kStringMethods = kEntries;

}  // namespace tollgate::bloblang
