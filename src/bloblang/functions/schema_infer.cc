// infer_schema: what a value looks like, as a schema with fingerprints.

#include <openssl/evp.h>

#include "bloblang/functions/catalogue.h"
#include "value/encoding.h"
#include "value/number.h"

namespace tollgate::bloblang {
namespace {

constexpr std::size_t kMaxDepth = 10'000;  // of a JSON document

/// What the fingerprint calls a type, and its name.
struct TypeName {
  int number;
  std::string_view name;
};
constexpr TypeName kBoolean{1, "BOOLEAN"}, kInt64{3, "INT64"}, kFloat64{5, "FLOAT64"},
    kString{6, "STRING"}, kBytes{7, "BYTE_ARRAY"}, kObject{8, "OBJECT"}, kArray{10, "ARRAY"},
    kNull{11, "NULL"}, kTimestamp{13, "TIMESTAMP"};

/// One schema: the value for the mapping, and the text that its fingerprint is the digest of.
struct Schema {
  TypeName type;
  Value value;
  std::string identity;
};

class Inference {
 public:
  explicit Inference(Call& call) : call_(call), arena_(call.arena()) {}

  /// The path of a failure comes before its words: ".a.0 mismatched …".
  std::expected<Schema, std::string> infer(std::string_view name, Value value, std::size_t depth) {
    if (depth > kMaxDepth) return std::unexpected(" nested too deeply");
    switch (value.kind()) {
      case Kind::boolean: return leaf(name, kBoolean);
      case Kind::int64: return leaf(name, kInt64);
      case Kind::float64: return leaf(name, kFloat64);
      case Kind::string: return leaf(name, kString);
      case Kind::bytes: return leaf(name, kBytes);
      case Kind::timestamp: return leaf(name, kTimestamp);
      case Kind::null: return leaf(name, kNull);
      case Kind::number_text: return number(name, value.as_text());
      case Kind::array: return array(name, value.as_array(), depth);
      case Kind::object: return object(name, value.as_object(), depth);
      default: return std::unexpected(" unsupported data type: " + std::string(go_type(value)));
    }
  }

 private:
  Schema leaf(std::string_view name, TypeName type) { return make(name, type, {}); }

  std::expected<Schema, std::string> number(std::string_view name, std::string_view text) {
    if (parse_int(text)) return leaf(name, kInt64);
    if (scan_float(text).fault == NumberFault::none) return leaf(name, kFloat64);
    std::string quoted;
    append_go_quoted(quoted, text);
    return std::unexpected(" json.Number value " + quoted + " is not parseable as int64 or float64");
  }

  std::expected<Schema, std::string> array(std::string_view name, const Array& array,
                                           std::size_t depth) {
    std::vector<Schema> children;
    for (std::uint32_t i = 0; i < array.size; ++i) {
      const std::string place = "." + std::to_string(i);
      auto child = infer({}, array.items[i], depth + 1);
      if (!child) return std::unexpected(place + child.error());
      if (i == 0) {
        children.push_back(std::move(*child));
      } else if (child->type.number != children[0].type.number) {
        return std::unexpected(place + " mismatched array types, found " +
                               std::string(children[0].type.name) + " and " +
                               std::string(child->type.name));
      }
    }
    return make(name, kArray, children);
  }

  std::expected<Schema, std::string> object(std::string_view name, Object& object,
                                            std::size_t depth) {
    std::vector<Schema> children;
    for (const auto& [key, member] : object.members(arena_)) {
      auto child = infer(key, member, depth + 1);
      if (!child) return std::unexpected("." + std::string(key) + child.error());
      children.push_back(std::move(*child));
    }
    return make(name, kObject, children);
  }

  Schema make(std::string_view name, TypeName type, std::span<const Schema> children) {
    std::string identity = "T:" + std::to_string(type.number) + "|N:" + std::string(name) +
                           "|O:0|C:" + std::to_string(children.size()) + "|";
    for (std::size_t i = 0; i < children.size(); ++i) {
      identity += "[" + std::to_string(i) + ":" + children[i].identity + "]";
    }
    Object* const schema = make_object(arena_, 4);
    if (!children.empty()) {
      Array* const all = make_array(arena_, children.size());
      for (const Schema& child : children) all->items[all->size++] = child.value;
      schema->set("children", Value::array(all), arena_);
    }
    schema->set("fingerprint", fingerprint(identity), arena_);
    if (!name.empty()) schema->set("name", Value::string(name), arena_);
    schema->set("type", Value::string(type.name), arena_);
    return {type, Value::object(schema), std::move(identity)};
  }

  Value fingerprint(std::string_view identity) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    if (!EVP_Digest(identity.data(), identity.size(), digest, &size, EVP_sha256(), nullptr)) {
      return Value::null();
    }
    std::string text;
    append_hex(text, {reinterpret_cast<const char*>(digest), size});
    return call_.string(text);
  }

  Call& call_;
  Arena& arena_;
};

Value infer_schema(Call& call, Value target) {
  const auto schema = Inference(call).infer({}, target, 0);
  return schema ? schema->value : call.error(schema.error());
}

constinit const Function kEntries[] = {
    {.name = "infer_schema",
     .category = Category::parsing,
     .errors = Function::Errors::as_given,
     .call = infer_schema,
     .description = "The schema that a value has: its type, for objects those of the members, for "
                    "arrays that of the elements, which must be of one type. A fingerprint tells "
                    "schemas apart.",
     .examples = {{.mapping = "root.types = this.infer_schema().children.map_each(field -> "
                              "\"%s %s\".format(field.name, field.type))",
                   .cases = {{R"({"id":7,"name":"ada","tags":["x"]})",
                              R"({"types":["id INT64","name STRING","tags ARRAY"]})"}}}}},
};

}  // namespace

constinit const std::span<const Function> kSchemaInferenceMethods = kEntries;

}  // namespace tollgate::bloblang
