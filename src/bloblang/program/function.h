#pragma once

#include <cstdint>
#include <expected>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "bloblang/program/convert.h"
#include "bloblang/program/error.h"
#include "bloblang/program/limits.h"
#include "bloblang/program/scope.h"

/// How a function or method of the mapping language is written.
///
/// One entry is one `Function` in the constinit array of its category file; functions/general.cc is
/// the pattern to follow. An entry says what it is called, which parameters it has, what to prepare
/// once when the mapping is compiled, and what to do at each call:
///
///   {.name = "repeat",
///    .category = Category::strings,
///    .parameters = {{"count", Type::integer, "How often."}},
///    .prepare = prepare_repeat,     // optional: constant arguments → state, or a message
///    .call = repeat,                // Value repeat(Call&, Value target)
///    .description = "…",
///    .examples = {{.mapping = R"(root = "ab".repeat(2))", .cases = {{"{}", "abab"}}}}}
///
/// The machine does the rest: argument count, names, defaults and types are checked when a mapping
/// is compiled; arguments that are expressions are evaluated and converted at each call before the
/// target is; an error of a target is passed on without calling the method.
namespace tollgate::bloblang {

enum class Category : std::uint8_t {
  general,
  message_info,
  environment,
  coercion,
  strings,
  regexp,
  number,
  time,
  object_array,
  parsing,
  encoding,
  encryption,
  geoip,
  jwt,
  sql,
  fake,
  plugin,
  deprecated,
  hidden,  ///< works but is not listed
};

std::string_view category_title(Category category);  ///< "Object & Array Manipulation"

/// What a parameter takes, and what Call gives for it.
enum class Type : std::uint8_t {
  string,     ///< string or bytes
  integer,    ///< any number, truncated: an int64
  number,     ///< any number: a float64
  boolean,    ///< boolean or number
  timestamp,  ///< timestamp, RFC 3339 string or unix number
  array,
  object,
  any,     ///< whatever it is
  query,   ///< an expression, evaluated by the call itself: evaluate(i, …)
  value_or_query,  ///< the same, where a plain value stands for a query that gives it
};

enum class Need : std::uint8_t {
  required,
  optional,   ///< has(i) is false if it is left out
  defaulted,  ///< `fallback` if it is left out
};

struct Parameter {
  std::string_view name;
  Type type = Type::any;
  std::string_view description = {};
  Need need = Need::required;
  Value fallback = {};
  bool constant = false;  ///< an expression that is not constant is refused
};

/// A documented example: shown by `docs` and executed by the tests, so it must be true.
struct Example {
  struct Case {
    std::string_view input;
    std::string_view output;      ///< payload of the result; kDeleted if the message goes away
    std::string_view error = {};  ///< or the whole error
  };
  static constexpr std::string_view kDeleted = "<deleted>";

  std::string_view summary = {};
  std::string_view mapping;
  Case cases[5] = {};     ///< up to the first without input
  bool is_random = false; ///< shown but not executed: the output differs from call to call
};

/// What an entry keeps for one place in a mapping where it is called: a compiled pattern, a parsed
/// layout, a counter. Made once by Function::prepare, shared by all threads that run the mapping:
/// immutable, or guarded by the entry.
class CallState {
 public:
  virtual ~CallState() = default;
};

/// The arguments of one call, converted to the types of their parameters.
class Arguments {
 public:
  Arguments(std::span<const Value> values, std::span<const Node* const> queries)
      : values_(values), queries_(queries) {}

  /// Parameters, or for variadic entries arguments given.
  std::size_t size() const { return values_.size(); }
  /// Whether there is a value (given or default). Always look before reading an optional one.
  bool has(std::size_t i) const { return !values_[i].is(Kind::nothing); }
  Value operator[](std::size_t i) const { return values_[i]; }
  std::string_view text(std::size_t i) const { return values_[i].as_text(); }
  std::int64_t integer(std::size_t i) const { return values_[i].as_int64(); }
  double number(std::size_t i) const { return values_[i].as_float64(); }
  bool boolean(std::size_t i) const { return values_[i].as_boolean(); }
  /// The expression of a query parameter; null if it was left out.
  const Node* query(std::size_t i) const { return queries_[i]; }
  /// The same queries with other values.
  Arguments with(std::span<const Value> values) const { return {values, queries_}; }

 private:
  std::span<const Value> values_;           // nothing: left out, or a query
  std::span<const Node* const> queries_;
};

class Call;

/// State, null if none is needed, or what is wrong with the arguments. With constant arguments it
/// runs once when the mapping is compiled and its message is a compile error; with expressions it
/// runs at each call. Strings it keeps must be copied.
using Prepared = std::expected<std::unique_ptr<CallState>, std::string>;

struct Function {
  /// How errors of `call` are presented. The incumbent has two kinds of methods:
  enum class Errors : std::uint8_t {
    name_target,  ///< "field `this.foo`: …" / "expected …, got … from field `this.foo`" (its core)
    as_given,     ///< unchanged (its plugins; and methods that call name_target() themselves)
  };
  enum class Stability : std::uint8_t { stable, beta, experimental, deprecated };

  std::string_view name;
  Category category;
  Parameter parameters[4] = {};  ///< up to the first without a name
  bool variadic = false;         ///< any number of positional arguments of any type instead
  bool impure = false;           ///< needs the machine: refused in pure mappings
  bool folds = false;            ///< constant target and arguments give a constant: done once
  bool lazy_target = false;      ///< `call` evaluates the target itself: target is nothing
  Errors errors = Errors::name_target;
  Stability stability = Stability::stable;

  /// Where constant arguments make `folds` depend on them (env with no_cache).
  bool (*folds_with)(const Arguments&) = nullptr;
  Prepared (*prepare)(const Arguments&) = nullptr;
  /// The value, or an error. `target` is what the method is applied to; nothing for functions.
  Value (*call)(Call&, Value target) = nullptr;
  /// How errors name this call, where "method NAME" / "function NAME" is not it; constant
  /// arguments only. `target` is how they name the target.
  std::string (*annotate)(const Arguments&, std::string_view target) = nullptr;

  std::string_view description = {};
  Example examples[6] = {};  ///< up to the first without a mapping

  std::size_t parameter_count() const;
  bool has_query_parameter() const;
};

/// One call in progress: arguments, surroundings and errors. On the stack; do not keep it.
class Call {
 public:
  Call(const Function& function, const Scope& scope, const Arguments& arguments, CallState* state,
       const Node* target, bool is_constant)
      : function_(function),
        scope_(scope),
        arguments_(arguments),
        state_(state),
        target_(target),
        is_constant_(is_constant) {}

  // Arguments, as in Arguments.
  const Arguments& arguments() const { return arguments_; }
  std::size_t size() const { return arguments_.size(); }
  bool has(std::size_t i) const { return arguments_.has(i); }
  Value operator[](std::size_t i) const { return arguments_[i]; }
  std::string_view text(std::size_t i) const { return arguments_.text(i); }
  std::int64_t integer(std::size_t i) const { return arguments_.integer(i); }
  double number(std::size_t i) const { return arguments_.number(i); }
  bool boolean(std::size_t i) const { return arguments_.boolean(i); }

  /// The state that `prepare` made.
  template <typename State>
  State& state() const {
    return static_cast<State&>(*state_);
  }
  bool has_state() const { return state_ != nullptr; }
  /// Whether the arguments are constant: then results may view state() and arguments, which live as
  /// long as the mapping. Else state() goes at the end of the call.
  bool is_constant() const { return is_constant_; }

  // Query arguments.
  bool has_query(std::size_t i) const { return arguments_.query(i) != nullptr; }
  /// In the surroundings of the call.
  Value evaluate(std::size_t i) const { return bloblang::evaluate(*arguments_.query(i), scope_); }
  /// With `context` as `this`. For a loop make a Query once.
  Value evaluate(std::size_t i, const Value& context) const {
    return bloblang::evaluate(*arguments_.query(i), scope_.with(context));
  }

  // Lazy targets.
  Value target() const { return bloblang::evaluate(*target_, scope_); }
  /// The target as of message `index` of the batch.
  Value target_of_message(std::int64_t index) const {
    Scope other = scope_;
    other.index = index;
    return bloblang::evaluate(*target_, other);
  }

  // Surroundings.
  const Scope& scope() const { return scope_; }
  Run& run() const { return *scope_.run; }
  Arena& arena() const { return scope_.run->arena; }
  const Function& function() const { return function_; }

  // Results. Text results must live in arena(), the target, an argument, or be literals.
  Value string(std::string_view copied) const { return Value::string(arena().copy(copied)); }
  Value bytes(std::string_view copied) const { return Value::bytes(arena().copy(copied)); }

  // Errors.
  template <typename... Parts>
  Value error(const Parts&... parts) const {
    return make_error(run(), {std::string_view(parts)...});
  }
  /// "expected EXPECTED value, got …", as when the target is of the wrong kind. Expected are names
  /// such as "string", "array", "number".
  template <typename... Expected>
  Value type_error(Value got, const Expected&... expected) const {
    return bloblang::type_error(run(), got, {std::string_view(expected)...});
  }
  /// PREFIX + the error, still the same error.
  template <typename... Prefix>
  Value prefix(Value error, const Prefix&... prefix) const {
    return prefix_error(run(), {std::string_view(prefix)...}, error);
  }
  /// For entries with Errors::as_given that name the culprit themselves.
  Value name_target(Value error) const { return name_source(run(), error, target_annotation()); }
  Value name_query(std::size_t i, Value error) const {
    return name_source(run(), error, arguments_.query(i)->annotation);
  }
  std::string_view target_annotation() const {
    return target_ ? target_->annotation : std::string_view{};
  }
  /// An error if making `bytes` more would exceed what one text or execution may use, else nothing.
  Value check_size(std::uint64_t bytes) const;

 private:
  const Function& function_;
  const Scope& scope_;
  const Arguments& arguments_;
  CallState* state_;
  const Node* target_;
  bool is_constant_;
};

/// A query argument evaluated many times, each time with another `this`:
///   Query test(call, 0);
///   for (const Value& item : array) { const Value keep = test(item); … }
class Query {
 public:
  Query(const Call& call, std::size_t argument);  // in vm/control.cc
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;

  Value operator()(Value context) {
    if (exhausts(*scope_.run)) [[unlikely]] return exhausted_error(*scope_.run);
    context_.value = context;
    return evaluate(*node_, scope_);
  }

 private:
  const Node* node_;  ///< of a lambda, its body
  Binding context_;   ///< has a name in a lambda
  Scope scope_;
};

}  // namespace tollgate::bloblang
