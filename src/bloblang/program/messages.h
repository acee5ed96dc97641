#pragma once

#include <span>
#include <string_view>

#include "bloblang/program/scope.h"

/// How queries reach messages, documents and paths.
namespace tollgate::bloblang {

/// The message at scope.index; null if the batch has none there.
const Message* current_message(const Scope& scope);

/// The error of a message that has no payload at all.
inline constexpr std::string_view kEmptyMessage = "message is empty";

/// The document of a message of run.batch (null: of an empty one), or why it has none.
Value document_of(Run& run, const Message* message);

/// `this` where no method or match set another: the document of the run's own message; null if it
/// has none (then run.document is the reason).
const Value* root_context(Run& run);
/// The payload of the message whose document is `this`, while nobody has asked for the document and it
/// is in a form that members can be looked up in without; else null.
const LazyPayload* unread_payload(const Run& run);

/// The value at `path` below `from`: object keys, array indexes, `*` for all elements of an array.
/// Null pointer if there is nothing; a pointer into the container otherwise, or into the arena.
const Value* find_in(const Value& from, std::span<const std::string_view> path, Arena& arena);

/// A copy of a metadata table that nobody else changes.
Object* copy_table(const Object* table, Arena& arena);

}  // namespace tollgate::bloblang
