#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "value/value.h"

/// The parsed form of a mapping. Everything lives in the arena of one compilation and views its
/// source; nothing here survives it.
namespace tollgate::bloblang {

struct Function;

enum class ExprKind : std::uint8_t {
  literal,
  field,        ///< this, root, or a named context, with a path
  get,          ///< a path into the value of another query
  variable,     ///< $name
  metadata,     ///< @ or @key
  array,
  object,
  call,         ///< function or method
  binary,
  logical_not,
  match,
  conditional,  ///< if as an expression
  lambda,
  map,          ///< target.(query)
};

enum class Operator : std::uint8_t {
  add, subtract, divide, multiply, modulo,
  equal, not_equal, greater, less, greater_or_equal, less_or_equal,
  logical_and, logical_or, coalesce,
};

struct Expr {
  ExprKind kind;
  std::uint16_t depth = 1;          ///< of the deepest query within, this one included
  std::string_view annotation = {}; ///< how errors name it
};

struct LiteralExpr : Expr {
  Value value;
};

struct FieldExpr : Expr {
  enum class Base : std::uint8_t { context, root, named } base;
  std::string_view name;  ///< Base::named
  std::span<const std::string_view> path;
};

struct GetExpr : Expr {
  const Expr* target;
  std::span<const std::string_view> path;
};

struct NameExpr : Expr {  ///< variable, metadata (an empty name is all of it)
  std::string_view name;
};

struct ArrayExpr : Expr {
  std::span<const Expr* const> items;
};

struct ObjectExpr : Expr {
  struct Entry {
    const Expr* key;  ///< a literal string, or any query
    const Expr* value;
  };
  std::span<const Entry> entries;
};

/// An argument as written.
struct Argument {
  std::string_view name;  ///< empty: positional
  const Expr* value;
};

struct CallExpr : Expr {
  const Function* function;
  const Expr* target;  ///< null for functions
  /// In order of the parameters (variadic: as given). A null one was left out; constants are
  /// converted to the parameter's type already.
  std::span<const Expr* const> arguments;
  class CallState* state;  ///< prepared; owned by the compilation
  bool is_dynamic;         ///< an argument must be evaluated at each call
};

struct BinaryExpr : Expr {
  Operator op;
  const Expr* left;
  const Expr* right;
};

struct NotExpr : Expr {
  const Expr* operand;
};

struct MatchExpr : Expr {
  struct Case {
    const Expr* pattern;  ///< null: `_`
    const Expr* result;
  };
  const Expr* subject;  ///< null: the context
  std::span<const Case> cases;
};

struct ConditionalExpr : Expr {
  struct Branch {
    const Expr* condition;
    const Expr* result;
  };
  std::span<const Branch> branches;
  const Expr* otherwise;  ///< may be null
};

struct LambdaExpr : Expr {
  std::string_view name;
  const Expr* body;
};

struct MapExpr : Expr {
  const Expr* target;
  const Expr* query;
};

enum class StatementKind : std::uint8_t { assign, let, meta, conditional };

struct Statement {
  StatementKind kind;
  std::uint32_t line;  ///< within its body, from 1; as errors report it
};

struct AssignStatement : Statement {  ///< assign: path below root
  std::span<const std::string_view> path;
  const Expr* value;
};

struct LetStatement : Statement {
  std::string_view name;
  const Expr* value;
};

struct MetaStatement : Statement {
  bool all;              ///< `meta = …`
  std::string_view key;
  const Expr* value;
};

struct ConditionalStatement : Statement {
  struct Branch {
    const Expr* condition;  ///< null: else
    std::span<const Statement* const> body;
  };
  std::span<const Branch> branches;
};

struct MapDefinition {
  std::string_view name;
  std::span<const Statement* const> body;
};

/// A whole mapping.
struct MappingTree {
  std::span<const Statement* const> statements;
  std::span<const MapDefinition> maps;
};

}  // namespace tollgate::bloblang
