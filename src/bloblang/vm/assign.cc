// Writing below root: copies each container on the way once, then changes it in place.

#include <algorithm>

#include "bloblang/program/error.h"
#include "bloblang/program/messages.h"
#include "bloblang/vm/statements.h"
#include "value/number.h"

namespace tollgate::bloblang {

namespace {

using Path = std::span<const std::string_view>;

std::string dotted(Path path) {
  std::string text;
  append_dot_path(text, path);
  return text;
}

Object& own(Run& run, Object& object) {
  if (object.owner == run.epoch && !object.lazy) return object;
  const auto members = object.members(run.arena);
  Object* copy = make_object(run.arena, members.size() + 4);
  std::copy(members.begin(), members.end(), copy->items);
  copy->size = static_cast<std::uint32_t>(members.size());
  copy->owner = run.epoch;
  return *copy;
}

Array& own(Run& run, Array& array) {
  if (array.owner == run.epoch) return array;
  Array* copy = make_array(run.arena, array.size + 1);
  std::copy_n(array.items, array.size, copy->items);
  copy->size = array.size;
  copy->owner = run.epoch;
  return *copy;
}

Object& new_object(Run& run) {
  Object* object = make_object(run.arena, 4);
  object->owner = run.epoch;
  return *object;
}

/// One assignment on its way down. The first failure wins and leaves `failure` set.
struct Assignment {
  Run& run;
  Path path;
  Value value;
  bool collision = false;
  std::string failure;

  /// `container` with the rest of the path, from segment `i`, set.
  Value set(Value container, std::size_t i) {
    if (i == path.size()) return value;
    if (container.is(Kind::object)) return set_member(container.as_object(), i);
    if (container.is(Kind::array)) return set_item(container.as_array(), i);
    collision = true;
    return container;
  }

  Value set_member(Object& object, std::size_t i) {
    const std::string_view key = path[i];
    Value child = value;
    if (i + 1 < path.size()) {
      const Value* present = object.find(key, run.arena);
      child = set(present && !present->is_null() ? *present : Value::object(&new_object(run)),
                  i + 1);
      if (failed()) return Value::object(&object);
    }
    Object& mine = own(run, object);
    mine.set(key, child, run.arena);
    return Value::object(&mine);
  }

  Value set_item(Array& array, std::size_t i) {
    const bool last = i + 1 == path.size();
    if (path[i] == "-") {
      const Value item = last ? value : set(Value::object(&new_object(run)), i + 1);
      if (failed()) return Value::array(&array);
      Array& mine = own(run, array);
      mine.push(item, run.arena);
      return Value::array(&mine);
    }
    const auto fail = [&](std::initializer_list<std::string_view> parts) {
      failure = "failed to resolve path segment '" + std::to_string(i) + "': ";
      for (const auto part : parts) failure += part;
      return Value::array(&array);
    };
    const auto index = scan_int(path[i]);
    if (index.fault != NumberFault::none) {
      return fail({"found array but segment value '", path[i],
                   "' could not be parsed into array index: ",
                   number_error("Atoi", path[i], index.fault)});
    }
    if (index.value < 0) {
      return fail({"found array but index '", std::to_string(index.value), "' is invalid"});
    }
    if (index.value >= static_cast<std::int64_t>(array.size)) {
      return fail({"found array but index '", std::to_string(index.value),
                   "' exceeded target array size of '", std::to_string(array.size), "'"});
    }
    Value item = value;
    if (!last) {
      const Value present = array.items[index.value];
      if (present.is_null()) return fail({"field '", path[i], "' was not found"});
      item = set(present, i + 1);
      if (failed()) return Value::array(&array);
    }
    Array& mine = own(run, array);
    mine.items[index.value] = item;
    return Value::array(&mine);
  }

  bool failed() const { return collision || !failure.empty(); }
};

/// Removes the end of the path from `container`, if it is there.
Value erase(Run& run, Value container, Path path) {
  if (container.is(Kind::object)) {
    Object& object = container.as_object();
    const Value* present = object.find(path[0], run.arena);
    if (!present) return container;
    const Value child = *present;
    Object& mine = own(run, object);
    if (path.size() == 1) {
      mine.erase(path[0]);
    } else {
      mine.set(path[0], erase(run, child, path.subspan(1)), run.arena);
    }
    return Value::object(&mine);
  }
  if (container.is(Kind::array)) {
    const auto index = parse_int(path[0]);
    Array& array = container.as_array();
    if (!index || *index < 0 || *index >= static_cast<std::int64_t>(array.size)) return container;
    Array& mine = own(run, array);
    if (path.size() == 1) {
      std::copy(mine.items + *index + 1, mine.items + mine.size, mine.items + *index);
      --mine.size;
    } else {
      mine.items[*index] = erase(run, mine.items[*index], path.subspan(1));
    }
    return Value::array(&mine);
  }
  return container;
}

/// Names the first thing on the path that is no object.
Value collision_error(Run& run, Value root, Path path) {
  const std::string target = dotted(path);
  const auto refuse = [&](std::string_view culprit, Value found) {
    return make_error(run, {"unable to set target path ", target, " as the value of ", culprit,
                            " was a non-object type (", kind_name(found.kind()), ")"});
  };
  if (!root.is(Kind::object)) return refuse("the root", root);
  Value at = root;
  for (std::size_t i = 0; i < path.size(); ++i) {
    const Value* next = find_in(at, path.subspan(i, 1), run.arena);
    at = next ? *next : Value::null();
    if (!at.is(Kind::object)) return refuse(dotted(path.first(i + 1)), at);
  }
  return refuse(target, at);
}

}  // namespace

Value assign_path(Run& run, Value& root, Path path, Value value) {
  if (root.is_null() || root.is(Kind::nothing)) root = Value::object(&new_object(run));
  if (value.is(Kind::deleted)) {
    // An element of a root array cannot be removed.
    if (path.size() > 1 || root.is(Kind::object)) root = erase(run, root, path);
    return Value::null();
  }
  Assignment assignment{run, path, value};
  const Value changed = assignment.set(root, 0);
  if (assignment.collision) return collision_error(run, root, path);
  if (!assignment.failure.empty()) {
    return make_error(
        run, {"unable to set target path ", dotted(path), ": ", assignment.failure});
  }
  root = changed;
  return Value::null();
}

}  // namespace tollgate::bloblang
