// Methods of category Object & Array Manipulation that evaluate a query for each element.

#include "bloblang/functions/catalogue.h"
#include "bloblang/functions/pair.h"

namespace tollgate::bloblang {
namespace {

// Mapping -----------------------------------------------------------------------------------------

Value map_array(Call& call, const Array& array) {
  Query query(call, 0);
  Array* const mapped = make_array(call.arena(), array.size);
  for (std::uint32_t i = 0; i < array.size; ++i) {
    const Value result = query(array.items[i]);
    if (result.is_error()) {
      return call.prefix(call.name_query(0, result), "failed to process element ",
                         std::to_string(i), ": ");
    }
    if (result.is(Kind::deleted)) continue;
    mapped->items[mapped->size++] = result.is(Kind::nothing) ? array.items[i] : result;
  }
  return Value::array(mapped);
}

Value map_object(Call& call, Object& object) {
  Query query(call, 0);
  const auto members = object.members(call.arena());
  Object* const mapped = make_object(call.arena(), members.size());
  Pair entry(call.arena(), "key", "value");
  for (const Member& member : members) {
    const Value result = query(entry.of(Value::string(member.key), member.value));
    entry.gave(result);
    if (result.is_error()) {
      return call.prefix(call.name_query(0, result), "failed to process element ", member.key,
                         ": ");
    }
    if (result.is(Kind::deleted)) continue;
    mapped->items[mapped->size++] = {member.key,
                                     result.is(Kind::nothing) ? member.value : result};
  }
  return Value::object(mapped);
}

Value map_each(Call& call, Value target) {
  if (target.is(Kind::array)) return map_array(call, target.as_array());
  if (target.is(Kind::object)) return map_object(call, target.as_object());
  return call.type_error(target, "array");
}

Value map_each_key(Call& call, Value target) {
  if (!target.is(Kind::object)) return call.type_error(target, "object");
  Query query(call, 0);
  const auto members = target.as_object().members(call.arena());
  auto* const renamed = call.arena().allocate_array<Member>(members.size());
  std::size_t count = 0;
  for (const Member& member : members) {
    const Value key = query(Value::string(member.key));
    if (key.is_error()) return key;
    if (!key.is(Kind::string) && !key.is(Kind::nothing)) {
      return call.prefix(call.type_error(key, "string"), "unexpected result from key mapping: ");
    }
    renamed[count++] = {key.is(Kind::string) ? key.as_text() : member.key, member.value};
  }
  return Value::object(make_object_of(call.arena(), renamed, count));
}

// Filtering ---------------------------------------------------------------------------------------

bool is_true(Value value) { return value.is(Kind::boolean) && value.as_boolean(); }

Value filter(Call& call, Value target) {
  Query test(call, 0);
  if (target.is(Kind::array)) {
    const Array& array = target.as_array();
    Array* const kept = make_array(call.arena(), array.size);
    for (const Value& item : array) {
      const Value verdict = test(item);
      if (verdict.is_error()) return verdict;
      if (is_true(verdict)) kept->items[kept->size++] = item;
    }
    return Value::array(kept);
  }
  if (!target.is(Kind::object)) return call.type_error(target, "array", "object");
  const auto members = target.as_object().members(call.arena());
  Object* const kept = make_object(call.arena(), members.size());
  Pair entry(call.arena(), "key", "value");
  for (const Member& member : members) {
    const Value verdict = test(entry.of(Value::string(member.key), member.value));
    if (verdict.is_error()) return verdict;
    if (is_true(verdict)) kept->items[kept->size++] = member;
  }
  return Value::object(kept);
}

// Reducing ----------------------------------------------------------------------------------------

Value fold(Call& call, Value target) {
  if (!target.is(Kind::array)) return call.type_error(target, "array");
  Query step(call, 1);
  Value tally = call[0];
  Pair pair(call.arena(), "tally", "value");
  for (const Value& item : target.as_array()) {
    tally = step(pair.of(tally, item));
    pair.gave(tally);
    if (tally.is_error()) return tally;
  }
  return tally;
}

/// Whether the first element whose verdict is `decisive` exists; else the opposite.
template <bool decisive>
Value quantify(Call& call, Value target) {
  if (!target.is(Kind::array)) return call.type_error(target, "array");
  const Array& array = target.as_array();
  if (array.size == 0) return Value::boolean(false);
  Query test(call, 0);
  for (std::uint32_t i = 0; i < array.size; ++i) {
    const Value verdict = test(array.items[i]);
    if (!verdict.is(Kind::boolean)) {
      const Value problem = verdict.is_error() ? verdict : call.type_error(verdict, "bool");
      return call.prefix(problem, "element ", std::to_string(i), ": ");
    }
    if (verdict.as_boolean() == decisive) return Value::boolean(decisive);
  }
  return Value::boolean(!decisive);
}

template <bool wants_all>
Value find_by(Call& call, Value target) {
  if (!target.is(Kind::array)) return call.type_error(target, "array");
  Query test(call, 0);
  const Array& array = target.as_array();
  Array* const found = wants_all ? make_array(call.arena()) : nullptr;
  for (std::uint32_t i = 0; i < array.size; ++i) {
    const Value verdict = test(array.items[i]);
    if (verdict.is_error()) {
      return call.prefix(verdict, "query returned an error for index ", std::to_string(i), ": ");
    }
    if (!verdict.is(Kind::boolean)) {
      return call.prefix(call.type_error(verdict, "bool"),
                         "query returned a non-boolean value for index ", std::to_string(i), ": ");
    }
    if (!verdict.as_boolean()) continue;
    if constexpr (!wants_all) return Value::int64(i);
    if constexpr (wants_all) found->push(Value::int64(i), call.arena());
  }
  return wants_all ? Value::array(found) : Value::int64(-1);
}

// Entries -----------------------------------------------------------------------------------------

constexpr auto kBeta = Function::Stability::beta;

constinit const Function kEntries[] = {
    {.name = "map_each",
     .category = Category::object_array,
     .parameters = {{"query", Type::query, "What each element becomes."}},
     .call = map_each,
     .description = "Each element of an array, or each value of an object, as a query makes it. The "
                    "query sees the element, or an object of key and value. deleted() leaves the "
                    "element out, nothing() keeps it as it is.",
     .examples = {{.mapping = "root.n = this.n.map_each(x -> x * 2)",
                   .cases = {{R"({"n":[1,2,3]})", R"({"n":[2,4,6]})"}}},
                  {.mapping = "root = this.map_each(item -> item.value.uppercase())",
                   .cases = {{R"({"a":"x","b":"y"})", R"({"a":"X","b":"Y"})"}}},
                  {.mapping = "root.n = this.n.map_each(if this < 2 { deleted() })",
                   .cases = {{R"({"n":[1,2,3]})", R"({"n":[2,3]})"}}}}},
    {.name = "map_each_key",
     .category = Category::object_array,
     .parameters = {{"query", Type::query, "What each key becomes."}},
     .call = map_each_key,
     .description = "The object with its keys as a query makes them; the query sees the key.",
     .examples = {{.mapping = "root = this.map_each_key(key -> key.lowercase())",
                   .cases = {{R"({"A":1,"Bc":2})", R"({"a":1,"bc":2})"}}}}},
    {.name = "filter",
     .category = Category::object_array,
     .parameters = {{"test", Type::query, "Which elements to keep."}},
     .call = filter,
     .description = "The elements of an array or object for which a query is true. For objects it "
                    "sees an object of key and value.",
     .examples = {{.mapping = "root.n = this.n.filter(x -> x > 1)",
                   .cases = {{R"({"n":[1,2,3]})", R"({"n":[2,3]})"}}},
                  {.mapping = "root = this.filter(item -> item.key.has_prefix(\"x_\"))",
                   .cases = {{R"({"x_a":1,"b":2})", R"({"x_a":1})"}}}}},
    {.name = "fold",
     .category = Category::object_array,
     .parameters = {{"initial", Type::any, "The tally to start with."},
                    {"query", Type::query, "The next tally, of an object of tally and value."}},
     .call = fold,
     .description = "One value of all elements of an array, one after the other.",
     .examples = {{.mapping = "root.sum = this.n.fold(0, item -> item.tally + item.value)",
                   .cases = {{R"({"n":[1,2,3]})", R"({"sum":6})"}}},
                  {.mapping = "root.path = this.parts.fold(\"\", item -> \"%v/%v\".format(item.tally, "
                              "item.value))",
                   .cases = {{R"({"parts":["a","b"]})", R"({"path":"/a/b"})"}}}}},
    {.name = "all",
     .category = Category::object_array,
     .parameters = {{"test", Type::query, "What must be true of each."}},
     .call = quantify<false>,
     .description = "Whether a query is true for every element. False if there are none.",
     .examples = {{.mapping = "root.adults = this.ages.all(age -> age >= 18)",
                   .cases = {{R"({"ages":[18,40]})", R"({"adults":true})"},
                             {R"({"ages":[17,40]})", R"({"adults":false})"},
                             {R"({"ages":[]})", R"({"adults":false})"}}}}},
    {.name = "any",
     .category = Category::object_array,
     .parameters = {{"test", Type::query, "What must be true of one."}},
     .call = quantify<true>,
     .description = "Whether a query is true for at least one element.",
     .examples = {{.mapping = "root.adult = this.ages.any(age -> age >= 18)",
                   .cases = {{R"({"ages":[17,40]})", R"({"adult":true})"},
                             {R"({"ages":[]})", R"({"adult":false})"}}}}},
    {.name = "find_by",
     .category = Category::object_array,
     .parameters = {{"query", Type::query, "What must be true of it."}},
     .stability = kBeta,
     .call = find_by<false>,
     .description = "The position of the first element for which a query is true, or -1.",
     .examples = {{.mapping = "root.at = this.n.find_by(x -> x > 1)",
                   .cases = {{R"({"n":[1,2,3]})", R"({"at":1})"},
                             {R"({"n":[0]})", R"({"at":-1})"}}}}},
    {.name = "find_all_by",
     .category = Category::object_array,
     .parameters = {{"query", Type::query, "What must be true of them."}},
     .stability = kBeta,
     .call = find_by<true>,
     .description = "The positions of all elements for which a query is true.",
     .examples = {{.mapping = "root.at = this.n.find_all_by(x -> x > 1)",
                   .cases = {{R"({"n":[1,2,3]})", R"({"at":[1,2]})"}}}}},
};

}  // namespace

constinit const std::span<const Function> kIterationMethods = kEntries;

}  // namespace tollgate::bloblang
