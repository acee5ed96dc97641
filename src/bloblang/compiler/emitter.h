#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "bloblang/program/program.h"
#include "bloblang/syntax/ast.h"

namespace tollgate::bloblang {

/// Turns a parsed mapping into the nodes of a program, in the program's memory.
class Emitter {
 public:
  explicit Emitter(Program& program) : program_(program), memory_(program.memory) {}

  /// What becomes of a query's value: `stored` goes nowhere but to root or metadata.
  enum class Use : std::uint8_t { read, stored };

  Body body(std::string_view annotation, std::span<const Statement* const> statements);
  const Node* query(const Expr& expr, Use use = Use::read);
  std::string_view text(std::string_view text) { return memory_.copy(text); }
  /// To be called last.
  void finish();

 private:
  std::span<const Step> steps(std::span<const Statement* const> statements);
  Step step(const Statement& statement);
  void collect_variables(std::span<const Statement* const> statements);
  std::uint32_t slot_of(std::string_view variable) const;

  const Node* field(const FieldExpr& expr);
  const Node* name(const NameExpr& expr);
  const Node* array(const ArrayExpr& expr, Use use);
  const Node* object(const ObjectExpr& expr, Use use);
  const Node* dynamic_object(const ObjectExpr& expr, Use use);
  const Node* call(const CallExpr& expr);
  const Node* binary(const BinaryExpr& expr, Use use);
  const Node* match(const MatchExpr& expr, Use use);
  const Node* conditional(const ConditionalExpr& expr, Use use);

  std::span<const std::string_view> path(std::span<const std::string_view> path);
  /// In the program's memory, as Object::framed_keys wants it.
  std::string_view framed_key(std::string_view key);
  /// In the program's memory. Empty literals that are stored become empty arrays.
  Value constant(Value value, Use use = Use::read);
  template <typename Kind>
  const Node* make(Kind node, const Expr& expr);
  template <typename T>
  std::span<const T> keep(const std::vector<T>& items);

  /// Notes that the field's path goes through all but its last segment.
  void share_path(FieldNode& node);

  Program& program_;
  Arena& memory_;
  struct Prefix {
    std::span<const std::string_view> path;  // in the program's memory, as the members' texts
    std::vector<LookupKey> members;
  };
  std::vector<Prefix> prefixes_;
  std::vector<std::string_view> variables_;  // of the body being emitted
};

}  // namespace tollgate::bloblang
