// Methods that take texts as well as arrays: contains, length, slice, index, join; and format.

#include "bloblang/functions/catalogue.h"
#include "bloblang/functions/printf.h"
#include "bloblang/functions/text_builder.h"
#include "value/compare.h"
#include "value/empty_literal.h"
#include "value/number.h"

namespace tollgate::bloblang {
namespace {

Value contains(Call& call, Value target) {
  Arena& arena = call.arena();
  if (target.is_text()) return Value::boolean(target.as_text().contains(to_text(call[0], arena)));
  if (target.is(Kind::array)) {
    for (const Value& item : target.as_array()) {
      if (values_equal(call[0], item, arena)) return Value::boolean(true);
    }
    return Value::boolean(false);
  }
  if (!target.is(Kind::object)) return call.type_error(target, "string", "array", "object");
  for (const auto& [key, item] : target.as_object().members(arena)) {
    if (values_equal(call[0], item, arena)) return Value::boolean(true);
  }
  return Value::boolean(false);
}

Value length(Call& call, Value target) {
  std::size_t size = 0;
  switch (target.kind()) {
    case Kind::string:
    case Kind::bytes: size = target.as_text().size(); break;
    case Kind::array: size = target.as_array().size; break;
    case Kind::object: size = target.as_object().members(call.arena()).size(); break;
    default: return call.type_error(target, "string", "array", "object");
  }
  return Value::int64(static_cast<std::int64_t>(size));
}

// Slices ------------------------------------------------------------------------------------------

Prepared prepare_slice(const Arguments& arguments) {
  if (!arguments.has(1)) return nullptr;
  const auto low = arguments.integer(0), high = arguments.integer(1);
  if (high <= 0 || low < high) return nullptr;
  return std::unexpected("lower slice bound " + std::to_string(low) +
                         " must be lower than upper (" + std::to_string(high) + ")");
}

struct Bounds {
  std::int64_t low, high;
};

Bounds slice_bounds(Call& call, std::int64_t length) {
  Bounds bounds{call.integer(0), length};
  if (call.has(1)) bounds.high = call.integer(1) < 0 ? length + call.integer(1) : call.integer(1);
  bounds.high = std::clamp<std::int64_t>(bounds.high, 0, length);
  if (bounds.low < 0) bounds.low = std::max<std::int64_t>(length + bounds.low, 0);
  return bounds;
}

Value slice(Call& call, Value target) {
  const bool is_array = target.is(Kind::array);
  if (!is_array && !target.is_text()) return call.type_error(target, "array", "string");
  const auto length =
      static_cast<std::int64_t>(is_array ? target.as_array().size : target.as_text().size());
  const auto [low, high] = slice_bounds(call, length);
  if (low > high) {
    return call.error("lower slice bound ", std::to_string(low),
                      " must be lower than or equal to upper bound (", std::to_string(high),
                      ") and target length (", std::to_string(length), ")");
  }
  const auto from = static_cast<std::size_t>(low), size = static_cast<std::size_t>(high - low);
  if (!is_array) return same_kind(target, target.as_text().substr(from, size));
  const auto count = static_cast<std::uint32_t>(size);
  if (is_empty_literal(target.as_array())) return target;
  return Value::array(call.arena().make<Array>(target.as_array().items + from, count, count));
}

Value index(Call& call, Value target) {
  const bool is_array = target.is(Kind::array);
  if (!is_array && !target.is(Kind::bytes)) return call.type_error(target, "array");
  const auto size =
      static_cast<std::int64_t>(is_array ? target.as_array().size : target.as_text().size());
  std::int64_t at = call.integer(0);
  if (at < 0) at += size;
  if (at < 0 || at >= size) {
    return call.error("index '", std::to_string(at), "' was out of bounds for array size: ",
                      std::to_string(size));
  }
  if (is_array) return target.as_array().items[at];
  return Value::int64(static_cast<unsigned char>(target.as_text()[static_cast<std::size_t>(at)]));
}

Value join(Call& call, Value target) {
  if (!target.is(Kind::array)) return call.type_error(target, "array");
  const std::string_view delimiter = call.has(0) ? call.text(0) : std::string_view{};
  const Array& array = target.as_array();
  std::size_t size = array.size ? delimiter.size() * (array.size - 1) : 0;
  for (std::uint32_t i = 0; i < array.size; ++i) {
    if (!array.items[i].is_text()) {
      return call.prefix(call.type_error(array.items[i], "string"), "failed to join element ",
                         std::to_string(i), ": ");
    }
    size += array.items[i].as_text().size();
  }
  if (const Value refusal = call.check_size(size); refusal.is_error()) return refusal;
  TextBuilder out(call.arena(), size);
  for (std::uint32_t i = 0; i < array.size; ++i) {
    if (i > 0) out.append(delimiter);
    out.append(array.items[i].as_text());
  }
  return Value::string(out.view());
}

/// What most templates are: plain %s, %v and %d of texts and integers, as many as there are values.
/// Nothing, and nothing said, of any other.
std::optional<std::string_view> format_plainly(Call& call, std::string_view text) {
  TextBuilder out(call.arena(), text.size() + 24 * call.size() + 16);
  const char* literal = text.data();
  const char* const end = literal + text.size();
  std::size_t next = 0;
  for (const char* at = literal; at != end; ++at) {
    if (*at != '%') continue;
    if (at + 1 == end || next == call.size() || out.size() > kMaxBytes) return std::nullopt;
    out.append({literal, static_cast<std::size_t>(at - literal)});
    const char verb = *++at;
    const Value value = call[next++];
    literal = at + 1;
    const bool is_text = value.is(Kind::string) || value.is(Kind::number_text);
    if (is_text && (verb == 's' || verb == 'v')) {
      out.append(value.as_text());
    } else if (value.is(Kind::int64) && (verb == 'd' || verb == 'v')) {
      char* const to = out.reserve(number_width);
      out.add_written(static_cast<std::size_t>(write_int(to, value.as_int64()) - to));
    } else {
      return std::nullopt;
    }
  }
  out.append({literal, static_cast<std::size_t>(end - literal)});
  if (next < call.size() || out.size() > kMaxBytes) return std::nullopt;
  return out.finished();
}

Value format(Call& call, Value target) {
  const auto text = as_string(target, call.arena());
  if (!text) return call.type_error(target, "string");
  if (const auto plain = format_plainly(call, *text)) return Value::string(*plain);
  Value* values = call.arena().allocate_array<Value>(call.size());
  for (std::size_t i = 0; i < call.size(); ++i) values[i] = call[i];
  thread_local std::string out;  // what it grew to serves the next call
  out.clear();
  append_printf(out, *text, {values, call.size()}, call.arena(), kMaxBytes);
  if (out.size() > kMaxBytes) {
    out = {};
    return call.error("the result exceeds the limit of ", std::to_string(kMaxBytes), " bytes");
  }
  const Value result = call.string(out);
  if (constexpr std::size_t most_kept = 1 << 16; out.capacity() > most_kept) out = {};
  return result;
}

// Entries -----------------------------------------------------------------------------------------

constinit const Function kEntries[] = {
    {.name = "contains",
     .category = Category::object_array,
     .parameters = {{"value", Type::any, "What to look for."}},
     .call = contains,
     .description = "Whether an array or object has an element, or a text a part, equal to the "
                    "argument.",
     .examples = {{.mapping = "root.ok = this.roles.contains(\"admin\")",
                   .cases = {{R"({"roles":["user","admin"]})", R"({"ok":true})"},
                             {R"({"roles":"admins"})", R"({"ok":true})"},
                             {R"({"roles":{"a":"x"}})", R"({"ok":false})"}}}}},
    {.name = "length",
     .category = Category::object_array,
     .call = length,
     .description = "The number of bytes of a text, elements of an array or keys of an object.",
     .examples = {{.mapping = "root.n = this.v.length()",
                   .cases = {{R"({"v":"abc"})", R"({"n":3})"},
                             {R"({"v":[1,2]})", R"({"n":2})"},
                             {R"({"v":{"a":1}})", R"({"n":1})"}}}}},
    {.name = "slice",
     .category = Category::object_array,
     .parameters = {{"low", Type::integer,
                     "Where it starts; a negative number counts from the end."},
                    {"high", Type::integer,
                     "Where it ends, not included; a negative number counts from "
                                    "the end.", Need::optional}},
     .prepare = prepare_slice,
     .call = slice,
     .description = "A part of a text or an array. Texts are counted in bytes.",
     .examples = {{.mapping = "root.start = this.v.slice(0, 2)\nroot.end = this.v.slice(-2)",
                   .cases = {{R"({"v":"abcdef"})", R"({"end":"ef","start":"ab"})"},
                             {R"({"v":[1,2,3]})", R"({"end":[2,3],"start":[1,2]})"}}}}},
    {.name = "index",
     .category = Category::object_array,
     .parameters = {{"index", Type::integer,
                     "Which element, from 0; a negative number counts from the "
                                    "end."}},
     .call = index,
     .description = "One element of an array, or one byte of bytes.",
     .examples = {{.mapping = "root.last = this.v.index(-1)",
                   .cases = {{R"({"v":["a","b"]})", R"({"last":"b"})"},
                             {R"({"v":[]})", "",
                              "failed assignment (line 1): field `this.v`: index '-1' was out of "
                              "bounds for array size: 0"}}}}},
    {.name = "join",
     .category = Category::object_array,
     .parameters = {{"delimiter", Type::string,
                     "What to put between the elements.", Need::optional}},
     .call = join,
     .description = "The strings of an array as one.",
     .examples = {{.mapping = "root.csv = this.v.join(\",\")",
                   .cases = {{R"({"v":["a","b","c"]})", R"({"csv":"a,b,c"})"},
                             {R"({"v":["a",1]})", "",
                              "failed assignment (line 1): field `this.v`: failed to join element "
                              "1: expected string value, got number (1)"}}}}},
    {.name = "format",
     .category = Category::strings,
     .variadic = true,
     .call = format,
     .description = "The text as a template with % verbs, filled in with the arguments. Numbers of "
                    "a document are texts to it: convert them for %d and %f.",
     .examples = {{.mapping = "root.line = \"%s (%d) %.2f\".format(this.name, this.age.int64(), "
                              "this.score.number())",
                   .cases = {{R"({"name":"ada","age":36,"score":1.5})",
                              R"({"line":"ada (36) 1.50"})"}}}}},
};

}  // namespace

constinit const std::span<const Function> kSequenceMethods = kEntries;

}  // namespace tollgate::bloblang
