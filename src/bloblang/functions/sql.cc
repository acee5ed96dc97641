// vector: numbers for columns of databases that hold embeddings.

#include "bloblang/functions/catalogue.h"
#include "value/number.h"

namespace tollgate::bloblang {
namespace {

/// As in the incumbent, a mapping sees nothing of what is in a vector: as a document it is `{}`.
Value vector(Call& call, Value target) {
  if (!target.is(Kind::array)) return call.type_error(target, "array");
  const Array& numbers = target.as_array();
  for (std::uint32_t i = 0; i < numbers.size; ++i) {
    const Value item = numbers.items[i];
    const auto place = "could not convert value at index " + std::to_string(i) + " to float32: ";
    if (!item.is_number()) return call.prefix(call.type_error(item, "number"), place);
    if (!item.is(Kind::number_text)) continue;
    const auto parsed = scan_float(item.as_text());
    if (parsed.fault != NumberFault::none) {
      return call.error(place, number_error("ParseFloat", item.as_text(), parsed.fault));
    }
  }
  return Value::opaque(call.arena().make<Value>(Value::object(make_object(call.arena()))));
}

constinit const Function kEntries[] = {
    {.name = "vector",
     .category = Category::sql,
     .errors = Function::Errors::as_given,
     .call = vector,
     .description = "An array of numbers as a vector for databases. No component here takes one; "
                    "in a document it is an empty object.",
     .examples = {{.mapping = "root.embedding = this.n.vector()",
                   .cases = {{R"({"n":[0.5,1]})", R"({"embedding":{}})"}}}}},
};

}  // namespace

constinit const std::span<const Function> kSqlMethods = kEntries;

}  // namespace tollgate::bloblang
