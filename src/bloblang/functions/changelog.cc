// diff and patch: the changes between two values, as an array of {From, Path, To, Type}.

#include <algorithm>
#include <vector>

#include "bloblang/functions/catalogue.h"
#include "value/json.h"
#include "value/number.h"

namespace tollgate::bloblang {
namespace {

constexpr std::size_t kMaxDepth = 1000;
constexpr std::string_view kMismatch = " types do not match (cause count 0)\n";

/// Kinds that may change into each other. Unparsed numbers are texts here.
Kind family(Value value) {
  return value.is(Kind::number_text) ? Kind::string : value.kind();
}

std::string image(Value value, Arena& arena) {
  std::string text = value.is(Kind::number_text) || !value.is_number() ? "" : "n";
  append_json(text, value, arena);
  return text;
}

class Difference {
 public:
  explicit Difference(Call& call) : arena_(call.arena()) {}

  /// False if the values cannot be compared.
  bool compare(Value from, Value to) {
    if (path_.size() > kMaxDepth) return false;
    if (from.is_null() && to.is_null()) return true;
    if (from.is(Kind::object) && (to.is(Kind::object) || (to.is_null() && path_.empty()))) {
      return objects(from.as_object(), to.is_null() ? *make_object(arena_) : to.as_object());
    }
    if (from.is_null() || to.is_null()) {
      add(path_.empty() ? "delete" : "update", from, to);
      return true;
    }
    if (family(from) != family(to)) return false;
    if (from.is(Kind::array)) return arrays(from.as_array(), to.as_array());
    if (image(from, arena_) != image(to, arena_)) add("update", from, to);
    return true;
  }

  Value changes() {
    Array* const all = make_array(arena_, changes_.size());
    for (const Value& change : changes_) all->items[all->size++] = change;
    return Value::array(all);
  }

 private:
  void add(std::string_view type, Value from, Value to) {
    Array* const path = make_array(arena_, path_.size());
    for (const std::string_view step : path_) path->items[path->size++] = Value::string(step);
    auto* const members = arena_.allocate_array<Member>(4);
    members[0] = {"From", from.is_marker() ? Value::null() : from};
    members[1] = {"Path", Value::array(path)};
    members[2] = {"To", to};
    members[3] = {"Type", Value::string(type)};
    changes_.push_back(Value::object(arena_.make<Object>(members, 4u, 4u)));
  }

  void add_at(std::string_view step, std::string_view type, Value from, Value to) {
    path_.push_back(step);
    add(type, from, to);
    path_.pop_back();
  }

  bool compare_at(std::string_view step, Value from, Value to) {
    path_.push_back(step);
    const bool comparable = compare(from, to);
    path_.pop_back();
    return comparable;
  }

  bool objects(Object& from, Object& to) {
    const auto before = from.members(arena_);
    const auto after = to.members(arena_);
    std::size_t i = 0, j = 0;
    while (i < before.size() || j < after.size()) {
      const bool only_before =
          j == after.size() || (i < before.size() && before[i].key < after[j].key);
      if (only_before) {
        add_at(before[i].key, "delete", before[i].value, Value::null());
        ++i;
      } else if (i == before.size() || after[j].key < before[i].key) {
        add_at(after[j].key, "create", Value::null(), after[j].value);
        ++j;
      } else {
        if (!compare_at(before[i].key, before[i].value, after[j].value)) return false;
        ++i, ++j;
      }
    }
    return true;
  }

  /// Equal items pair off wherever they are; what is left is compared by index.
  bool arrays(const Array& from, const Array& to) {
    std::vector<std::pair<std::string, std::size_t>> before = images(from), after = images(to);
    std::vector<bool> gone(from.size, true), fresh(to.size, true);
    std::size_t j = 0;
    for (const auto& [text, index] : before) {
      while (j < after.size() && after[j].first < text) ++j;
      if (j == after.size() || after[j].first != text) continue;
      gone[index] = fresh[after[j++].second] = false;
    }
    for (std::size_t i = 0; i < std::max(gone.size(), fresh.size()); ++i) {
      const bool is_gone = i < gone.size() && gone[i];
      const bool is_fresh = i < fresh.size() && fresh[i];
      const std::string_view step = arena_.copy(std::to_string(i));
      if (is_gone && is_fresh) {
        if (!compare_at(step, from.items[i], to.items[i])) return false;
      } else if (is_gone) {
        add_at(step, "delete", from.items[i], Value::null());
      } else if (is_fresh) {
        add_at(step, "create", Value::null(), to.items[i]);
      }
    }
    return true;
  }

  std::vector<std::pair<std::string, std::size_t>> images(const Array& array) {
    std::vector<std::pair<std::string, std::size_t>> all;
    for (std::size_t i = 0; i < array.size; ++i) all.emplace_back(image(array.items[i], arena_), i);
    std::ranges::sort(all);
    return all;
  }

  Arena& arena_;
  std::vector<std::string_view> path_;
  std::vector<Value> changes_;
};

Value diff(Call& call, Value target) {
  if (target.is_null()) return target;
  Difference difference(call);
  if (!difference.compare(target, call[0])) return call.error(kMismatch);
  return difference.changes();
}

/// `root` with the change at `path` made; what lies beside it is shared. `root` itself where the
/// path leads nowhere. Depth is bounded by the length of the path.
Value changed(Value root, std::span<const Value> path, Value to, bool removes, Arena& arena) {
  if (path.empty()) return removes ? Value::null() : to;
  if (!path[0].is_text()) return root;
  const std::string_view step = path[0].as_text();
  const auto rest = path.subspan(1);
  if (root.is(Kind::object)) {
    const auto members = root.as_object().members(arena);
    Object* const copy = make_object(arena, members.size() + 1);
    std::ranges::copy(members, copy->items);
    copy->size = static_cast<std::uint32_t>(members.size());
    const Value* const inner = copy->find(step, arena);
    if (rest.empty() && removes) {
      copy->erase(step);
    } else if (inner || rest.empty()) {
      copy->set(step, changed(inner ? *inner : Value::null(), rest, to, removes, arena), arena);
    }
    return Value::object(copy);
  }
  const auto index = parse_int(step);
  if (!root.is(Kind::array) || !index || *index < 0 || *index > root.as_array().size) return root;
  const Array& array = root.as_array();
  Array* const copy = make_array(arena, array.size + std::size_t{1});
  const bool is_new = *index == array.size;
  for (std::uint32_t i = 0; i < array.size; ++i) {
    const bool here = i == *index;
    if (here && rest.empty() && removes) continue;
    copy->items[copy->size++] =
        here ? changed(array.items[i], rest, to, removes, arena) : array.items[i];
  }
  if (is_new && rest.empty() && !removes) copy->items[copy->size++] = to;
  return Value::array(copy);
}

Prepared prepare_patch(const Arguments& arguments) {
  const Value log = arguments[0];
  if (log.is_null() || log.is(Kind::array)) return nullptr;
  const std::string_view kind = log.is(Kind::object)        ? "map"
                                : log.is(Kind::number_text) ? "string"
                                                            : go_type(log);
  return std::unexpected("'' source data must be an array or slice, got " + std::string(kind));
}

Value patch(Call& call, Value target) {
  const Value log = call[0];
  if (log.is_null() || target.is_null()) return target;
  if (!target.is(Kind::array) && !target.is(Kind::object) && log.as_array().size > 0) {
    return call.error(" reflect: reflect.Value.Set using unaddressable value (cause count 0)\n");
  }
  // Removals of array items go last to first, so that indexes stay true.
  const Array& changes = log.as_array();
  const auto apply = [&](const Value& change, bool removals) -> bool {
    if (!change.is(Kind::object)) return false;
    const Value* const path = change.as_object().find("Path", call.arena());
    const Value* const to = change.as_object().find("To", call.arena());
    const Value* const type = change.as_object().find("Type", call.arena());
    if (!path || !path->is(Kind::array) || !type || !type->is_text()) return false;
    const bool removes = type->as_text() == "delete";
    if (removes != removals) return true;
    const std::span<const Value> steps(path->as_array().items, path->as_array().size);
    target = changed(target, steps, to ? *to : Value::null(), removes, call.arena());
    return true;
  };
  for (std::uint32_t i = changes.size; i > 0; --i) {
    if (!apply(changes.items[i - 1], true)) return call.error("the changelog has an invalid entry");
    if (Value full = call.check_size(0); full.is_error()) return full;
  }
  for (const Value& change : changes) {
    apply(change, false);
    if (Value full = call.check_size(0); full.is_error()) return full;
  }
  return target;
}

constinit const Function kEntries[] = {
    {.name = "diff",
     .category = Category::object_array,
     .parameters = {{"other", Type::any, "What to compare with."}},
     .errors = Function::Errors::as_given,
     .call = diff,
     .description = "The changes that lead from the value to another of the same kind.",
     .examples = {{.mapping = "root = this.a.diff(this.b)",
                   .cases = {{R"({"a":{"x":1},"b":{"x":2}})",
                              R"([{"From":1,"Path":["x"],"To":2,"Type":"update"}])"}}}}},
    {.name = "patch",
     .category = Category::object_array,
     .parameters = {{"changelog", Type::any, "Changes, as diff gives them."}},
     .errors = Function::Errors::as_given,
     .prepare = prepare_patch,
     .call = patch,
     .description = "The value with changes applied; the reverse of diff.",
     .examples = {{.mapping = "root = this.a.patch(this.a.diff(this.b))",
                   .cases = {{R"({"a":{"x":1},"b":{"y":2}})", R"({"y":2})"}}}}},
};

}  // namespace

constinit const std::span<const Function> kChangelogMethods = kEntries;

}  // namespace tollgate::bloblang
