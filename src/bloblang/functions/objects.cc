// Methods of category Object & Array Manipulation: keys, values and paths of objects.

#include <algorithm>

#include "bloblang/functions/catalogue.h"
#include "bloblang/functions/pair.h"
#include "bloblang/functions/path_state.h"
#include "bloblang/program/messages.h"
#include "bloblang/program/structure.h"
#include "value/coerce.h"
#include "value/number.h"
#include "value/path.h"

namespace tollgate::bloblang {
namespace {

// Keys and values ---------------------------------------------------------------------------------

/// An array of what `make` makes of each member.
template <typename Make>
Value each_member(Call& call, Value target, Make make) {
  if (!target.is(Kind::object)) return call.type_error(target, "object");
  const auto members = target.as_object().members(call.arena());
  Array* const all = make_array(call.arena(), members.size());
  for (const Member& member : members) all->items[all->size++] = make(member);
  return Value::array(all);
}

Value keys(Call& call, Value target) {
  return each_member(call, target, [](const Member& m) { return Value::string(m.key); });
}

Value values(Call& call, Value target) {
  return each_member(call, target, [](const Member& m) { return m.value; });
}

Value key_values(Call& call, Value target) {
  return each_member(call, target, [&](const Member& m) {
    return pair_object(call.arena(), {"key", Value::string(m.key)}, {"value", m.value});
  });
}

// Paths -------------------------------------------------------------------------------------------

Value exists(Call& call, Value target) {
  return Value::boolean(find_in(target, call.state<PathState>().path, call.arena()) != nullptr);
}

Value get(Call& call, Value target) {
  const Value* found = find_in(target, call.state<PathState>().path, call.arena());
  return found ? *found : Value::null();
}

std::string annotate_get(const Arguments& arguments, std::string_view) {
  return "path `" + std::string(arguments.text(0)) + "`";
}

using Path = std::span<const std::string_view>;

/// Paths that are arguments, split.
struct PathsState final : CallState {
  std::vector<std::unique_ptr<PathState>> owned;
  std::vector<Path> paths;
};

Prepared prepare_paths(const Arguments& arguments) {
  auto state = std::make_unique<PathsState>();
  Arena scratch;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const auto path = get_text(arguments[i], scratch);
    if (!path) {
      return std::unexpected("argument " + std::to_string(i) + ": " +
                             std::string(path.error().message()));
    }
    state->owned.push_back(std::make_unique<PathState>(*path));
    state->paths.emplace_back(state->owned.back()->path);
  }
  return state;
}

/// What is left of the paths that start with `key`, in a new array; `ends` if one is just the key.
std::span<Path> below(std::span<const Path> paths, std::string_view key, Arena& arena, bool& starts,
                      bool& ends) {
  starts = ends = false;
  Path* inner = nullptr;
  std::size_t count = 0;
  for (const Path& path : paths) {
    if (path[0] != key) continue;
    starts = true;
    if (path.size() == 1) {
      ends = true;
      continue;
    }
    if (!inner) inner = arena.allocate_array<Path>(paths.size());
    inner[count++] = path.subspan(1);
  }
  return {inner, count};
}

/// Depth is bounded by the length of the paths.
Object* without_paths(Object& object, std::span<const Path> paths, Arena& arena) {
  const auto members = object.members(arena);
  Object* const kept = make_object(arena, members.size());
  for (const auto& [key, value] : members) {
    bool starts = false, ends = false;
    const auto inner = below(paths, key, arena, starts, ends);
    if (ends) continue;
    const bool descends = !inner.empty() && value.is(Kind::object);
    kept->items[kept->size++] = {
        key, descends ? Value::object(without_paths(value.as_object(), inner, arena)) : value};
  }
  return kept;
}

Object* with_paths(Object& object, std::span<const Path> paths, Arena& arena) {
  const auto members = object.members(arena);
  Object* const kept = make_object(arena, members.size());
  for (const auto& [key, value] : members) {
    bool starts = false, ends = false;
    const auto inner = below(paths, key, arena, starts, ends);
    if (!starts) continue;
    const bool descends = !inner.empty() && value.is(Kind::object);
    kept->items[kept->size++] = {
        key, descends ? Value::object(with_paths(value.as_object(), inner, arena)) : value};
  }
  return kept;
}

Value without(Call& call, Value target) {
  if (!target.is(Kind::object)) return call.type_error(target, "object");
  return Value::object(
      without_paths(target.as_object(), call.state<PathsState>().paths, call.arena()));
}

Value with(Call& call, Value target) {
  if (!target.is(Kind::object)) return call.type_error(target, "object");
  return Value::object(
      with_paths(target.as_object(), call.state<PathsState>().paths, call.arena()));
}

// Exploding ---------------------------------------------------------------------------------------

/// A copy of `root` with `value` at `path`; what lies beside it is shared. `root` itself where the
/// path leads through something that has no members.
Value with_value(Value root, Path path, Value value, Arena& arena) {
  if (path.empty()) return value;
  if (root.is(Kind::array)) {
    const auto index = parse_int(path[0]);
    const Array& array = root.as_array();
    if (!index || *index < 0 || *index >= array.size) return root;
    Array* const copy = make_array(arena, array.size);
    std::copy_n(array.items, array.size, copy->items);
    copy->size = array.size;
    copy->items[*index] = with_value(array.items[*index], path.subspan(1), value, arena);
    return Value::array(copy);
  }
  if (!root.is(Kind::object) && !root.is_null()) return root;
  const auto members =
      root.is(Kind::object) ? root.as_object().members(arena) : std::span<const Member>{};
  Object* const copy = make_object(arena, members.size() + 1);
  std::copy(members.begin(), members.end(), copy->items);
  copy->size = static_cast<std::uint32_t>(members.size());
  const Value* inner = copy->find(path[0], arena);
  copy->set(path[0], with_value(inner ? *inner : Value::null(), path.subspan(1), value, arena),
            arena);
  return Value::object(copy);
}

Value explode(Call& call, Value target) {
  if (!target.is(Kind::object)) return call.type_error(target, "object");
  Arena& arena = call.arena();
  const Path path = call.state<PathState>().path;
  const Value* const found = find_in(target, path, arena);
  const Path paths[] = {path};
  const Value rest = Value::object(without_paths(target.as_object(), paths, arena));
  // Keys written into the results outlive a state that is not kept.
  std::vector<std::string_view> kept_path(path.begin(), path.end());
  if (!call.is_constant()) {
    for (auto& segment : kept_path) segment = arena.copy(segment);
  }
  if (found && found->is(Kind::array)) {
    const Array& array = found->as_array();
    Array* const exploded = make_array(arena, array.size);
    for (const Value& item : array) {
      exploded->items[exploded->size++] = with_value(rest, kept_path, item, arena);
    }
    return Value::array(exploded);
  }
  if (found && found->is(Kind::object)) {
    const auto members = found->as_object().members(arena);
    Object* const exploded = make_object(arena, members.size());
    for (const auto& [key, value] : members) {
      exploded->items[exploded->size++] = {key, with_value(rest, kept_path, value, arena)};
    }
    return Value::object(exploded);
  }
  return call.error("expected array or object value at path '", call.text(0), "', found: ",
                    found ? kind_name(found->kind()) : "null");
}

// Collapsing --------------------------------------------------------------------------------------

/// Members of a structure by their dot paths.
class Collapser {
 public:
  Collapser(Arena& arena, bool keeps_empty) : arena_(arena), keeps_empty_(keeps_empty) {}

  void walk(Value value) {
    if (value.is(Kind::object)) {
      const auto members = value.as_object().members(arena_);
      if (members.empty()) return add_empty(value);
      for (const auto& [key, inner] : members) step(key, inner);
    } else if (value.is(Kind::array)) {
      const Array& array = value.as_array();
      if (array.size == 0) return add_empty(value);
      for (std::uint32_t i = 0; i < array.size; ++i) step(std::to_string(i), array.items[i]);
    } else {
      add(value);
    }
  }

  Value take() {
    auto* const members = arena_.allocate_array<Member>(members_.size());
    std::copy(members_.begin(), members_.end(), members);
    return Value::object(make_object_of(arena_, members, members_.size()));
  }

 private:
  void step(std::string_view key, Value inner) {
    const std::size_t size = path_.size();
    if (size > 0) path_ += '.';
    path_ += key;
    walk(inner);
    path_.resize(size);
  }
  void add(Value value) { members_.push_back({arena_.copy(path_), value}); }
  void add_empty(Value value) {
    if (keeps_empty_) add(value);
  }

  Arena& arena_;
  const bool keeps_empty_;
  std::string path_;
  std::vector<Member> members_;
};

Value collapse(Call& call, Value target) {
  if (!target.is(Kind::object) && !target.is(Kind::array)) {
    return call.error("not an object or array");
  }
  const Value refusal = check_structure(call.run(), target);
  if (refusal.is_error()) return refusal;
  Collapser collapser(call.arena(), call.boolean(0));
  collapser.walk(target);
  return collapser.take();
}

// Entries -----------------------------------------------------------------------------------------

constinit const Function kEntries[] = {
    {.name = "keys",
     .category = Category::object_array,
     .call = keys,
     .description = "The keys of an object, sorted.",
     .examples = {{.mapping = "root.keys = this.keys()",
                   .cases = {{R"({"b":1,"a":2})", R"({"keys":["a","b"]})"}}}}},
    {.name = "values",
     .category = Category::object_array,
     .call = values,
     .description = "The values of an object, in the order of their keys.",
     .examples = {{.mapping = "root.values = this.values()",
                   .cases = {{R"({"b":1,"a":2})", R"({"values":[2,1]})"}}}}},
    {.name = "key_values",
     .category = Category::object_array,
     .call = key_values,
     .description = "The members of an object as an array of objects of key and value, in the order "
                    "of their keys.",
     .examples = {{.mapping = "root.all = this.key_values()",
                   .cases = {{R"({"b":1})", R"({"all":[{"key":"b","value":1}]})"}}}}},
    {.name = "exists",
     .category = Category::object_array,
     .parameters = {{"path", Type::string, "A dot path."}},
     .prepare = prepare_path,
     .call = exists,
     .description = "Whether there is something at a path, be it null.",
     .examples = {{.mapping = "root.known = this.exists(\"user.id\")",
                   .cases = {{R"({"user":{"id":null}})", R"({"known":true})"},
                             {R"({"user":{}})", R"({"known":false})"}}}}},
    {.name = "get",
     .category = Category::object_array,
     .parameters = {{"path", Type::string, "A dot path."}},
     .errors = Function::Errors::as_given,
     .prepare = prepare_path,
     .call = get,
     .annotate = annotate_get,
     .description = "What is at a path, or null.",
     .examples = {{.mapping = "root.name = this.get(\"user.name\")",
                   .cases = {{R"({"user":{"name":"ada"}})", R"({"name":"ada"})"},
                             {"{}", R"({"name":null})"}}}}},
    {.name = "with",
     .category = Category::object_array,
     .variadic = true,
     .errors = Function::Errors::as_given,
     .prepare = prepare_paths,
     .call = with,
     .description = "The object with only what is at the given dot paths.",
     .examples = {{.mapping = "root = this.with(\"id\", \"user.name\")",
                   .cases = {{R"({"id":1,"x":2,"user":{"name":"ada","age":36}})",
                              R"({"id":1,"user":{"name":"ada"}})"}}}}},
    {.name = "without",
     .category = Category::object_array,
     .variadic = true,
     .prepare = prepare_paths,
     .call = without,
     .description = "The object without what is at the given dot paths. Arrays on the way are left "
                    "as they are.",
     .examples = {{.mapping = "root = this.without(\"x\", \"user.age\")",
                   .cases = {{R"({"id":1,"x":2,"user":{"name":"ada","age":36}})",
                              R"({"id":1,"user":{"name":"ada"}})"}}}}},
    {.name = "explode",
     .category = Category::object_array,
     .parameters = {{"path", Type::string, "The dot path of an array or object."}},
     .prepare = prepare_path,
     .call = explode,
     .description = "One document for each element of the array or object at a path, with the "
                    "element in its place and everything else copied.",
     .examples = {{.mapping = "root = this.explode(\"v\")",
                   .cases = {{R"({"id":1,"v":["a","b"]})",
                              R"([{"id":1,"v":"a"},{"id":1,"v":"b"}])"}}}}},
    {.name = "collapse",
     .category = Category::object_array,
     .parameters = {{"include_empty", Type::boolean, "Keep empty objects and arrays as values.",
                     Need::defaulted, Value::boolean(false)}},
     .call = collapse,
     .description = "An object of one level: every value in the structure by its dot path.",
     .examples = {{.mapping = "root = this.collapse()",
                   .cases = {{R"({"a":{"b":1},"c":[2,{"d":3}],"e":{}})",
                              R"({"a.b":1,"c.0":2,"c.1.d":3})"}}}}},
};

}  // namespace

constinit const std::span<const Function> kObjectMethods = kEntries;

}  // namespace tollgate::bloblang
