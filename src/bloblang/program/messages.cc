#include "bloblang/program/messages.h"

#include <algorithm>
#include <atomic>

#include "bloblang/program/error.h"
#include "bloblang/program/limits.h"
#include "message/message.h"
#include "value/json.h"
#include "value/number.h"

namespace tollgate::bloblang {

std::uint64_t next_epoch() {
  // A thread takes numbers in ranges, so that counting needs no shared memory.
  constexpr std::uint64_t kRange = std::uint64_t{1} << 32;
  static std::atomic<std::uint64_t> ranges{1};
  thread_local std::uint64_t next = 0, end = 0;
  if (next == end) {
    next = ranges.fetch_add(1, std::memory_order_relaxed) * kRange;
    end = next + kRange;
  }
  return next++;
}

const Message* current_message(const Scope& scope) {
  const Batch* batch = scope.run->batch;
  const auto size = batch ? static_cast<std::int64_t>(batch->size()) : 0;
  const std::int64_t index = scope.index < 0 ? scope.index + size : scope.index;
  return index >= 0 && index < size ? &(*batch)[static_cast<std::size_t>(index)] : nullptr;
}

Value document_of(Run& run, const Message* message) {
  if (!message) return make_error(run, {kEmptyMessage});
  if (run.linked_root && message == &(*run.batch)[run.index]) return *root_context(run);
  const bool kept = run.writable_batch && &run.writable_batch->arena() == &run.arena;
  const Value document = kept ? const_cast<Message*>(message)->document()  // one of its messages
                              : message->document(run.arena);
  if (!document.is_error() || document.as_text() == kEmptyMessage) return document;
  return parse_json(message->bytes(), run.arena, {.message = true});  // for its wording
}

const Value* root_context(Run& run) {
  if (run.linked_root) {
    if (run.linked_root->is(Kind::object) || run.linked_root->is(Kind::array)) {
      run.epoch = next_epoch();
    }
    return run.linked_root;
  }
  if (run.document.is(Kind::nothing)) {
    const bool exists = run.batch && run.index < run.batch->size();
    run.document = document_of(run, exists ? &(*run.batch)[run.index] : nullptr);
  }
  return run.document.is_error() ? nullptr : &run.document;
}

const LazyPayload* unread_payload(const Run& run) {
  const bool unread = run.document.is(Kind::nothing) && !run.linked_root && run.batch;
  return unread && run.index < run.batch->size() ? (*run.batch)[run.index].lazy_payload() : nullptr;
}

namespace {

const Value* keep(Value value, Arena& arena) { return arena.make<Value>(value); }

/// All that the elements have at `path`, as an array; null pointer if none has anything.
const Value* find_in_each(const Array& array, std::span<const std::string_view> path,
                          Arena& arena) {
  if (array.size == 0) return nullptr;
  if (path.empty()) return keep(Value::array(const_cast<Array*>(&array)), arena);
  Array* found = make_array(arena, array.size);
  for (const Value& item : array) {
    if (const Value* one = find_in(item, path, arena)) found->items[found->size++] = *one;
  }
  return found->size ? keep(Value::array(found), arena) : nullptr;
}

}  // namespace

const Value* find_in(const Value& from, std::span<const std::string_view> path, Arena& arena) {
  const Value* at = &from;
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (at->is(Kind::object)) [[likely]] {
      at = at->as_object().find(path[i], arena);
      if (!at) return nullptr;
    } else if (at->is(Kind::array)) {
      const Array& array = at->as_array();
      if (path[i] == "*") {
        const auto rest = path.subspan(i + 1);  // recursive, hence bounded
        return rest.size() > kMaxQueryDepth ? nullptr : find_in_each(array, rest, arena);
      }
      const auto index = parse_int(path[i]);
      if (!index || *index < 0 || *index >= static_cast<std::int64_t>(array.size)) return nullptr;
      at = &array.items[*index];
    } else {
      return nullptr;
    }
  }
  return at;
}

Object* copy_table(const Object* table, Arena& arena) {
  Object* copy = make_object(arena, table ? table->size + 2 : 2);
  if (table) {
    std::copy_n(table->items, table->size, copy->items);
    copy->size = table->size;
  }
  return copy;
}

}  // namespace tollgate::bloblang
