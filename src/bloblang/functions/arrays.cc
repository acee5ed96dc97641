// Methods of category Object & Array Manipulation: building and searching arrays.

#include <algorithm>
#include <unordered_set>

#include "bloblang/functions/catalogue.h"
#include "bloblang/functions/pair.h"
#include "bloblang/program/read_number.h"
#include "value/coerce.h"
#include "value/compare.h"
#include "value/number.h"

namespace tollgate::bloblang {
namespace {

Array* copy_array(Call& call, const Array& array, std::size_t extra) {
  Array* const copy = make_array(call.arena(), array.size + extra);
  std::copy_n(array.items, array.size, copy->items);
  copy->size = array.size;
  return copy;
}

Value append(Call& call, Value target) {
  if (!target.is(Kind::array)) return call.type_error(target, "array");
  Array* const longer = copy_array(call, target.as_array(), call.size());
  for (std::size_t i = 0; i < call.size(); ++i) longer->items[longer->size++] = call[i];
  return Value::array(longer);
}

Value enumerated(Call& call, Value target) {
  if (!target.is(Kind::array)) return call.type_error(target, "array");
  const Array& array = target.as_array();
  Array* const all = make_array(call.arena(), array.size);
  for (std::uint32_t i = 0; i < array.size; ++i) {
    all->items[i] = pair_object(call.arena(), {"index", Value::int64(i)},
                                {"value", array.items[i]});
  }
  all->size = array.size;
  return Value::array(all);
}

Value flatten(Call& call, Value target) {
  if (!target.is(Kind::array)) return call.type_error(target, "array");
  const Array& array = target.as_array();
  Array* const flat = make_array(call.arena(), array.size);
  for (const Value& item : array) {
    if (!item.is(Kind::array)) {
      flat->push(item, call.arena());
      continue;
    }
    for (const Value& inner : item.as_array()) flat->push(inner, call.arena());
  }
  return Value::array(flat);
}

// Several arrays ----------------------------------------------------------------------------------

constexpr std::string_view kSizesDiffer = "can't zip different length array values";

Prepared prepare_concat(const Arguments& arguments) {
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (!arguments[i].is(Kind::array)) {
      return std::unexpected(tollgate::type_error(arguments[i], {"array"}));
    }
  }
  return nullptr;
}

Prepared prepare_zip(const Arguments& arguments) {
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (!arguments[i].is(Kind::array)) {
      return std::unexpected(tollgate::type_error(arguments[i], {"array"}));
    }
    if (arguments[i].as_array().size != arguments[0].as_array().size) {
      return std::unexpected(std::string(kSizesDiffer));
    }
  }
  return nullptr;
}

Value concat_arrays(Call& call, Value target) {
  if (!target.is(Kind::array)) return call.type_error(target, "array");
  std::size_t extra = 0;
  for (std::size_t i = 0; i < call.size(); ++i) extra += call[i].as_array().size;
  Array* const whole = copy_array(call, target.as_array(), extra);
  for (std::size_t i = 0; i < call.size(); ++i) {
    const Array& part = call[i].as_array();
    std::copy_n(part.items, part.size, whole->items + whole->size);
    whole->size += part.size;
  }
  return Value::array(whole);
}

Value zip(Call& call, Value target) {
  if (!target.is(Kind::array)) return call.type_error(target, "array");
  if (call.size() == 0) return call.error("zip requires at least one argument");
  const Array& array = target.as_array();
  if (array.size != call[0].as_array().size) return call.error(kSizesDiffer);
  Array* const zipped = make_array(call.arena(), array.size);
  for (std::uint32_t i = 0; i < array.size; ++i) {
    Array* const row = make_array(call.arena(), call.size() + 1);
    row->items[row->size++] = array.items[i];
    for (std::size_t j = 0; j < call.size(); ++j) {
      row->items[row->size++] = call[j].as_array().items[i];
    }
    zipped->items[zipped->size++] = Value::array(row);
  }
  return Value::array(zipped);
}

// Searching ---------------------------------------------------------------------------------------

Value find(Call& call, Value target) {
  if (!target.is(Kind::array)) return call.type_error(target, "array");
  const Array& array = target.as_array();
  for (std::uint32_t i = 0; i < array.size; ++i) {
    if (values_equal(call[0], array.items[i], call.arena())) return Value::int64(i);
  }
  return Value::int64(-1);
}

Value find_all(Call& call, Value target) {
  if (!target.is(Kind::array)) return call.type_error(target, "array");
  const Array& array = target.as_array();
  Array* const found = make_array(call.arena());
  for (std::uint32_t i = 0; i < array.size; ++i) {
    if (values_equal(call[0], array.items[i], call.arena())) {
      found->push(Value::int64(i), call.arena());
    }
  }
  return Value::array(found);
}

// Sums and sets -----------------------------------------------------------------------------------

Value sum(Call& call, Value target) {
  if (target.is_number()) return target;
  if (!target.is(Kind::array)) return call.name_target(call.type_error(target, "array"));
  const Array& array = target.as_array();
  double total = 0;
  Value problem;
  for (std::uint32_t i = 0; i < array.size; ++i) {
    if (double number = 0; read_number(array.items[i], number)) {
      total += number;
    } else {
      problem = call.prefix(call.type_error(array.items[i], "number"), "index ",
                            std::to_string(i), ": ");
    }
  }
  return problem.is_error() ? problem : Value::float64(total);
}

/// The texts and numbers that were seen; a text never equals a number.
class Seen {
 public:
  /// False if it was there already.
  bool add(std::string_view text) { return texts_.insert(text).second; }
  bool add(double number) {
    return number != number || numbers_.insert(number == 0 ? 0.0 : number).second;
  }

 private:
  std::unordered_set<std::string_view> texts_;
  std::unordered_set<double> numbers_;
};

Value unique(Call& call, Value target) {
  if (!target.is(Kind::array)) return call.type_error(target, "array");
  const Array& array = target.as_array();
  Array* const kept = make_array(call.arena(), array.size);
  Seen seen;
  for (std::uint32_t i = 0; i < array.size; ++i) {
    const auto fail = [&](Value problem) {
      return call.prefix(problem, "index ", std::to_string(i), ": ");
    };
    const Value identity = call.has_query(0) ? call.evaluate(0, array.items[i]) : array.items[i];
    if (identity.is_error()) return fail(identity);
    const Value resolved = resolve_number(identity);
    if (!resolved.is_text() && !resolved.is_number()) {
      return fail(call.type_error(identity, "string", "number"));
    }
    if (resolved.is_text() ? seen.add(resolved.as_text()) : seen.add(to_double(resolved))) {
      kept->items[kept->size++] = array.items[i];
    }
  }
  return Value::array(kept);
}

// Entries -----------------------------------------------------------------------------------------

constexpr auto kAsGiven = Function::Errors::as_given;
constexpr auto kBeta = Function::Stability::beta;

constinit const Function kEntries[] = {
    {.name = "append",
     .category = Category::object_array,
     .variadic = true,
     .call = append,
     .description = "The array with the arguments added as elements.",
     .examples = {{.mapping = "root.n = this.n.append(3, \"x\")",
                   .cases = {{R"({"n":[1,2]})", R"({"n":[1,2,3,"x"]})"}}}}},
    {.name = "concat",
     .category = Category::object_array,
     .variadic = true,
     .errors = kAsGiven,
     .prepare = prepare_concat,
     .call = concat_arrays,
     .description = "The array with the elements of the arguments, which are arrays, added.",
     .examples = {{.mapping = "root.n = this.n.concat(this.m, [9])",
                   .cases = {{R"({"n":[1],"m":[2,3]})", R"({"n":[1,2,3,9]})"}}}}},
    {.name = "zip",
     .category = Category::object_array,
     .variadic = true,
     .errors = kAsGiven,
     .prepare = prepare_zip,
     .call = zip,
     .description = "An array of arrays: the first elements of this and the arguments, the second "
                    "elements, and so on. All must be arrays of one length.",
     .examples = {{.mapping = "root.pairs = this.a.zip(this.b)",
                   .cases = {{R"({"a":[1,2],"b":["x","y"]})",
                              R"({"pairs":[[1,"x"],[2,"y"]]})"}}}}},
    {.name = "enumerated",
     .category = Category::object_array,
     .call = enumerated,
     .description = "The elements of an array, each in an object of index and value.",
     .examples = {{.mapping = "root.all = this.n.enumerated()",
                   .cases = {{R"({"n":["a","b"]})",
                              R"({"all":[{"index":0,"value":"a"},{"index":1,"value":"b"}]})"}}}}},
    {.name = "flatten",
     .category = Category::object_array,
     .call = flatten,
     .description = "The array with the elements of inner arrays in place of them, one level deep.",
     .examples = {{.mapping = "root.n = this.n.flatten()",
                   .cases = {{R"({"n":[1,[2,[3]],4]})", R"({"n":[1,2,[3],4]})"}}}}},
    {.name = "find",
     .category = Category::object_array,
     .parameters = {{"value", Type::any, "What to look for."}},
     .stability = kBeta,
     .call = find,
     .description = "The position of the first element equal to a value, or -1.",
     .examples = {{.mapping = "root.at = this.n.find(\"b\")",
                   .cases = {{R"({"n":["a","b"]})", R"({"at":1})"}}}}},
    {.name = "find_all",
     .category = Category::object_array,
     .parameters = {{"value", Type::any, "What to look for."}},
     .stability = kBeta,
     .call = find_all,
     .description = "The positions of all elements equal to a value.",
     .examples = {{.mapping = "root.at = this.n.find_all(\"b\")",
                   .cases = {{R"({"n":["b","a","b"]})", R"({"at":[0,2]})"}}}}},
    {.name = "sum",
     .category = Category::object_array,
     .errors = kAsGiven,
     .call = sum,
     .description = "The sum of an array of numbers, as a float; a number itself.",
     .examples = {{.mapping = "root.total = this.n.sum()",
                   .cases = {{R"({"n":[1,2.5]})", R"({"total":3.5})"}}}}},
    {.name = "unique",
     .category = Category::object_array,
     .parameters = {{"emit", Type::query, "What to tell elements apart by.", Need::optional}},
     .call = unique,
     .description = "The array without elements that came before. Elements, or what the query makes "
                    "of them, must be strings or numbers; \"5\" is not 5.",
     .examples = {{.mapping = "root.n = this.n.unique()",
                   .cases = {{R"({"n":["a",1,"a",1]})", R"({"n":["a",1]})"}}},
                  {.mapping = "root.users = this.users.unique(user -> user.id)",
                   .cases = {{R"({"users":[{"id":1,"n":"a"},{"id":1,"n":"b"}]})",
                              R"({"users":[{"id":1,"n":"a"}]})"}}}}},
};

}  // namespace

constinit const std::span<const Function> kArrayMethods = kEntries;

}  // namespace tollgate::bloblang
