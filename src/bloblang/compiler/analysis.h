#pragma once

#include <memory>
#include <string>
#include <vector>

#include "bloblang/bloblang.h"
#include "bloblang/program/function.h"
#include "bloblang/syntax/actions.h"

namespace tollgate::bloblang {

/// Checks what the parser finds and folds what is constant. Names are resolved to entries of the
/// catalogue, arguments are matched to parameters and converted, and calls with constant arguments
/// are prepared, all while the text is read (see Actions).
class Analysis final : public Actions {
 public:
  Analysis(const CompileOptions& options, Arena& arena)
      : options_(options), arena_(arena), run_(arena) {}

  Built call(std::string_view name, const Expr* target,
             std::span<const Argument> arguments) override;
  Built binary(Operator op, const Expr* left, const Expr* right) override;
  Built array(std::span<const Expr* const> items) override;
  Built object(std::span<const ObjectExpr::Entry> entries) override;
  std::expected<Import, std::string> import(std::string_view path,
                                            std::string_view directory) override;

  /// The states of prepared calls, for the program.
  std::vector<std::unique_ptr<CallState>> take_states() { return std::move(states_); }

 private:
  /// Arguments of a call, in order of the parameters.
  struct Bound {
    std::vector<const Expr*> exprs;  ///< as written, or the default; null if left out
    bool is_dynamic = false;         ///< some must be evaluated at each call
  };

  const Function* find(std::string_view name, bool is_method) const;
  std::expected<Bound, std::string> bind(const Function& function,
                                         std::span<const Argument> arguments);
  std::expected<Bound, std::string> bind_variadic(std::span<const Argument> arguments);
  std::expected<const Expr*, std::string> bind_one(const Parameter& parameter, const Expr* given);
  std::string complain(const Function& function, std::span<const Argument> arguments,
                       const std::vector<std::string_view>& missing) const;
  const Expr* lower(const Function& function, const Expr* target,
                    const std::vector<const Expr*>& arguments);
  Built fold(const CallExpr& expr, const Arguments& arguments);
  const Expr* literal(Value value, std::string_view annotation);

  const CompileOptions& options_;
  Arena& arena_;
  Run run_;
  std::vector<std::unique_ptr<CallState>> states_;
};

}  // namespace tollgate::bloblang
