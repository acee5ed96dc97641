#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "base/arena.h"
#include "bloblang/bloblang.h"
#include "bloblang/syntax/actions.h"
#include "bloblang/syntax/ast.h"

namespace tollgate::bloblang {

/// Where a text comes from and what it is parsed into.
struct ParseInput {
  std::string_view source;     ///< valid UTF-8; viewed by the result
  std::string_view directory;  ///< where relative imports start
  Arena& arena;
  Actions& actions;
};

/// A whole mapping.
std::expected<MappingTree, ParseError> parse_mapping(const ParseInput& input);

/// One piece of an interpolated string.
struct FieldPart {
  std::string_view text;        ///< literal text, if there is no query
  const Expr* query = nullptr;
};

/// A string with `${! query }` in it.
std::expected<std::vector<FieldPart>, ParseError> parse_field(const ParseInput& input);

}  // namespace tollgate::bloblang
