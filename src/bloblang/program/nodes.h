#pragma once

#include <span>
#include <string_view>

#include "bloblang/program/function.h"
#include "bloblang/program/scope.h"
#include "value/json.h"

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

/// A path below a variable. What it leads to is kept where the body may ask for it more than once
/// and assigns the variable only once.
struct PathOfVariableNode : Node {
  static constexpr std::uint32_t kNoMemo = UINT32_MAX;

  const Node* variable;
  std::span<const std::string_view> path;
  std::uint32_t slot;  ///< of the variable
  std::uint32_t memo;  ///< where it is kept among the values of the variables, or kNoMemo
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
  bool is_settled;                 ///< no key is written twice, no constant leaves its member out
  std::span<const Field> fields;   ///< in the order they were written
};

/// An object literal, with those within it, as JSON that is written as soon as its values are known.
struct ObjectText {
  std::span<const Node* const> values;  ///< in the order they are evaluated
  JsonShape shape;
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
  Value (*call)(Call&, Value);       ///< that of the function
  const Node* target;                ///< null for functions
  CallState* state;                  ///< owned by the Program; null if made at each call
  Arguments arguments;               ///< nothing where one is dynamic or left out
  std::span<const Dynamic> dynamic;  ///< arguments to be evaluated at each call
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

  static constexpr std::uint32_t kNoSlot = UINT32_MAX;

  Kind kind;
  bool is_fresh = false;   ///< the value is a container that nobody else can have seen
  std::uint32_t line = 0;  ///< as errors tell it
  std::uint32_t slot = 0;  ///< let; assign_path: in the plan of root, or kNoSlot
  const Node* value = nullptr;
  const ObjectText* text = nullptr;  ///< of `value`, where nothing but its JSON may be asked for
  std::span<const std::string_view> path;  ///< assign_path
  std::string_view key;                    ///< set_metadata
  std::span<const Branch> branches;        ///< conditional
};

/// The objects that a body's assignments below root may make. A path that goes through another's end
/// (root.a = …, root.a.b = …) has no place in it.
struct RootPlan {
  struct Member {
    std::string_view key;
    std::span<const Member> below;  ///< empty: its value is in `slot`
    std::uint32_t slot;
  };
  std::span<const Member> members;  ///< sorted by key
  std::uint32_t slots;
  bool framed_keys;  ///< of all members, see Object::framed_keys
  JsonShape shape;   ///< of the whole, where each slot has a value
};

/// A list of statements with variables of its own: a mapping or a map.
struct Body {
  std::string_view annotation;  ///< "map name"; empty for a mapping
  std::span<const Step> steps;
  std::span<const std::string_view> variables;  ///< names by slot
  std::uint32_t memos = 0;           ///< what PathOfVariableNode keeps, after the variables
  const RootPlan* plan = nullptr;    ///< null: root is built step by step
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
