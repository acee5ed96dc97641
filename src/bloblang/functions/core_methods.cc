// Methods of category General: failures, contexts, maps, other messages.

#include "bloblang/bloblang.h"
#include "bloblang/functions/catalogue.h"
#include "bloblang/program/apply.h"
#include "message/message.h"

namespace tollgate::bloblang {
namespace {

// Failures ----------------------------------------------------------------------------------------

Value catch_error(Call& call, Value) {
  const Value target = call.target();
  return target.is_error() ? call.evaluate(0, Value::string(target.as_text())) : target;
}

Value or_else(Call& call, Value) {
  const Value target = call.target();
  const bool is_missing = target.is_error() || target.is_null() || target.is_marker();
  return is_missing ? call.evaluate(0) : target;
}

// Other messages ----------------------------------------------------------------------------------

Value from(Call& call, Value) { return call.target_of_message(call.integer(0)); }

std::string annotate_from(const Arguments& arguments, std::string_view target) {
  return std::string(target) + " from " + std::to_string(arguments.integer(0));
}

Value from_all(Call& call, Value) {
  const Batch* batch = call.run().batch;
  const std::size_t count = batch ? batch->size() : 0;
  Array* all = make_array(call.arena(), count);
  for (std::size_t i = 0; i < count; ++i) {
    const Value one = call.target_of_message(static_cast<std::int64_t>(i));
    if (one.is_error()) return one;
    all->push(one, call.arena());
  }
  return Value::array(all);
}

// Maps --------------------------------------------------------------------------------------------

Value apply(Call& call, Value target) {
  const MapTable* maps = call.scope().maps;
  if (!maps) return call.error("no maps were found");
  const Body* body = maps->find(call.text(0));
  if (!body) return call.error("map ", call.text(0), " was not found");
  return apply_body(*body, call.scope(), target);
}

std::string annotate_apply(const Arguments& arguments, std::string_view) {
  return "map " + std::string(arguments.text(0));
}

/// A mapping that is a value.
struct InnerMapping final : CallState {
  explicit InnerMapping(Mapping compiled) : mapping(std::move(compiled)) {}
  Mapping mapping;
};

Prepared prepare_bloblang(const Arguments& arguments) {
  auto mapping = Mapping::compile(arguments.text(0), {.pure_only = true});
  if (!mapping) return std::unexpected(mapping.error().text_with_found);
  return std::make_unique<InnerMapping>(std::move(*mapping));
}

/// Mappings that are values, running within one another on this thread.
thread_local int inner_mappings = 0;
constexpr int kMaxInnerMappings = 50;

Value run_bloblang(Call& call, Value target) {
  if (inner_mappings >= kMaxInnerMappings) return call.error("mappings are nested too deeply");
  ++inner_mappings;
  const Value result = call.state<InnerMapping>().mapping.query(target, call.arena());
  --inner_mappings;
  // The inner program goes with a state that is not kept, and with it its constants.
  return call.is_constant() ? result : deep_copy(result, call.arena());
}

// Entries -----------------------------------------------------------------------------------------

Value evaluate_with(Call& call, Value target) { return call.evaluate(0, target); }

/// `not` and `map` are lowered by the compiler; this is what they mean.
Value logical_not(Call& call, Value target) {
  if (!target.is(Kind::boolean)) return call.type_error(target, "bool");
  return Value::boolean(!target.as_boolean());
}

constinit const Function kEntries[] = {
    {.name = "apply",
     .category = Category::general,
     .parameters = {{"mapping", Type::string, "The name of a `map`."}},
     .errors = Function::Errors::as_given,
     .call = apply,
     .annotate = annotate_apply,
     .description = "Runs a map that the mapping declares, with the target as `this`.",
     .examples = {{.mapping = "map person {\n  root.name = this.first + \" \" + this.last\n}\n"
                              "root.user = this.user.apply(\"person\")",
                   .cases = {{R"({"user":{"first":"Ada","last":"Byron"}})",
                              R"({"user":{"name":"Ada Byron"}})"}}}}},
    {.name = "bloblang",
     .category = Category::parsing,
     .parameters = {{"mapping", Type::string, "The text of a mapping."}},
     .errors = Function::Errors::as_given,
     .stability = Function::Stability::beta,
     .prepare = prepare_bloblang,
     .call = run_bloblang,
     .description = "Runs a mapping that is itself a value, with the target as `this`. It cannot "
                    "read messages, files or the environment.",
     .examples = {{.mapping = "root = this.data.bloblang(this.rule)",
                   .cases = {{R"({"data":{"a":1},"rule":"root.b = this.a + 1"})",
                              R"({"b":2})"}}}}},
    {.name = "catch",
     .category = Category::general,
     .parameters = {{"fallback", Type::value_or_query,
                     "The value instead; `this` is the text of the error."}},
     .lazy_target = true,
     .errors = Function::Errors::as_given,
     .call = catch_error,
     .description = "The target, or if it fails the fallback.",
     .examples = {{.mapping = "root.n = this.n.number().catch(0)",
                   .cases = {{R"({"n":"7"})", R"({"n":7})"}, {R"({"n":"x"})", R"({"n":0})"}}},
                  {.mapping = "root = this.n.number().catch(reason -> {\"failed\": reason})",
                   .cases = {{R"({"n":null})", R"({"failed":"expected number value, got null from field `this.n`"})"}}}}},
    {.name = "or",
     .category = Category::general,
     .parameters = {{"fallback", Type::value_or_query, "The value instead."}},
     .lazy_target = true,
     .errors = Function::Errors::as_given,
     .call = or_else,
     .description = "The target, or if it fails or is null the fallback.",
     .examples = {{.mapping = "root.name = this.name.or(\"nobody\")",
                   .cases = {{R"({"name":"ada"})", R"({"name":"ada"})"},
                             {"{}", R"({"name":"nobody"})"}}}}},
    {.name = "from",
     .category = Category::general,
     .parameters = {{"index", Type::integer,
                     "Which message of the batch; negative counts from the end."}},
     .lazy_target = true,
     .errors = Function::Errors::as_given,
     .call = from,
     .annotate = annotate_from,
     .description = "The target as another message of the batch gives it: content(), json(), "
                    "metadata() and the error functions read that one.",
     .examples = {{.mapping = "root.first = json(\"a\").from(0)",
                   .cases = {{R"({"a":1})", R"({"first":1})"}}}}},
    {.name = "from_all",
     .category = Category::general,
     .lazy_target = true,
     .errors = Function::Errors::as_given,
     .call = from_all,
     .description = "The target as each message of the batch gives it, as an array.",
     .examples = {{.mapping = "root.all = json(\"a\").from_all()",
                   .cases = {{R"({"a":1})", R"({"all":[1]})"}}}}},
    {.name = "map",
     .category = Category::general,
     .parameters = {{"query", Type::query, "What to evaluate."}},
     .errors = Function::Errors::as_given,
     .call = evaluate_with,
     .description = "Evaluates a query with the target as `this`, as `target.(query)`.",
     .examples = {{.mapping = "root.sum = this.pair.map(this.a + this.b)",
                   .cases = {{R"({"pair":{"a":1,"b":2}})", R"({"sum":3})"}}}}},
    {.name = "not",
     .category = Category::general,
     .call = logical_not,
     .description = "True if the target is false, and the other way round.",
     .examples = {{.mapping = "root.open = this.closed.not()",
                   .cases = {{R"({"closed":false})", R"({"open":true})"}}}}},
};

}  // namespace

constinit const std::span<const Function> kCoreMethods = kEntries;

}  // namespace tollgate::bloblang
