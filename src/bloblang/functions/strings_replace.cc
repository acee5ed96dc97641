// Methods of category String Manipulation: replacing, quoting, paths.

#include "bloblang/functions/catalogue.h"
#include "bloblang/functions/text_builder.h"
#include "bloblang/functions/unquote_literal.h"
#include "value/coerce.h"

namespace tollgate::bloblang {
namespace {

// Replacing ---------------------------------------------------------------------------------------

/// Each `from` by `to`, as Go's strings.ReplaceAll: an empty `from` stands before each rune and at the
/// end. `text` itself if there is none. Nothing if the result is too large.
std::optional<std::string_view> replaced(Call& call, std::string_view text, std::string_view from,
                                         std::string_view to) {
  std::size_t at = from.empty() ? 0 : text.find(from);
  if (at == std::string_view::npos) return text;
  TextBuilder out(call.arena(), text.size() + to.size() + 16);
  if (from.empty()) {
    const char* const end = text.data() + text.size();
    for (const char* next = text.data(); next < end;) {
      const Rune rune = decode_rune(next, end);
      out.append(to);
      out.append({next, rune.width});
      next += rune.width;
      if (out.size() > kMaxBytes) return std::nullopt;
    }
    out.append(to);
    return out.finished();
  }
  while (true) {
    out.append(text.substr(0, at));
    if (at == std::string_view::npos) return out.finished();
    out.append(to);
    if (out.size() > kMaxBytes) return std::nullopt;
    text.remove_prefix(at + from.size());
    at = text.find(from);
  }
}

Value too_large(Call& call) {
  return call.error("the result exceeds the limit of ", std::to_string(kMaxBytes), " bytes");
}

Value replace_all(Call& call, Value target) {
  if (!target.is_text()) return call.type_error(target, "string");
  const auto text = replaced(call, target.as_text(), call.text(0), call.text(1));
  return text ? same_kind(target, *text) : too_large(call);
}

/// What to replace, in order.
struct Replacements final : CallState {
  std::vector<std::pair<std::string, std::string>> pairs;
};

Prepared prepare_replace_many(const Arguments& arguments) {
  Arena scratch;
  const Array& values = arguments[0].as_array();
  if (values.size % 2 != 0) {
    return std::unexpected(
        "invalid arg, replacements should be in pairs and must therefore be even: " +
        display(arguments[0], scratch));
  }
  std::vector<std::string> texts;
  for (std::uint32_t i = 0; i < values.size; ++i) {
    auto text = get_text(values.items[i], scratch);
    if (!text) {
      return std::unexpected("invalid replacement value at index " + std::to_string(i) + ": " +
                             std::string(text.error().message()));
    }
    texts.emplace_back(*text);
  }
  auto state = std::make_unique<Replacements>();
  for (std::size_t i = 0; i < texts.size(); i += 2) {
    state->pairs.emplace_back(std::move(texts[i]), std::move(texts[i + 1]));
  }
  return state;
}

Value replace_many(Call& call, Value target) {
  if (!target.is_text()) return call.type_error(target, "string");
  std::string_view text = target.as_text();
  for (const auto& [from, to] : call.state<Replacements>().pairs) {
    const auto next = replaced(call, text, from, to);
    if (!next) return too_large(call);
    text = *next;
  }
  return same_kind(target, text);
}

// Quoting -----------------------------------------------------------------------------------------

Value quote(Call& call, Value target) {
  const auto text = as_string(target, call.arena());
  if (!text) return call.type_error(target, "string");
  std::string quoted;
  append_go_quoted(quoted, *text);
  return call.string(quoted);
}

Value unquote_text(Call& call, Value target) {
  const auto text = as_string(target, call.arena());
  if (!text) return call.type_error(target, "string");
  std::string plain;
  if (!unquote_literal(*text, plain)) return call.error("invalid syntax");
  return call.string(plain);
}

// File paths --------------------------------------------------------------------------------------

/// Go's path.Clean: no empty, `.` and superfluous `..` segments.
std::string clean_path(std::string_view path) {
  if (path.empty()) return ".";
  const bool rooted = path.front() == '/';
  std::vector<std::string_view> kept;
  while (!path.empty()) {
    const std::size_t end = path.find('/');
    const std::string_view segment = path.substr(0, end);
    path.remove_prefix(end == std::string_view::npos ? path.size() : end + 1);
    if (segment.empty() || segment == ".") continue;
    if (segment != "..") {
      kept.push_back(segment);
    } else if (!kept.empty() && kept.back() != "..") {
      kept.pop_back();
    } else if (!rooted) {
      kept.push_back(segment);
    }
  }
  std::string clean = rooted ? "/" : "";
  for (std::size_t i = 0; i < kept.size(); ++i) clean.append(i ? "/" : "").append(kept[i]);
  return clean.empty() ? "." : clean;
}

Value filepath_join(Call& call, Value target) {
  if (!target.is(Kind::array)) return call.type_error(target, "array");
  std::string path;
  std::uint32_t index = 0;
  for (const Value& item : target.as_array()) {
    const auto text = as_string(item, call.arena());
    if (!text) {
      return call.prefix(call.type_error(item, "string"), "path element ", std::to_string(index),
                         ": ");
    }
    // Leading empty elements are left out.
    if (!path.empty()) path += '/';
    path += *text;
    ++index;
  }
  return path.empty() ? Value::string("") : call.string(clean_path(path));
}

Value filepath_split(Call& call, Value target) {
  const auto text = as_string(target, call.arena());
  if (!text) return call.type_error(target, "string");
  const std::size_t slash = text->rfind('/');
  const std::size_t cut = slash == std::string_view::npos ? 0 : slash + 1;
  Array* const parts = make_array(call.arena(), 2);
  parts->push(Value::string(text->substr(0, cut)), call.arena());
  parts->push(Value::string(text->substr(cut)), call.arena());
  return Value::array(parts);
}

// Entries -----------------------------------------------------------------------------------------

constinit const Function kEntries[] = {
    {.name = "replace_all",
     .category = Category::strings,
     .parameters = {{"old", Type::string, "What to look for."},
                    {"new", Type::string, "What to put there."}},
     .call = replace_all,
     .description = "The text with every occurrence of one text replaced by another.",
     .examples = {{.mapping = "root.name = this.name.replace_all(\" \", \"_\")",
                   .cases = {{R"({"name":"a b c"})", R"({"name":"a_b_c"})"}}}}},
    {.name = "replace",
     .category = Category::hidden,
     .parameters = {{"old", Type::string}, {"new", Type::string}},
     .call = replace_all,
     .description = "An older name of `replace_all`."},
    {.name = "replace_all_many",
     .category = Category::strings,
     .parameters = {{"values", Type::array,
                     "What to look for and what to put there, in turns."}},
     .prepare = prepare_replace_many,
     .call = replace_many,
     .description = "The text after several replacements, one after the other.",
     .examples = {{.mapping = "root.text = this.text.replace_all_many([\"<b>\", \"*\", \"</b>\", "
                              "\"*\"])",
                   .cases = {{R"({"text":"<b>hi</b>"})", R"({"text":"*hi*"})"}}}}},
    {.name = "replace_many",
     .category = Category::hidden,
     .parameters = {{"values", Type::array}},
     .prepare = prepare_replace_many,
     .call = replace_many,
     .description = "An older name of `replace_all_many`."},
    {.name = "quote",
     .category = Category::strings,
     .call = quote,
     .description = "The text as a quoted literal, with escapes for what cannot be printed.",
     .examples = {{.mapping = "root.literal = this.text.quote()",
                   .cases = {{R"({"text":"a\nb"})", R"({"literal":"\"a\\nb\""})"}}}}},
    {.name = "unquote",
     .category = Category::strings,
     .call = unquote_text,
     .description = "The text that a quoted literal stands for: in double quotes with escapes, in "
                    "backquotes as it is, or one character in single quotes.",
     .examples = {{.mapping = "root.text = this.literal.unquote()",
                   .cases = {{R"({"literal":"\"a\\tb\""})", R"({"text":"a\tb"})"},
                             {R"({"literal":"a"})", "",
                              "failed assignment (line 1): field `this.literal`: invalid "
                              "syntax"}}}}},
    {.name = "filepath_join",
     .category = Category::strings,
     .call = filepath_join,
     .description = "One file path of its elements, without superfluous separators and dots.",
     .examples = {{.mapping = "root.path = this.parts.filepath_join()",
                   .cases = {{R"({"parts":["/var","log/","../tmp","a.txt"]})",
                              R"({"path":"/var/tmp/a.txt"})"}}}}},
    {.name = "filepath_split",
     .category = Category::strings,
     .call = filepath_split,
     .description = "The directory of a file path, with its last separator, and the file name.",
     .examples = {{.mapping = "root.parts = this.path.filepath_split()",
                   .cases = {{R"({"path":"/var/log/a.txt"})",
                              R"({"parts":["/var/log/","a.txt"]})"}}}}},
};

}  // namespace

constinit const std::span<const Function> kStringReplaceMethods = kEntries;

}  // namespace tollgate::bloblang
