#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/arena.h"
#include "value/value.h"

/// What a query sees while it is evaluated. See function.h for what a function or method sees.
namespace tollgate {

class Batch;
class LazyPayload;
class Message;

namespace bloblang {

struct Body;
struct MapTable;
struct SharedPath;
class IdSource;
class Root;

/// What is known of the newest error besides its text: enough to add to it what the incumbent adds
/// on the way out. An Error value itself is only text; a note belongs to the text at `text`.
struct ErrorNote {
  enum class Form : std::uint8_t { plain, type_error, mismatch };

  const char* text = nullptr;         ///< whose note this is
  Form form = Form::plain;
  bool names_source = false;          ///< it says already which query failed
  bool no_context = false;            ///< there was no `this` to read
  std::uint32_t source_at = 0;        ///< type_error without source: where " from x" belongs
  std::uint32_t assignment_tail = 0;  ///< bytes at the end that are a "failed assignment" of a map
  bool tail_names_source = false;     ///< as names_source, of that tail alone
  std::uint32_t recursion_tail = 0;   ///< bytes at the end that are a recursion error
  std::string_view field;             ///< no_context: the path that was asked for
};

/// Where a SharedPath leads to in one document.
struct Prefix {
  const Value* value = nullptr;  ///< null until it was looked up
  /// By FieldNode::member, as LazyMembers::find_many() found them; null if it does not.
  const Value* members = nullptr;
};

/// One execution of a program over one message (or bare value). On the stack of whoever runs it;
/// one thread.
///
/// Containers are immutable once somebody else may see them. What this execution builds below root
/// it may change in place while the container's owner is `epoch`; reading a container from root
/// starts a new epoch, so that what was read never changes: assignments behave as deep copies.
struct Run {
  /// Member by member: clearing the whole at once takes longer than the mapping of a small message.
  explicit Run(Arena& memory) : arena(memory) {}

  Arena& arena;                     ///< where everything that is built lives
  const Batch* batch = nullptr;     ///< null: there are no messages in this context
  /// `batch`, if bytes may be kept in its messages, and documents too where they are built in its
  /// own arena.
  Batch* writable_batch = nullptr;
  std::uint32_t index = 0;          ///< the message whose document is `this`
  Message* output = nullptr;        ///< gives uuid_v4() … their identity and ordinal; may be null
  bool edits_output = false;        ///< mutations: what is read is what was written so far

  /// The message's document: nothing until it is asked for, an error if there is none.
  Value document = Value::nothing();
  /// Where paths that several fields share lead to in the document, by FieldNode::prefix. The table
  /// is null where the document may change.
  Prefix* prefixes = nullptr;
  const SharedPath* shared_paths = nullptr;  ///< those of `prefixes`
  /// Mutations: `this` is the document that root is, until root is replaced as a whole.
  Value* linked_root = nullptr;

  /// Metadata being built; null is an empty one.
  Object* metadata = nullptr;
  bool has_metadata = false;  ///< false: the context knows none
  bool metadata_changed = false;

  /// Where the JSON of the document goes, if nothing else of it is wanted and it can be written without
  /// making the document, which is then nothing.
  Arena* text_arena = nullptr;
  std::optional<std::string_view> text;  ///< what was written there; empty without a JSON form

  std::uint64_t epoch = 0;
  std::size_t memory_at_start = 0;  ///< the arena's footprint
  std::uint64_t steps = 0;          ///< taken, see exhausts()
  ErrorNote note;
};

/// A number that no container in this process has as its owner.
std::uint64_t next_epoch();

/// A context that a lambda named.
struct Binding {
  std::string_view name;
  Value value;
  const Binding* next = nullptr;
};

/// The variables of one body, by slot; Kind::nothing is an undefined one.
struct Variables {
  Value* values;
  std::span<const std::string_view> names;
};

/// The surroundings of one query: cheap to copy, never changed once made.
struct Scope {
  Run* run;
  const Value* value = nullptr;      ///< `this`; null: the message's document
  const Value* outer = nullptr;      ///< `this` around it, which a lambda goes back to
  const Binding* bindings = nullptr;
  const MapTable* maps = nullptr;    ///< null: maps are unknown here
  Variables* variables = nullptr;    ///< null: variables are unknown here
  Root* root = nullptr;              ///< the document being built; null: there is none
  std::int64_t index = 0;            ///< of the message that message functions read; -1: the last
  std::uint32_t depth = 0;           ///< map calls around this

  Arena& arena() const { return run->arena; }
  /// The same with another `this`, which must outlive the result.
  Scope with(const Value& context) const {
    Scope inner = *this;
    inner.outer = value;
    inner.value = &context;
    return inner;
  }
};

/// One step of a compiled query, in the memory of its Program; each kind adds its own members.
struct Node {
  using Evaluate = Value (*)(const Node&, const Scope&);

  Evaluate evaluate;
  std::string_view annotation;  ///< how errors name it: "field `this.foo`", "method uppercase"
};

inline Value evaluate(const Node& node, const Scope& scope) { return node.evaluate(node, scope); }

}  // namespace bloblang
}  // namespace tollgate
