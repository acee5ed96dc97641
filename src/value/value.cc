#include "value/value.h"

#include <algorithm>
#include <unordered_map>
#include <vector>

#include "base/same_text.h"
#include "value/empty_literal.h"
#include "value/timestamp.h"

namespace tollgate {

constinit Array empty_literal;

namespace {

/// Room for at least `needed` elements, contents kept.
template <typename T>
void grow(T*& items, std::uint32_t size, std::uint32_t& capacity, std::size_t needed,
          Arena& arena) {
  if (needed <= capacity) return;
  const std::size_t wanted = std::max<std::size_t>(needed, capacity ? capacity * 2ul : 4ul);
  T* moved = arena.allocate_array<T>(wanted);
  std::copy_n(items, size, moved);
  items = moved;
  capacity = static_cast<std::uint32_t>(wanted);
}

/// `a < b`, deciding by the first byte where that is enough.
bool key_less(std::string_view a, std::string_view b) {
  if (a.empty() || b.empty() || a[0] == b[0]) return a < b;
  return static_cast<unsigned char>(a[0]) < static_cast<unsigned char>(b[0]);
}

Member* lower_bound(Member* items, std::uint32_t size, std::string_view key) {
  return std::lower_bound(items, items + size, key,
                          [](const Member& member, std::string_view k) { return member.key < k; });
}

}  // namespace

void Array::grow(Arena& arena) {
  tollgate::grow(items, size, capacity, size + 1ul, arena);
}

const Value* Object::find(std::string_view key, Arena& arena) const {
  if (lazy) return lazy->find(key, arena);
  if (size <= 8) {  // a scan beats a search while it stays in two cache lines
    for (std::uint32_t i = 0; i < size; ++i) {
      if (same_text(items[i].key, key)) return &items[i].value;
    }
    return nullptr;
  }
  const Member* found = lower_bound(items, size, key);
  return found != items + size && found->key == key ? &found->value : nullptr;
}

std::span<const Member> Object::members(Arena&) {
  if (lazy) lazy->build(*this);
  return {items, size};
}

void Object::set(std::string_view key, Value value, Arena& arena) {
  if (size == 0 || items[size - 1].key < key) {  // building in order is the common case
    grow(items, size, capacity, size + 1ul, arena);
    items[size++] = {key, value};
    framed_keys = false;
    return;
  }
  Member* at = lower_bound(items, size, key);
  if (at->key == key) {
    at->value = value;
    return;
  }
  framed_keys = false;
  const auto index = at - items;
  grow(items, size, capacity, size + 1ul, arena);
  std::copy_backward(items + index, items + size, items + size + 1);
  items[index] = {key, value};
  ++size;
}

void Object::erase(std::string_view key) {
  Member* at = lower_bound(items, size, key);
  if (at == items + size || at->key != key) return;
  std::copy(at + 1, items + size, at);
  --size;
}

std::string_view kind_name(Kind kind) {
  switch (kind) {
    case Kind::null: return "null";
    case Kind::boolean: return "bool";
    case Kind::int64:
    case Kind::uint64:
    case Kind::float64:
    case Kind::number_text: return "number";
    case Kind::string: return "string";
    case Kind::bytes: return "bytes";
    case Kind::timestamp: return "timestamp";
    case Kind::array: return "array";
    case Kind::object: return "object";
    case Kind::opaque: return "unknown";
    case Kind::deleted: return "delete";
    case Kind::nothing: return "nothing";
    case Kind::error: return "error";
  }
  return "unknown";
}

Array* make_array(Arena& arena, std::size_t capacity) {
  Array* array = arena.make<Array>();
  if (capacity) {
    array->items = arena.allocate_array<Value>(capacity);
    array->capacity = static_cast<std::uint32_t>(capacity);
  }
  return array;
}

Object* make_object(Arena& arena, std::size_t capacity) {
  Object* object = arena.make<Object>();
  if (capacity) {
    object->items = arena.allocate_array<Member>(capacity);
    object->capacity = static_cast<std::uint32_t>(capacity);
  }
  return object;
}

Object* make_object_of(Arena& arena, Member* members, std::size_t count) {
  const auto by_key = [](const Member& a, const Member& b) { return key_less(a.key, b.key); };
  constexpr std::size_t small = 24;
  std::size_t sorted = count ? 1 : 0;
  while (sorted < count && !by_key(members[sorted], members[sorted - 1])) ++sorted;
  if (count <= small) {
    for (; sorted < count; ++sorted) {
      const Member member = members[sorted];
      std::size_t at = sorted;
      for (; at > 0 && by_key(member, members[at - 1]); --at) members[at] = members[at - 1];
      members[at] = member;
    }
  } else if (sorted < count) {
    std::stable_sort(members, members + count, by_key);
  }
  std::size_t kept = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (kept > 0 && members[kept - 1].key == members[i].key) --kept;  // the last one wins
    if (kept != i) members[kept] = members[i];
    ++kept;
  }
  Object* object = arena.make<Object>();
  object->items = members;
  object->size = object->capacity = static_cast<std::uint32_t>(kept);
  return object;
}

namespace {

/// A value to copy, and where its copy goes.
struct CopyTask {
  Value from;
  Value* to;
};

/// The copies of containers that were met before. A value of a few kilobytes that shares parts
/// within itself may have billions of paths: a copy that took no note of them would not end. Few
/// values share anything, so notes are taken of large ones only.
class Known {
 public:
  const Value* find(Value container) const {
    if (copies_.empty()) return nullptr;
    const auto found = copies_.find(address(container));
    return found == copies_.end() ? nullptr : &found->second;
  }
  void add(Value container, Value copy) {
    if (++containers_ > kFromHere) copies_.emplace(address(container), copy);
  }

 private:
  static constexpr std::size_t kFromHere = 10'000;
  static const void* address(Value container) {
    return container.is(Kind::array) ? static_cast<const void*>(&container.as_array())
                                     : &container.as_object();
  }
  std::size_t containers_ = 0;
  std::unordered_map<const void*, Value> copies_;
};

/// The copy of anything; the elements of a container are left to `tasks`.
Value copy_one(Value value, Arena& arena, std::vector<CopyTask>& tasks, Known& known) {
  if (value.is(Kind::array) || value.is(Kind::object)) {
    if (const Value* copy = known.find(value)) return *copy;
  }
  switch (value.kind()) {
    case Kind::number_text: return Value::number_text(arena.copy(value.as_text()));
    case Kind::string: return Value::string(arena.copy(value.as_text()));
    case Kind::bytes: return Value::bytes(arena.copy(value.as_text()));
    case Kind::error: return Value::error(arena.copy(value.as_text()));
    case Kind::timestamp: return Value::timestamp(arena.make<Timestamp>(value.as_timestamp()));
    case Kind::opaque: {
      auto* const shown = arena.make<Value>();
      tasks.push_back({value.as_opaque(), shown});
      return Value::opaque(shown);
    }
    case Kind::array: {
      const Array& from = value.as_array();
      if (is_empty_literal(from)) return value;
      Array* const to = make_array(arena, from.size);
      for (const Value& item : from) tasks.push_back({item, &to->items[to->size++]});
      known.add(value, Value::array(to));
      return Value::array(to);
    }
    case Kind::object: {
      const auto from = value.as_object().members(arena);
      Object* const to = make_object(arena, from.size());
      for (const auto& [key, member] : from) {
        to->items[to->size].key = arena.copy(key);
        tasks.push_back({member, &to->items[to->size++].value});
      }
      known.add(value, Value::object(to));
      return Value::object(to);
    }
    default: return value;
  }
}

}  // namespace

Value deep_copy(Value value, Arena& arena) {
  std::vector<CopyTask> tasks;  // instead of recursion, which depth could overflow
  Known known;
  const Value root = copy_one(value, arena, tasks, known);
  while (!tasks.empty()) {
    const CopyTask task = tasks.back();
    tasks.pop_back();
    *task.to = copy_one(task.from, arena, tasks, known);
  }
  return root;
}

std::string_view concat(Arena& arena, std::initializer_list<std::string_view> parts) {
  std::size_t total = 0;
  for (const auto part : parts) total += part.size();
  if (total == 0) return {};
  auto* start = static_cast<char*>(arena.allocate(total, 1));
  char* at = start;
  for (const auto part : parts) at = std::copy(part.begin(), part.end(), at);
  return {start, total};
}

}  // namespace tollgate
