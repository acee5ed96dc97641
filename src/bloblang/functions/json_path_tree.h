#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/arena.h"
#include "bloblang/functions/pattern.h"
#include "value/value.h"

/// A parsed JSONPath expression: paths that start at `$` or `@`, and around them the operators,
/// literals and functions of the expression language they are part of.
namespace tollgate::bloblang::json_path {

struct Node;
using NodePtr = std::unique_ptr<Node>;
/// A value, or why there is none.
using Outcome = std::expected<Value, std::string>;

/// A step of a path. Those from `every` on may lead to any number of values.
struct Selector {
  enum class Kind : std::uint8_t {
    member,   ///< the key that keys[0] gives
    script,   ///< what keys[0] gives
    every,    ///< all elements or members
    descend,  ///< the value itself and all below it
    several,  ///< those of all keys that are there
    filter,   ///< those for which keys[0] is true
    slice,    ///< from keys[0] to keys[1] in steps of keys[2]
  };
  Kind kind;
  std::vector<NodePtr> keys = {};

  bool is_plain() const { return kind == Kind::member || kind == Kind::script; }
};

struct Node {
  enum class Kind : std::uint8_t {
    constant,
    path,         ///< `selectors`
    variable,     ///< children: keys from the root
    call,         ///< of a variable (children[0]), which is never a function; text: its name
    date,         ///< date(children…)
    prefix,       ///< operator `text` children[0]
    infix,        ///< children[0] operator `text` children[1]
    conditional,  ///< children[0] ? children[1] : children[2]
    array,
    object,       ///< children: key, value, key, value …
  };
  Kind kind = Kind::constant;
  Value value = {};  ///< of a constant; in the arena given to parse()
  std::string text = {};
  std::vector<NodePtr> children = {};
  bool from_current = false;  ///< of a path: it starts at `@`
  std::vector<Selector> selectors = {};
  std::unique_ptr<Pattern> pattern = {};  ///< of =~ and !~ with a constant pattern

  bool is_constant() const { return kind == Kind::constant; }
};

/// Error: "parsing error: $[\t:1:3 - 1:3 unexpected EOF while scanning extensions".
std::expected<NodePtr, std::string> parse(std::string_view source, Arena& arena);

/// What the expression gives for a document.
Outcome evaluate(const Node& node, Value document, Arena& arena);

/// One operator on evaluated operands.
Outcome apply_prefix(std::string_view name, Value operand, Arena& arena);
Outcome apply_infix(std::string_view name, Value left, Value right, Arena& arena);
/// Whether `left` decides what the operator gives.
bool decides(std::string_view name, Value left, Value& result);
bool is_zero(Value value);
/// Strings that spell a number count as one, numbers of documents that are not parsed do not.
std::optional<double> as_float(Value value);
std::optional<bool> as_bool(Value value);

}  // namespace tollgate::bloblang::json_path
