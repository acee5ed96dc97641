// json_path.

#include "bloblang/functions/catalogue.h"
#include "bloblang/functions/json_path_tree.h"

namespace tollgate::bloblang {
namespace {

struct PathExpression final : CallState {
  Arena arena;  // of the constants
  json_path::NodePtr root;
};

Prepared prepare(const Arguments& arguments) {
  auto state = std::make_unique<PathExpression>();
  auto root = json_path::parse(arguments.text(0), state->arena);
  if (!root) return std::unexpected("evaluating json path expression: " + root.error());
  state->root = std::move(*root);
  return state;
}

Value query(Call& call, Value target) {
  const auto found = json_path::evaluate(*call.state<PathExpression>().root, target, call.arena());
  if (!found) return call.error(found.error());
  return call.is_constant() ? *found : deep_copy(*found, call.arena());
}

constinit const Function kEntries[] = {
    {.name = "json_path",
     .category = Category::object_array,
     .parameters = {{"expression", Type::string,
                     "A JSONPath: $.a['b'][0], $..c, $.d[*], $.e[1:3], $.f[?(@.g == 'x')]."}},
     .errors = Function::Errors::as_given,
     .prepare = prepare,
     .call = query,
     .description = "What a JSONPath leads to: one value, or an array if it may lead to several.",
     .examples = {{.mapping = "root = this.json_path(\"$..b\")",
                   .cases = {{R"({"a":[{"b":1},{"b":2}]})", "[1,2]"}}},
                  {.mapping = "root = this.json_path(\"$.events[?(@.kind == 'login')].user\")",
                   .cases = {{R"({"events":[{"kind":"login","user":"ada"},{"kind":"view"}]})",
                              R"(["ada"])"}}}}},
};

}  // namespace

constinit const std::span<const Function> kJsonPathMethods = kEntries;

}  // namespace tollgate::bloblang
