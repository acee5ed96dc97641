// Methods of category Regular Expressions.

#include "bloblang/functions/catalogue.h"
#include "bloblang/functions/pattern.h"

namespace tollgate::bloblang {
namespace {

struct PatternState final : CallState {
  PatternState(Pattern compiled, std::string_view with)
      : pattern(std::move(compiled)), replacement(with, pattern) {}
  Pattern pattern;
  Replacement replacement;
};

Prepared prepare_pattern(const Arguments& arguments) {
  auto pattern = Pattern::compile(arguments.text(0));
  if (!pattern) return std::unexpected(pattern.error());
  const std::string_view with = arguments.size() > 1 ? arguments.text(1) : std::string_view{};
  return std::make_unique<PatternState>(std::move(*pattern), with);
}

/// A group's text as the target's kind; a group of bytes that matched nothing is null.
Value group_value(const Pattern::Search& search, const Pattern::Group& group, bool as_bytes) {
  if (!as_bytes) return Value::string(search.text(group));
  return group.from < 0 ? Value::null() : Value::bytes(search.text(group));
}

/// The names of the groups must outlive the call.
Value group_object(Call& call, const Pattern::Search& search, bool as_bytes) {
  const auto& names = call.state<PatternState>().pattern.names();
  const auto& groups = search.groups();
  auto* members = call.arena().allocate_array<Member>(groups.size());
  for (std::size_t i = 0; i < groups.size(); ++i) {
    const std::string_view name =
        call.is_constant() ? std::string_view(names[i]) : call.arena().copy(names[i]);
    members[i] = {name, group_value(search, groups[i], as_bytes)};
  }
  return Value::object(make_object_of(call.arena(), members, groups.size()));
}

Value re_match(Call& call, Value target) {
  if (!target.is_text()) return call.type_error(target, "string");
  return Value::boolean(call.state<PatternState>().pattern.matches(target.as_text()));
}

Value re_find_all(Call& call, Value target) {
  if (!target.is_text()) return call.type_error(target, "string");
  Pattern::Search search(call.state<PatternState>().pattern, target.as_text(), 1);
  Array* found = make_array(call.arena());
  while (search.next()) {
    found->push(Value::string(search.text(search.groups()[0])), call.arena());
  }
  return Value::array(found);
}

Value re_find_all_submatch(Call& call, Value target) {
  if (!target.is_text()) return call.type_error(target, "string");
  const Pattern& pattern = call.state<PatternState>().pattern;
  Pattern::Search search(pattern, target.as_text(), pattern.group_count());
  Array* found = make_array(call.arena());
  while (search.next()) {
    Array* match = make_array(call.arena(), pattern.group_count());
    for (const auto& group : search.groups()) {
      match->push(Value::string(search.text(group)), call.arena());
    }
    found->push(Value::array(match), call.arena());
  }
  return Value::array(found);
}

Value re_find_object(Call& call, Value target) {
  if (!target.is_text()) return call.type_error(target, "string");
  const Pattern& pattern = call.state<PatternState>().pattern;
  Pattern::Search search(pattern, target.as_text(), pattern.group_count());
  if (!search.find(0)) return Value::object(make_object(call.arena()));
  return group_object(call, search, target.is(Kind::bytes));
}

Value re_find_all_object(Call& call, Value target) {
  if (!target.is_text()) return call.type_error(target, "string");
  const Pattern& pattern = call.state<PatternState>().pattern;
  Pattern::Search search(pattern, target.as_text(), pattern.group_count());
  Array* found = make_array(call.arena());
  while (search.next()) {
    found->push(group_object(call, search, target.is(Kind::bytes)), call.arena());
  }
  return Value::array(found);
}

Value re_replace_all(Call& call, Value target) {
  if (!target.is_text()) return call.type_error(target, "string");
  const auto& state = call.state<PatternState>();
  const auto text =
      state.replacement.replace_all(call.arena(), state.pattern, target.as_text(), kMaxBytes);
  if (text) return Value::string(*text);
  return call.error("the result exceeds the limit of ", std::to_string(kMaxBytes), " bytes");
}

// Entries -----------------------------------------------------------------------------------------

constinit const Function kEntries[] = {
    {.name = "re_match",
     .category = Category::regexp,
     .parameters = {{"pattern", Type::string, "The expression, in RE2 syntax."}},
     .prepare = prepare_pattern,
     .call = re_match,
     .description = "Whether the expression matches anywhere in the text.",
     .examples = {{.mapping = "root.ok = this.id.re_match(\"^[a-z]+-[0-9]+$\")",
                   .cases = {{R"({"id":"ab-12"})", R"({"ok":true})"},
                             {R"({"id":"12"})", R"({"ok":false})"}}}}},
    {.name = "re_find_all",
     .category = Category::regexp,
     .parameters = {{"pattern", Type::string, "The expression, in RE2 syntax."}},
     .prepare = prepare_pattern,
     .call = re_find_all,
     .description = "All matches, as an array of strings.",
     .examples = {{.mapping = "root.found = this.text.re_find_all(\"[0-9]+\")",
                   .cases = {{R"({"text":"a1 b22"})", R"({"found":["1","22"]})"}}}}},
    {.name = "re_find_all_submatch",
     .category = Category::regexp,
     .parameters = {{"pattern", Type::string, "The expression, in RE2 syntax."}},
     .prepare = prepare_pattern,
     .call = re_find_all_submatch,
     .description = "All matches, each as an array of the match and its groups.",
     .examples = {{.mapping = "root.found = this.text.re_find_all_submatch(\"([a-z])([0-9]+)\")",
                   .cases = {{R"({"text":"a1 b22"})",
                              R"({"found":[["a1","a","1"],["b22","b","22"]]})"}}}}},
    {.name = "re_find_object",
     .category = Category::regexp,
     .parameters = {{"pattern", Type::string, "The expression, in RE2 syntax."}},
     .prepare = prepare_pattern,
     .call = re_find_object,
     .description = "The first match as an object of its groups by name, or by number where they "
                    "have none; 0 is the whole match. An empty object if there is none.",
     .examples = {{.mapping = "root = this.text.re_find_object(\"(?P<key>\\\\w+)=(?P<value>\\\\w*)\")",
                   .cases = {{R"({"text":"a=1 b=2"})", R"({"0":"a=1","key":"a","value":"1"})"},
                             {R"({"text":"-"})", "{}"}}}}},
    {.name = "re_find_all_object",
     .category = Category::regexp,
     .parameters = {{"pattern", Type::string, "The expression, in RE2 syntax."}},
     .prepare = prepare_pattern,
     .call = re_find_all_object,
     .description = "All matches as objects, each as `re_find_object` gives it.",
     .examples = {{.mapping = "root.all = this.text.re_find_all_object(\"(?P<k>\\\\w+)=(?P<v>\\\\w*)\")",
                   .cases = {{R"({"text":"a=1 b=2"})",
                              R"({"all":[{"0":"a=1","k":"a","v":"1"},{"0":"b=2","k":"b","v":"2"}]})"}}}}},
    {.name = "re_replace_all",
     .category = Category::regexp,
     .parameters = {{"pattern", Type::string, "The expression, in RE2 syntax."},
                    {"value", Type::string,
                     "The replacement; $1 and ${name} stand for groups, $$ for a dollar sign."}},
     .prepare = prepare_pattern,
     .call = re_replace_all,
     .description = "The text with every match replaced.",
     .examples = {{.mapping = "root.date = this.date.re_replace_all(\"([0-9]+)-([0-9]+)\", \"$2/$1\")",
                   .cases = {{R"({"date":"2024-03"})", R"({"date":"03/2024"})"}}}}},
    {.name = "re_replace",
     .category = Category::hidden,
     .parameters = {{"pattern", Type::string}, {"value", Type::string}},
     .prepare = prepare_pattern,
     .call = re_replace_all,
     .description = "An older name of `re_replace_all`."},
};

}  // namespace

constinit const std::span<const Function> kRegexpMethods = kEntries;

}  // namespace tollgate::bloblang
