// diff and patch: the changes between two values, as an array of {From, Path, To, Type}.

#include <algorithm>
#include <optional>
#include <vector>

#include "bloblang/functions/catalogue.h"
#include "value/empty_literal.h"
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

  /// As in the incumbent, a mapping can do nothing with them but to keep and to apply them.
  Value changes() {
    Array* const all = make_array(arena_, changes_.size());
    for (const Value& change : changes_) all->items[all->size++] = change;
    return Value::opaque(arena_.make<Value>(Value::array(all)));
  }

 private:
  void add(std::string_view type, Value from, Value to) {
    Array* const path = make_array(arena_, path_.size());
    for (const std::string_view step : path_) path->items[path->size++] = Value::string(step);
    auto* const members = arena_.allocate_array<Member>(4);
    const bool is_nil = from.is(Kind::array) && is_empty_literal(from.as_array());
    members[0] = {"From", from.is_marker() || is_nil ? Value::null() : from};
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

// Applying ----------------------------------------------------------------------------------------

struct Change {
  std::span<const Value> path;
  Value to;
  bool removes = false;
};

Value invalid_index(Call& call, std::string_view step, NumberFault fault) {
  return call.error(" invalid index in path. ", step, " is not a number (cause count 1)\n",
                    number_error("Atoi", step, fault));
}

/// `root` with a change made; what lies beside it is shared. Depth is bounded by the length of the
/// path.
Value changed(Call& call, Value root, const Change& change, std::span<const Value> path) {
  if (path.empty()) return change.removes ? root : change.to;
  Arena& arena = call.arena();
  const std::string_view step = path[0].as_text();
  const auto rest = path.subspan(1);
  if (root.is(Kind::object)) {
    const auto members = root.as_object().members(arena);
    Object* const copy = make_object(arena, members.size() + 1);
    std::ranges::copy(members, copy->items);
    copy->size = static_cast<std::uint32_t>(members.size());
    const Value* const inner = copy->find(step, arena);
    if (rest.empty() && change.removes) {
      copy->erase(step);
    } else if (inner || rest.empty()) {
      const Value value = changed(call, inner ? *inner : Value::null(), change, rest);
      if (value.is_error()) return value;
      copy->set(step, value, arena);
    }
    return Value::object(copy);
  }
  if (!root.is(Kind::array)) {
    if (root.is(Kind::bytes) && change.removes && !root.as_text().empty()) {
      const auto index = scan_int(step);
      if (index.fault != NumberFault::none) return invalid_index(call, step, index.fault);
    }
    if (change.removes) return root;
    if (root.is(Kind::bytes)) {
      return call.error(" reflect.Set: value of type ", go_type(change.to),
                        " is not assignable to type uint8 (cause count 0)\n");
    }
    return call.error(" reflect: reflect.Value.Set using unaddressable value (cause count 0)\n");
  }
  const Array& array = root.as_array();
  const auto index = scan_int(step);
  if (index.fault != NumberFault::none && array.size > 0) {
    return invalid_index(call, step, index.fault);
  }
  if (index.fault != NumberFault::none || index.value < 0 || index.value > array.size ||
      (change.removes && index.value == array.size)) {
    return call.error(" Value index ", std::to_string(index.value),
                      " is invalid (cause count 1)\n scanning for Value index (cause count 0)\n");
  }
  Array* const copy = make_array(arena, array.size + std::size_t{1});
  for (std::uint32_t i = 0; i < array.size; ++i) {
    const bool here = i == index.value;
    if (here && rest.empty() && change.removes) continue;
    const Value value = here ? changed(call, array.items[i], change, rest) : array.items[i];
    if (value.is_error()) return value;
    copy->items[copy->size++] = value;
  }
  if (index.value == array.size && rest.empty()) copy->items[copy->size++] = change.to;
  return Value::array(copy);
}

std::string changelog_type(Value value) {
  return value.is(Kind::object)        ? "map"
         : value.is(Kind::number_text) ? "string"
                                       : std::string(go_type(value));
}

/// Of an entry that is an object; what it leaves out is empty.
std::optional<Change> read_change(Object& entry, Arena& arena) {
  const Value* const path = entry.find("Path", arena);
  const Value* const to = entry.find("To", arena);
  const Value* const type = entry.find("Type", arena);
  Change change{.to = to ? *to : Value::null()};
  if (type && !type->is_null()) {
    if (!type->is_text()) return std::nullopt;
    change.removes = type->as_text() == "delete";
  }
  if (!path || path->is_null()) return change;
  if (!path->is(Kind::array)) return std::nullopt;
  change.path = {path->as_array().items, path->as_array().size};
  const bool texts = std::ranges::all_of(change.path, [](Value step) { return step.is_text(); });
  return texts ? std::optional(change) : std::nullopt;
}

Prepared prepare_patch(const Arguments& arguments) {
  const Value log = arguments[0].shown();
  if (log.is_null() || log.is_marker()) return nullptr;
  const bool is_bytes = log.is(Kind::bytes);
  if (!log.is(Kind::array) && !is_bytes) {
    return std::unexpected("'' source data must be an array or slice, got " + changelog_type(log));
  }
  std::string problems;
  const auto expect_object = [&](std::size_t i, std::string_view got) {
    problems += "\n'[" + std::to_string(i) + "]' expected a map or struct, got \"";
    problems.append(got) += '"';
  };
  for (std::size_t i = 0; is_bytes && i < log.as_text().size(); ++i) expect_object(i, "uint8");
  for (std::uint32_t i = 0; !is_bytes && i < log.as_array().size; ++i) {
    const Value entry = log.as_array().items[i];
    if (!entry.is(Kind::object) && !entry.is_null()) expect_object(i, changelog_type(entry));
  }
  if (problems.empty()) return nullptr;
  return std::unexpected("decoding failed due to the following error(s):\n" + problems);
}

Value patch(Call& call, Value target) {
  const Value log = call[0].shown();
  if (log.is_null() || log.is_marker() || target.is_null() || log.is(Kind::bytes)) return target;
  std::vector<Change> changes;
  for (const Value& entry : log.as_array()) {
    if (entry.is_null()) continue;
    const auto change = read_change(entry.as_object(), call.arena());
    if (!change) {
      return call.error("the changelog has an invalid entry: expected the Type as text and the Path "
                        "as an array of texts");
    }
    changes.push_back(*change);
  }
  // Removals of array items go last to first, so that indexes stay true.
  std::ranges::stable_partition(changes, &Change::removes);
  std::reverse(changes.begin(), std::ranges::find(changes, false, &Change::removes));
  for (const Change& change : changes) {
    target = changed(call, target, change, change.path);
    if (target.is_error()) return target;
    if (const Value full = call.check_size(0); full.is_error()) return full;
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
