#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bloblang/syntax/parser.h"
#include "bloblang/syntax/scanner.h"

namespace tollgate::bloblang {

/// Names of lambdas that are in scope.
struct LambdaName {
  std::string_view name;
  const LambdaName* next;
};

/// One place in the grammar where queries are parsed. A lambda that is itself an operand there stays
/// in scope for the lambdas that are operands there after it (the next element of a list, the next
/// case of a match), and for nothing else, which is how the incumbent behaves and what its "would
/// shadow" error depends on.
struct QueryPlace {
  explicit QueryPlace(const LambdaName* around = nullptr) : names(around), lambda_names(around) {}

  const LambdaName* const names;
  const LambdaName* lambda_names;
};

/// The parser of the language: ordered choice, backtracking. Functions follow Scanner's rule: on
/// success `at` is moved and `out` set, on failure `at` stays and failure() tells why.
///
/// Ordering, and which failures are fatal, decide what an error says, so they are part of the
/// language; the comments name only what surprises.
class Grammar : public Scanner {
 public:
  explicit Grammar(const ParseInput& input, int import_depth = 0)
      : Scanner(input.source, input.arena),
        arena_(input.arena),
        actions_(input.actions),
        directory_(input.directory),
        import_depth_(import_depth) {}

  // queries (query_grammar.cc, expression_grammar.cc)
  bool query(std::size_t& at, QueryPlace& place, const Expr*& out);

  // statements (statement_grammar.cc)
  bool mapping(MappingTree& out);

 private:
  using Statements = std::span<const Statement* const>;
  struct StatementPlaces {
    QueryPlace let, meta, assign;
  };

  // query_grammar.cc
  bool operations(std::size_t& at, QueryPlace& place, const Expr*& out);
  struct Operand {
    const Expr* value = nullptr;
    bool is_negative = false;
  };
  bool operand(std::size_t& at, QueryPlace& place, Operand& out);
  bool negate(std::size_t at, const Expr*& value);
  bool operation_sign(std::size_t& at, Operator& out);
  bool combine(std::size_t at, std::vector<const Expr*>& operands, std::vector<Operator>& signs,
               const Expr*& out);
  bool with_tails(std::size_t& at, QueryPlace& place, const Expr*& out);
  bool tail(std::size_t& at, const LambdaName* names, const Expr*& target);
  bool map_tail(std::size_t& at, const LambdaName* names, const Expr*& target);
  bool method_tail(std::size_t& at, const LambdaName* names, const Expr*& target);
  bool field_tail(std::size_t& at, const Expr*& target);
  bool function_call(std::size_t& at, const LambdaName* names, const Expr*& out);
  bool arguments(std::size_t& at, const LambdaName* names, std::vector<Argument>& out);
  bool argument(std::size_t& at, QueryPlace& place, const LambdaName* names, Argument& out);
  bool named_argument(std::size_t& at, const LambdaName* names, Argument& out);
  bool finish_call(std::size_t start, std::size_t end, std::string_view name, const Expr* target,
                   const std::vector<Argument>& arguments, const Expr*& out);

  // expression_grammar.cc
  bool primary(std::size_t& at, QueryPlace& place, const Expr*& out);
  bool match(std::size_t& at, const LambdaName* names, const Expr*& out);
  bool match_case(std::size_t& at, QueryPlace& pattern, QueryPlace& result, MatchExpr::Case& out);
  bool conditional(std::size_t& at, const LambdaName* names, const Expr*& out);
  bool conditional_branch(std::size_t& at, QueryPlace& condition, QueryPlace& result,
                          ConditionalExpr::Branch& out);
  bool braced_query(std::size_t& at, QueryPlace& place, const Expr*& out);
  bool lambda(std::size_t& at, QueryPlace& place, const Expr*& out);
  bool brackets(std::size_t& at, const LambdaName* names, const Expr*& out);
  bool literal(std::size_t& at, const LambdaName* names, const Expr*& out);
  bool scalar(std::size_t& at, Value& out, Alternatives& alternatives);
  bool array(std::size_t& at, const LambdaName* names, const Expr*& out);
  bool object(std::size_t& at, const LambdaName* names, const Expr*& out);
  bool object_entry(std::size_t& at, QueryPlace& key, QueryPlace& value, ObjectExpr::Entry& out);
  bool metadata(std::size_t& at, const Expr*& out);
  bool variable(std::size_t& at, const Expr*& out);
  bool root_field(std::size_t& at, const LambdaName* names, const Expr*& out);

  // statement_grammar.cc
  struct Collected {
    std::vector<const Statement*> statements;
    std::vector<MapDefinition> maps;
  };
  bool file(Collected& out);
  bool sole_import(MappingTree& out, bool& applies);
  bool sole_query(MappingTree& out, std::size_t& reached);
  bool read_import(std::size_t at, std::string_view path, Collected& out);
  /// `maps`: null where imports and maps are not allowed. `body` is where the body begins.
  bool statement(std::size_t& at, std::size_t body, StatementPlaces& places, bool meta_allowed,
                 Collected* maps, const Statement*& out);
  bool import_statement(std::size_t& at, Collected& maps);
  bool map_statement(std::size_t& at, Collected& maps);
  bool let_statement(std::size_t& at, std::size_t body, QueryPlace& place, const Statement*& out);
  bool meta_statement(std::size_t& at, std::size_t body, QueryPlace& place, bool allowed,
                      const Statement*& out);
  bool assign_statement(std::size_t& at, std::size_t body, QueryPlace& place,
                        const Statement*& out);
  bool if_statement(std::size_t& at, std::size_t body, const Statement*& out);
  bool if_branch(std::size_t& at, std::size_t body, std::string_view keyword,
                 ConditionalStatement::Branch& out);
  bool else_branch(std::size_t& at, std::size_t body, ConditionalStatement::Branch& out);
  bool block(std::size_t& at, std::size_t body, bool meta_allowed, Statements& out);
  bool name(std::size_t& at, std::string_view expected, std::string_view& out);
  bool target_path(std::size_t& at, std::vector<std::string_view>& out);
  std::uint32_t line_in(std::size_t body, std::size_t at) {
    return lines_.line_of(rest(body), at - body);
  }

  /// Items between an opening that was matched and a closing, with separators. `item`, `separator`
  /// and `closing` are callables (at) → bool; a trailing separator is allowed.
  template <typename Item, typename Separator, typename Closing>
  bool list(std::size_t& at, Item item, Separator separator, Closing closing) {
    std::size_t cursor = at;
    while (true) {
      const std::size_t before = cursor;
      if (!item(cursor)) {
        const Failure why = failure();
        cursor = before;
        if (closing(cursor)) return at = cursor, true;
        return fail(why);
      }
      if (!separator(cursor)) {
        Failure why = failure();
        if (closing(cursor)) return at = cursor, true;
        why.add(failure());
        return fail(why);
      }
    }
  }

  /// Runs a parser of which `at` may be left anywhere on failure, and puts it back then.
  template <typename Parse>
  bool attempt(std::size_t& at, Parse parse) {
    const std::size_t start = at;
    if (parse(at)) return true;
    at = start;
    return false;
  }

  /// A parser that may match nothing: false only if its failure is fatal.
  template <typename Parse>
  bool optional(std::size_t& at, bool& matched, Parse parse) {
    matched = attempt(at, parse);
    return matched || !failure().fatal;
  }

  bool required(bool matched) {
    if (!matched) failure().require();
    return matched;
  }
  bool expecting(bool matched, std::string_view what) {
    if (!matched) failure().expect(std::string(what));
    return matched;
  }

  template <typename Kind>
  Kind* make(Kind expr) {
    return arena_.make<Kind>(std::move(expr));
  }
  template <typename T>
  std::span<const T> keep(const std::vector<T>& items) {
    T* copy = arena_.allocate_array<T>(items.size());
    std::copy(items.begin(), items.end(), copy);
    return {copy, items.size()};
  }
  std::string_view text(std::initializer_list<std::string_view> parts) {
    return concat(arena_, parts);
  }
  bool has_name(const LambdaName* names, std::string_view name) const;
  /// Sets `out` unless the query is nested too deeply.
  bool finish(std::size_t at, const Expr* expr, const Expr*& out);

  Arena& arena_;
  Actions& actions_;
  std::string_view directory_;
  int import_depth_;
  LineCounter lines_;
  int nesting_ = 0;
  std::uint64_t steps_ = 0;
};

}  // namespace tollgate::bloblang
