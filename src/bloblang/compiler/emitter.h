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

  Body body(std::string_view annotation, std::span<const Statement* const> statements);
  const Node* query(const Expr& expr);
  std::string_view text(std::string_view text) { return memory_.copy(text); }

 private:
  std::span<const Step> steps(std::span<const Statement* const> statements);
  Step step(const Statement& statement);
  void collect_variables(std::span<const Statement* const> statements);
  std::uint32_t slot_of(std::string_view variable) const;

  const Node* field(const FieldExpr& expr);
  const Node* name(const NameExpr& expr);
  const Node* array(const ArrayExpr& expr);
  const Node* object(const ObjectExpr& expr);
  const Node* dynamic_object(const ObjectExpr& expr);
  const Node* call(const CallExpr& expr);
  const Node* binary(const BinaryExpr& expr);
  const Node* match(const MatchExpr& expr);
  const Node* conditional(const ConditionalExpr& expr);

  std::span<const std::string_view> path(std::span<const std::string_view> path);
  Value constant(Value value) { return deep_copy(value, memory_); }
  template <typename Kind>
  const Node* make(Kind node, const Expr& expr);
  template <typename T>
  std::span<const T> keep(const std::vector<T>& items);

  std::uint32_t prefix_of(std::span<const std::string_view> path);

  Program& program_;
  Arena& memory_;
  std::vector<std::span<const std::string_view>> prefixes_;  // in the program's memory
  std::vector<std::string_view> variables_;  // of the body being emitted
};

}  // namespace tollgate::bloblang
