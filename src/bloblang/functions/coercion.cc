// Methods of category Type Coercion.

#include "bloblang/functions/catalogue.h"
#include "value/number.h"

namespace tollgate::bloblang {
namespace {

// With a default that stands in for failures of the target as well ------------------------------

/// The target as `convert` makes it, or the default, or the error.
template <typename Convert>
Value coerce(Call& call, Convert convert) {
  const Value target = call.target();
  const Value result = target.is_error() ? target : convert(target);
  if (!result.is_error()) return result;
  if (call.has(0)) return call[0];
  return target.is_error() ? target : call.name_target(result);
}

/// What Go's strconv.ParseBool takes.
std::optional<bool> parse_boolean(std::string_view text) {
  for (const std::string_view yes : {"1", "t", "T", "TRUE", "true", "True"}) {
    if (text == yes) return true;
  }
  for (const std::string_view no : {"0", "f", "F", "FALSE", "false", "False"}) {
    if (text == no) return false;
  }
  return std::nullopt;
}

Value to_bool(Call& call, Value) {
  return coerce(call, [&](Value target) {
    const auto truth = target.is_text() ? parse_boolean(target.as_text()) : as_condition(target);
    return truth ? Value::boolean(*truth) : call.type_error(target, "bool");
  });
}

Value to_number(Call& call, Value) {
  return coerce(call, [&](Value target) {
    if (!target.is_text() && !target.is(Kind::number_text)) {
      const auto number = as_number(target);
      return number ? Value::float64(*number) : call.type_error(target, "number");
    }
    const auto parsed = scan_float(target.as_text());
    if (parsed.fault == NumberFault::none) return Value::float64(parsed.value);
    return call.error(number_error("ParseFloat", target.as_text(), parsed.fault));
  });
}

Value to_timestamp(Call& call, Value) {
  return coerce(call, [&](Value target) { return timestamp_of(call.run(), target); });
}

// The others --------------------------------------------------------------------------------------

Value to_array(Call& call, Value target) {
  if (target.is(Kind::array)) return target;
  Array* array = make_array(call.arena(), 1);
  array->push(target, call.arena());
  return Value::array(array);
}

Value to_byte_text(Call& call, Value target) {
  return Value::bytes(to_text(target, call.arena()));
}

Value to_string(Call& call, Value target) { return Value::string(to_text(target, call.arena())); }

Value not_null(Call& call, Value target) {
  return target.is_null() ? call.error("value is null") : target;
}

Value not_empty(Call& call, Value target) {
  switch (target.kind()) {
    case Kind::string:
      return target.as_text().empty() ? call.error("string value is empty") : target;
    case Kind::array:
      return target.as_array().size == 0 ? call.error("array value is empty") : target;
    case Kind::object:
      return target.as_object().members(call.arena()).empty()
                 ? call.error("object value is empty")
                 : target;
    default: return call.type_error(target, "string", "array", "object");
  }
}

Value type(Call&, Value target) { return Value::string(kind_name(target.kind())); }

// Entries -----------------------------------------------------------------------------------------

constinit const Function kEntries[] = {
    {.name = "array",
     .category = Category::coercion,
     .call = to_array,
     .description = "An array with the target as its one element; an array is left as it is.",
     .examples = {{.mapping = "root.tags = this.tags.array()",
                   .cases = {{R"({"tags":"a"})", R"({"tags":["a"]})"},
                             {R"({"tags":["a","b"]})", R"({"tags":["a","b"]})"}}}}},
    {.name = "bool",
     .category = Category::coercion,
     .parameters = {{"default", Type::boolean, "The value instead of a failure.", Need::optional}},
     .lazy_target = true,
     .errors = Function::Errors::as_given,
     .call = to_bool,
     .description = "The target as a boolean: numbers are true unless they are zero; of texts 1, t, "
                    "T, TRUE, true, True and 0, f, F, FALSE, false, False are understood.",
     .examples = {{.mapping = "root.on = this.on.bool(false)",
                   .cases = {{R"({"on":"true"})", R"({"on":true})"},
                             {R"({"on":"maybe"})", R"({"on":false})"}}}}},
    {.name = "bytes",
     .category = Category::coercion,
     .call = to_byte_text,
     .description = "The target as bytes; structures become JSON.",
     .examples = {{.mapping = "root.kind = this.text.bytes().type()",
                   .cases = {{R"({"text":"x"})", R"({"kind":"bytes"})"}}}}},
    {.name = "not_empty",
     .category = Category::coercion,
     .call = not_empty,
     .description = "The target, or an error if it is an empty string, array or object.",
     .examples = {{.mapping = "root.name = this.name.not_empty()",
                   .cases = {{R"({"name":"ada"})", R"({"name":"ada"})"},
                             {R"({"name":""})", "",
                              "failed assignment (line 1): field `this.name`: string value is "
                              "empty"}}}}},
    {.name = "not_null",
     .category = Category::coercion,
     .call = not_null,
     .description = "The target, or an error if it is null.",
     .examples = {{.mapping = "root.name = this.name.not_null()",
                   .cases = {{R"({"name":"ada"})", R"({"name":"ada"})"},
                             {"{}", "",
                              "failed assignment (line 1): field `this.name`: value is null"}}}}},
    {.name = "number",
     .category = Category::coercion,
     .parameters = {{"default", Type::number, "The value instead of a failure.", Need::optional}},
     .lazy_target = true,
     .errors = Function::Errors::as_given,
     .call = to_number,
     .description = "The target as a floating-point number, read of text if need be.",
     .examples = {{.mapping = "root.n = this.n.number() + 1",
                   .cases = {{R"({"n":"2.5"})", R"({"n":3.5})"}}}}},
    {.name = "string",
     .category = Category::coercion,
     .call = to_string,
     .description = "The target as text; structures become JSON.",
     .examples = {{.mapping = "root.id = this.id.string()",
                   .cases = {{R"({"id":228930314431312345})", R"({"id":"228930314431312345"})"},
                             {R"({"id":{"a":1}})", R"({"id":"{\"a\":1}"})"}}}}},
    {.name = "timestamp",
     .category = Category::coercion,
     .parameters = {{"default", Type::timestamp, "The value instead of a failure.",
                     Need::optional}},
     .lazy_target = true,
     .errors = Function::Errors::as_given,
     .call = to_timestamp,
     .description = "The target as a timestamp: RFC 3339 text, or seconds since 1970.",
     .examples = {{.mapping = "root.at = this.at.timestamp()",
                   .cases = {{R"({"at":"2024-03-01T10:00:00.5Z"})",
                              R"({"at":"2024-03-01T10:00:00.5Z"})"}}}}},
    {.name = "type",
     .category = Category::coercion,
     .call = type,
     .description = "The name of the target's type: string, bytes, number, bool, timestamp, array, "
                    "object or null.",
     .examples = {{.mapping = "root = this.map_each(item -> item.value.type())",
                   .cases = {{R"({"a":1,"b":"x","c":null})",
                              R"({"a":"number","b":"string","c":"null"})"}}}}},
};

}  // namespace

constinit const std::span<const Function> kCoercionMethods = kEntries;

}  // namespace tollgate::bloblang
