// merge, assign and squash.

#include "bloblang/functions/catalogue.h"

namespace tollgate::bloblang {
namespace {

/// What becomes of two values of one key; objects are merged before it comes to that.
using Collide = Value (*)(Value ours, Value theirs, Arena& arena);

void push_all(Array& array, Value value, Arena& arena) {
  if (!value.is(Kind::array)) return array.push(value, arena);
  for (const Value& item : value.as_array()) array.push(item, arena);
}

Value keep_both(Value ours, Value theirs, Arena& arena) {
  Array* const both = make_array(arena, 4);
  push_all(*both, ours, arena);
  push_all(*both, theirs, arena);
  return Value::array(both);
}

Value take_theirs(Value, Value theirs, Arena&) { return theirs; }

/// The members of both in order of their keys. Levels deeper than `depth` are taken from `theirs`.
Object* merged(Object& ours, Object& theirs, Collide collide, Arena& arena, int depth) {
  const auto left = ours.members(arena), right = theirs.members(arena);
  Object* const both = make_object(arena, left.size() + right.size());
  const auto add = [both](const Member& member) { both->items[both->size++] = member; };
  auto l = left.begin(), r = right.begin();
  while (l != left.end() && r != right.end()) {
    if (l->key < r->key) {
      add(*l++);
    } else if (r->key < l->key) {
      add(*r++);
    } else {
      const bool descends = l->value.is(Kind::object) && r->value.is(Kind::object) && depth > 0;
      add({l->key, descends ? Value::object(merged(l->value.as_object(), r->value.as_object(),
                                                   collide, arena, depth - 1))
                            : collide(l->value, r->value, arena)});
      ++l, ++r;
    }
  }
  while (l != left.end()) add(*l++);
  while (r != right.end()) add(*r++);
  return both;
}

constexpr int kMaxDepth = 10'000;

template <Collide collide>
Value combine(Call& call, Value target) {
  Arena& arena = call.arena();
  if (target.is(Kind::array)) return keep_both(target, call[0], arena);
  if (!target.is(Kind::object)) {
    return call.name_target(call.type_error(target, "object", "array"));
  }
  Object* const nothing = make_object(arena);
  Object& theirs = call[0].is(Kind::object) ? call[0].as_object() : *nothing;
  return Value::object(merged(target.as_object(), theirs, collide, arena, kMaxDepth));
}

Value squash(Call& call, Value target) {
  if (!target.is(Kind::array)) return call.type_error(target, "array");
  Object* whole = make_object(call.arena());
  for (const Value& item : target.as_array()) {
    if (!item.is(Kind::object)) continue;
    whole = merged(*whole, item.as_object(), keep_both, call.arena(), kMaxDepth);
  }
  return Value::object(whole);
}

constinit const Function kEntries[] = {
    {.name = "merge",
     .category = Category::object_array,
     .parameters = {{"with", Type::any, "What to merge into it."}},
     .errors = Function::Errors::as_given,
     .call = combine<keep_both>,
     .description = "The members of two objects, inner objects merged likewise. Two values of one "
                    "key become an array of both. Two arrays are put together.",
     .examples = {{.mapping = "root = this.a.merge(this.b)",
                   .cases = {{R"({"a":{"x":1,"y":2},"b":{"y":3,"z":4}})",
                              R"({"x":1,"y":[2,3],"z":4})"}}}}},
    {.name = "assign",
     .category = Category::object_array,
     .parameters = {{"with", Type::any, "What to merge into it."}},
     .errors = Function::Errors::as_given,
     .call = combine<take_theirs>,
     .description = "As `merge`, but of two values of one key the argument's stays.",
     .examples = {{.mapping = "root = this.a.assign(this.b)",
                   .cases = {{R"({"a":{"x":1,"y":2},"b":{"y":3,"z":4}})",
                              R"({"x":1,"y":3,"z":4})"}}}}},
    {.name = "squash",
     .category = Category::object_array,
     .errors = Function::Errors::as_given,
     .call = squash,
     .description = "The objects of an array merged into one, as `merge` does.",
     .examples = {{.mapping = "root = this.all.squash()",
                   .cases = {{R"({"all":[{"a":1},{"b":2},{"a":3}]})",
                              R"({"a":[1,3],"b":2})"}}}}},
};

}  // namespace

constinit const std::span<const Function> kMergeMethods = kEntries;

}  // namespace tollgate::bloblang
