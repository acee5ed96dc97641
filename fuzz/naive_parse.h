#pragma once

#include <expected>
#include <string>

#include "bloblang/syntax/parser.h"

namespace tollgate::fuzz {

/// A call as it was written: nothing is resolved, converted or folded.
struct NamedCall : bloblang::Expr {
  std::string_view name;
  const bloblang::Expr* target;  ///< null for functions
  std::span<const bloblang::Argument> arguments;
};

/// Builds the tree of a mapping as it stands there.
class PlainActions final : public bloblang::Actions {
 public:
  explicit PlainActions(Arena& arena) : arena_(arena) {}

  Built call(std::string_view name, const bloblang::Expr* target,
             std::span<const bloblang::Argument> arguments) override;
  Built binary(bloblang::Operator op, const bloblang::Expr* left,
               const bloblang::Expr* right) override;
  Built array(std::span<const bloblang::Expr* const> items) override;
  Built object(std::span<const bloblang::ObjectExpr::Entry> entries) override;
  std::expected<Import, std::string> import(std::string_view, std::string_view) override {
    return std::unexpected("not here");
  }

 private:
  Arena& arena_;
};

/// Whether the compiler takes an expression for a literal. Where a literal stands decides what a
/// case of `match` means.
bool is_constant(const bloblang::Expr& expr);

}  // namespace tollgate::fuzz
