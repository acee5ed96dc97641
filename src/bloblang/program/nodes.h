#pragma once

#include <span>
#include <string_view>

#include "bloblang/program/function.h"
#include "bloblang/program/scope.h"

/// The steps a program is made of: written by the compiler, read by the machine. All of it lies in
/// the arena of its Program and never changes. The evaluators are in vm/operations.h.
namespace tollgate::bloblang {

struct ConstantNode : Node {
  Value value;
};

/// A path below this, root, or a named context.
struct FieldNode : Node {
  std::string_view name;
  std::span<const std::string_view> path;
  std::uint32_t prefix;  ///< number of all but the last of `path` in Run::prefixes, from 1; 0: none
  std::uint32_t member;  ///< number of the last of `path` in SharedPath::members
};

/// A path of the document that others go through.
struct SharedPath {
  std::span<const std::string_view> path;
  std::span<const LookupKey> members;  ///< what is read below it
};

struct GetNode : Node {
  const Node* target;
  std::span<const std::string_view> path;
};

struct VariableNode : Node {
  std::string_view name;
  std::uint32_t slot;
};

struct MetadataNode : Node {
  std::string_view key;
};

struct ArrayNode : Node {
  std::span<const Node* const> items;
};

/// An object literal whose keys are known: its members are laid out in order of their keys with the
/// constants in place, so that evaluation copies them and fills in the rest.
struct ObjectNode : Node {
  struct Field {
    std::uint32_t slot;  ///< in the layout
    const Node* value;
  };
  std::span<const Member> layout;  ///< sorted; Kind::nothing where a field goes
  bool framed_keys;                ///< of the layout, see Object::framed_keys
  std::span<const Field> fields;   ///< in the order they were written
};

struct DynamicObjectNode : Node {
  struct Entry {
    std::string_view key;
    const Node* computed_key;  ///< instead of `key`, if not null
    const Node* value;
  };
  std::span<const Entry> entries;
};

struct CallNode : Node {
  struct Dynamic {
    std::uint32_t index;
    const Node* value;
  };
  const Function* function;
  const Node* target;                    ///< null for functions
  std::span<const Value> values;         ///< constants, converted; Kind::nothing elsewhere
  std::span<const Node* const> queries;  ///< of query parameters, null elsewhere
  std::span<const Dynamic> dynamic;      ///< arguments to be evaluated at each call
  CallState* state;                      ///< owned by the Program; null if made at each call
};

struct BinaryNode : Node {
  const Node* left;
  const Node* right;
};

struct NotNode : Node {
  const Node* operand;
};

struct MatchNode : Node {
  struct Case {
    const Node* pattern;  ///< null: anything, or `literal`
    const Value* literal; ///< equal to this; null: anything
    const Node* result;
  };
  const Node* subject;  ///< null: the context
  std::span<const Case> cases;
};

struct ConditionalNode : Node {
  struct Branch {
    const Node* condition;
    const Node* result;
  };
  std::span<const Branch> branches;
  const Node* otherwise;  ///< may be null
};

struct LambdaNode : Node {
  std::string_view name;  ///< "_" drops the context
  const Node* body;
};

struct MapNode : Node {
  const Node* target;
  const Node* query;
};

/// One statement.
struct Step {
  enum class Kind : std::uint8_t {
    replace_root,
    assign_path,
    let,
    set_metadata,
    replace_metadata,
    conditional,
  };
  struct Branch {
    const Node* condition;  ///< null: else
    std::span<const Step> steps;
  };

  Kind kind;
  bool is_fresh = false;   ///< the value is a container that nobody else can have seen
  std::uint32_t line = 0;  ///< as errors tell it
  std::uint32_t slot = 0;  ///< let
  const Node* value = nullptr;
  std::span<const std::string_view> path;  ///< assign_path
  std::string_view key;                    ///< set_metadata
  std::span<const Branch> branches;        ///< conditional
};

/// A list of statements with variables of its own: a mapping or a map.
struct Body {
  std::string_view annotation;  ///< "map name"; empty for a mapping
  std::span<const Step> steps;
  std::span<const std::string_view> variables;  ///< names by slot
};

struct MapTable {
  struct Entry {
    std::string_view name;
    const Body* body;
  };
  std::span<const Entry> entries;

  const Body* find(std::string_view name) const {
    for (const Entry& entry : entries) {
      if (entry.name == name) return entry.body;
    }
    return nullptr;
  }
};

}  // namespace tollgate::bloblang
