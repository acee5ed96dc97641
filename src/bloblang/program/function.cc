#include "bloblang/program/function.h"

namespace tollgate::bloblang {

std::string_view category_title(Category category) {
  switch (category) {
    case Category::general: return "General";
    case Category::message_info: return "Message Info";
    case Category::environment: return "Environment";
    case Category::coercion: return "Type Coercion";
    case Category::strings: return "String Manipulation";
    case Category::regexp: return "Regular Expressions";
    case Category::number: return "Number Manipulation";
    case Category::time: return "Timestamp Manipulation";
    case Category::object_array: return "Object & Array Manipulation";
    case Category::parsing: return "Parsing";
    case Category::encoding: return "Encoding";
    case Category::encryption: return "Encoding and Encryption";
    case Category::geoip: return "GeoIP";
    case Category::jwt: return "JSON Web Tokens";
    case Category::sql: return "SQL";
    case Category::fake: return "Fake Data Generation";
    case Category::plugin: return "Plugin";
    case Category::deprecated: return "Deprecated";
    case Category::hidden: return "";
  }
  return "";
}

std::size_t Function::parameter_count() const {
  std::size_t count = 0;
  while (count < std::size(parameters) && !parameters[count].name.empty()) ++count;
  return count;
}

bool Function::has_query_parameter() const {
  for (const Parameter& parameter : parameters) {
    if (parameter.type == Type::query || parameter.type == Type::value_or_query) return true;
  }
  return false;
}

Value Call::check_size(std::uint64_t bytes) const {
  Run& current = run();
  const std::size_t used = current.arena.footprint() - current.memory_at_start;
  if (bytes <= kMaxElements * sizeof(Value) && used + bytes <= kMaxExecutionBytes) {
    return Value::nothing();
  }
  return error("the mapping exceeds its memory limit");
}

}  // namespace tollgate::bloblang
