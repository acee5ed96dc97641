#pragma once

#include <expected>
#include <span>
#include <string>
#include <string_view>

#include "bloblang/syntax/ast.h"

namespace tollgate::bloblang {

/// What the parser asks of the compiler while it parses. The language reports unknown names, wrong
/// arguments and failing constant expressions as parse errors, in order of the text, so they are
/// looked for as soon as a construct is complete. Each may fold what it is given into a literal.
class Actions {
 public:
  using Built = std::expected<const Expr*, std::string>;

  /// target.name(arguments), or name(arguments) if target is null.
  virtual Built call(std::string_view name, const Expr* target,
                     std::span<const Argument> arguments) = 0;
  virtual Built binary(Operator op, const Expr* left, const Expr* right) = 0;
  virtual Built array(std::span<const Expr* const> items) = 0;
  virtual Built object(std::span<const ObjectExpr::Entry> entries) = 0;

  /// A file that the text imports: its content and the directory of its own relative imports.
  struct Import {
    std::string content;
    std::string directory;
  };
  virtual std::expected<Import, std::string> import(std::string_view path,
                                                    std::string_view directory) = 0;

 protected:
  ~Actions() = default;
};

}  // namespace tollgate::bloblang
