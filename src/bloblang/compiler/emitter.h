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
  using Path = std::span<const std::string_view>;
  /// A path below a variable that is assigned once.
  struct Memo {
    PathOfVariableNode* first;
    std::uint32_t number = 0;  ///< among the values of the variables
    bool is_kept = false;      ///< it was asked for again, or in what may be a loop
  };

  std::vector<Step> steps(std::span<const Statement* const> statements);
  Step step(const Statement& statement);
  /// Names and counts what the statements assign.
  void collect(std::span<const Statement* const> statements);
  const RootPlan* plan();
  std::span<const RootPlan::Member> plan_members(std::size_t first, std::size_t end,
                                                 std::size_t depth, bool framed);
  std::uint32_t planned_slot(Path path) const;
  std::uint32_t slot_of(std::string_view variable) const;

  const Node* field(const FieldExpr& expr);
  const Node* get(const GetExpr& expr);
  const Node* name(const NameExpr& expr);
  const Node* array(const ArrayExpr& expr, Use use);
  const Node* object(const ObjectExpr& expr, Use use);
  const Node* dynamic_object(const ObjectExpr& expr, Use use);
  const Node* call(const CallExpr& expr);
  const Node* binary(const BinaryExpr& expr, Use use);
  const Node* match(const MatchExpr& expr, Use use);
  const Node* conditional(const ConditionalExpr& expr, Use use);

  Path path(Path path);
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

  struct Prefix {
    Path path;  // in the program's memory, as the members' texts
    std::vector<LookupKey> members;
  };

  Program& program_;
  Arena& memory_;
  std::vector<Prefix> prefixes_;

  // Of the body being emitted.
  std::vector<std::string_view> variables_;
  std::vector<std::uint32_t> lets_;  // how many assign each variable
  std::vector<Path> root_paths_;     // those in the plan of root, sorted; they view the tree
  std::vector<Memo> memos_;
  std::size_t loops_ = 0;            // queries of methods that are being emitted
};

}  // namespace tollgate::bloblang
