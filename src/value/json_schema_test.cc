#include "value/json_schema.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "value/json.h"

namespace tollgate {
namespace {

std::string complaints(const JsonSchema& schema, std::string_view document) {
  Arena arena;
  const Value value = parse_json(document, arena);
  EXPECT_FALSE(value.is_error()) << document;
  return describe(schema.validate(value, arena));
}

std::string complaints(std::string_view schema, std::string_view document) {
  const auto compiled = JsonSchema::compile(schema);
  if (!compiled) return "does not compile: " + std::string(compiled.error().message());
  return complaints(*compiled, document);
}

struct Case {
  std::string_view schema;
  std::string_view document;
  std::string_view complaints;
};

class JsonSchemaCases : public testing::TestWithParam<Case> {};

TEST_P(JsonSchemaCases, Validates) {
  EXPECT_EQ(complaints(GetParam().schema, GetParam().document), GetParam().complaints)
      << GetParam().schema << " on " << GetParam().document;
}

INSTANTIATE_TEST_SUITE_P(Types, JsonSchemaCases, testing::ValuesIn(std::vector<Case>{
    {R"({"type":"object"})", R"({})", ""},
    {R"({"type":"object"})", R"(5)", "(root) invalid type. expected: object, given: integer"},
    {R"({"type":"object"})", R"(5.5)", "(root) invalid type. expected: object, given: number"},
    {R"({"type":"object"})", R"(null)", "(root) invalid type. expected: object, given: null"},
    {R"({"type":"integer"})", R"(1.0)", ""},
    {R"({"type":"integer"})", R"(1e2)", ""},
    {R"({"type":"integer"})", R"(1.5)", "(root) invalid type. expected: integer, given: number"},
    {R"({"type":"number"})", R"(7)", ""},
    {R"({"type":["integer","null"]})", R"("x")",
     "(root) invalid type. expected: [integer,null], given: string"},
    {R"(true)", R"(5)", ""},
    {R"(false)", R"(5)", "(root) false always fails validation"},
}));

INSTANTIATE_TEST_SUITE_P(Objects, JsonSchemaCases, testing::ValuesIn(std::vector<Case>{
    {R"({"required":["foo","Baz"]})", R"({})", "(root) foo is required\n(root) Baz is required"},
    {R"({"properties":{"a":{"properties":{"b":{"type":"string"}}}}})", R"({"a":{"b":5}})",
     "a.b invalid type. expected: string, given: integer"},
    {R"({"properties":{"a":{}},"additionalProperties":false})", R"({"a":1,"Foo":2})",
     "(root) additional property Foo is not allowed"},
    {R"({"additionalProperties":{"type":"string"}})", R"({"a":1})",
     "a invalid type. expected: string, given: integer"},
    {R"({"patternProperties":{"^x":{"type":"string"}},"additionalProperties":false})",
     R"({"xa":1,"b":1})",
     "(root) additional property b is not allowed\n"
     "xa invalid type. expected: string, given: integer"},
    {R"({"minProperties":2})", R"({"a":1})", "(root) must have at least 2 properties"},
    {R"({"maxProperties":1})", R"({"a":1,"b":2})", "(root) must have at most 1 properties"},
    {R"({"propertyNames":{"maxLength":2}})", R"({"Abc":1})",
     "(root) property name of \"Abc\" does not match\n"
     "(root) string length must be less than or equal to 2"},
    {R"({"dependencies":{"a":["b"]}})", R"({"a":1})", "(root) has a dependency on b"},
    {R"({"dependencies":{"a":{"required":["c"]}}})", R"({"a":1})", "(root) c is required"},
}));

INSTANTIATE_TEST_SUITE_P(Numbers, JsonSchemaCases, testing::ValuesIn(std::vector<Case>{
    {R"({"maximum":1234567890.5})", R"(12345678901)",
     "(root) must be less than or equal to 1.2345678905e+09"},
    {R"({"minimum":0.1})", R"(0.05)", "(root) must be greater than or equal to 0.1"},
    {R"({"exclusiveMinimum":100})", R"(100)", "(root) must be greater than 100"},
    {R"({"minimum":1,"exclusiveMinimum":true})", R"(1)", "(root) must be greater than 1"},
    {R"({"exclusiveMaximum":3})", R"(3)", "(root) must be less than 3"},
    {R"({"multipleOf":0.01})", R"(19.99)", ""},
    {R"({"multipleOf":0.01})", R"(19.999)", "(root) must be a multiple of 0.01"},
    {R"({"multipleOf":3})", R"(1e400)", "(root) must be a multiple of 3"},
    {R"({"multipleOf":10})", R"(5)", "(root) must be a multiple of 10"},
    {R"({"maximum":9007199254740993})", R"(9007199254740994)",
     "(root) must be less than or equal to 9.007199254740993e+15"},
}));

INSTANTIATE_TEST_SUITE_P(Others, JsonSchemaCases, testing::ValuesIn(std::vector<Case>{
    {R"({"minLength":3})", R"("äé")", "(root) string length must be greater than or equal to 3"},
    {R"({"pattern":"^a+$"})", R"("b")", "(root) does not match pattern '^a+$'"},
    {R"({"properties":{"e":{"enum":["a",1.0,"<b>"]}}})", R"({"e":"z"})",
     "e e must be one of the following: \"a\", 1, \"\\u003cb\\u003e\""},
    {R"({"enum":[1]})", R"(1.0)", ""},
    {R"({"const":{"a":1}})", R"({"a":2})", "(root) (root) does not match: {\"a\":1}"},
    {R"({"items":{"type":"string"}})", R"(["a",2])",
     "1 invalid type. expected: string, given: integer"},
    {R"({"items":[{}],"additionalItems":false})", R"([1,2])",
     "(root) no additional items allowed on array"},
    {R"({"minItems":2})", R"([1])", "(root) array must have at least 2 items"},
    {R"({"uniqueItems":true})", R"([1,2,1.0])", "(root) array items[0,2] must be unique"},
    {R"({"contains":{"type":"string"}})", R"([1])",
     "(root) at least one of the items must match\n"
     "0 invalid type. expected: string, given: integer"},
    {R"({"anyOf":[{"type":"string"},{"type":"object","required":["a"]}]})", R"({})",
     "(root) must validate at least one schema (anyof)\n(root) a is required"},
    {R"({"oneOf":[{"minimum":1},{"minimum":2}]})", R"(3)",
     "(root) must validate one and only one schema (oneof)"},
    {R"({"allOf":[{"minimum":5}]})", R"(3)",
     "(root) must be greater than or equal to 5\n(root) must validate all the schemas (allof)"},
    {R"({"not":{"type":"string"}})", R"("x")", "(root) must not validate the schema (not)"},
    {R"({"if":{"type":"string"},"then":{"minLength":2},"else":{"minimum":3}})", R"(1)",
     "(root) must validate \"else\" as \"if\" was not valid\n"
     "(root) must be greater than or equal to 3"},
}));

INSTANTIATE_TEST_SUITE_P(References, JsonSchemaCases, testing::ValuesIn(std::vector<Case>{
    {R"({"definitions":{"s":{"type":"string"}},"properties":{"a":{"$ref":"#/definitions/s"}}})",
     R"({"a":1})", "a invalid type. expected: string, given: integer"},
    {R"({"properties":{"next":{"$ref":"#"},"n":{"type":"integer"}}})",
     R"({"next":{"next":{"n":"x"}}})",
     "next.next.n invalid type. expected: integer, given: string"},
    {R"({"definitions":{"s":{"$id":"#str","type":"string"}},"items":{"$ref":"#str"}})", R"([1])",
     "0 invalid type. expected: string, given: integer"},
    {R"({"$ref":"#"})", "1",
     "(root) the document needs more nesting or work than this schema may take"},
}));

struct Broken {
  std::string_view schema;
  std::string_view error;
};

class BrokenSchemas : public testing::TestWithParam<Broken> {};

TEST_P(BrokenSchemas, DoNotCompile) {
  const auto compiled = JsonSchema::compile(GetParam().schema);
  ASSERT_FALSE(compiled) << GetParam().schema;
  EXPECT_EQ(compiled.error().message(), GetParam().error);
}

INSTANTIATE_TEST_SUITE_P(All, BrokenSchemas, testing::ValuesIn(std::vector<Broken>{
    {"{", "unexpected EOF"},
    {"[]", "schema is invalid"},
    {R"({"type":"foo"})",
     "has a primitive type that is NOT VALID -- given: /foo/ Expected valid values are:[array "
     "boolean integer number null object string]"},
    {R"({"type":5})", "Invalid type. Expected: string/array of strings, given: type"},
    {R"({"type":["string","string"]})", "string type is duplicated"},
    {R"({"$ref":"other.json"})", "Reference /other.json must be canonical"},
    {R"({"$ref":"#/definitions/x"})", "Object has no key 'definitions'"},
    {R"({"$ref":5})", "Invalid type. Expected: string, given: $ref"},
    {R"({"pattern":"("})", "pattern must be a valid regex"},
    {R"({"minLength":-1})", "minLength must be greater than or equal to 0"},
    {R"({"minLength":1.5})", "minLength must be of an integer"},
    {R"({"minLength":5,"maxLength":2})", "minLength cannot be greater than maxLength"},
    {R"({"required":["a","a"]})", "required items must be unique"},
    {R"({"multipleOf":0})", "multipleOf must be strictly greater than 0"},
    {R"({"minimum":"x"})", "minimum must be of a number"},
    {R"({"items":5})", "Invalid type. Expected: valid schema/array of schemas, given: items"},
    {R"({"properties":5})", "properties must be of type object"},
    {R"({"properties":{"a":5}})", "Expected: valid schema, given: Invalid JSON"},
    {R"({"enum":5})", "enum must be of an array"},
    {R"({"not":5})", "not must be of an object"},
    {R"({"definitions":5})", "Invalid type. Expected: array of schemas, given: definitions"},
    {R"({"dependencies":{"a":5}})", "dependency must be of type schema or array of strings"},
    {R"({"$schema":5})", "$schema must be of type string"},
    {R"({"$schema":"http://json-schema.org/draft-04/schema#","exclusiveMinimum":true})",
     "exclusiveMinimum cannot be used without minimum"},
    {R"({"$ref":"file:///nonexistent.json"})",
     "open /nonexistent.json: no such file or directory"},
    {R"({"$ref":"http://example.com/x"})",
     "the schema refers to http://example.com/x, but schemas are not fetched over the network; "
     "save it to a file and refer to that with file://"},
}));

struct FormatCase {
  std::string_view format;
  std::string_view good;
  std::string_view bad;
};

TEST(JsonSchema, Formats) {
  const FormatCase cases[] = {
      {"date", "2024-02-29", "2023-02-29"},
      {"time", "23:59:59.5Z", "24:00:00"},
      {"date-time", "2024-01-02T03:04:05.678+02:00", "2024-01-02 03:04:05"},
      {"hostname", "a.example-x.com", "-a.com"},
      {"email", "joe.doe@example.com", "joe@"},
      {"email", "Joe <joe@example.com>", "joe example.com"},
      {"ipv4", "127.0.0.1", "127.0.0.256"},
      {"ipv6", "::1", "1.2.3.4"},
      {"uri", "https://example.com/a?b=c#d", "/relative"},
      {"uri-reference", "/relative?x", "%zz"},
      {"uri-template", "http://x/{a}/b", "http://x/{a"},
      {"uuid", "123e4567-e89b-12d3-a456-426614174000", "123E4567-e89b-12d3-a456-426614174000"},
      {"regex", "a+", "("},
      {"json-pointer", "/a/~0b", "a"},
      {"relative-json-pointer", "1/a", "/a"},
  };
  for (const FormatCase& each : cases) {
    const std::string format(each.format);
    const std::string schema = R"({"format":")" + format + "\"}";
    const auto quoted = [](std::string_view text) { return "\"" + std::string(text) + "\""; };
    EXPECT_EQ(complaints(schema, quoted(each.good)), "") << format << " " << each.good;
    EXPECT_EQ(complaints(schema, quoted(each.bad)), "(root) does not match format '" + format + "'")
        << each.bad;
  }
  EXPECT_EQ(complaints(R"({"format":"uri"})", "5"), "(root) does not match format 'uri'");
  EXPECT_EQ(complaints(R"({"format":"unheard-of"})", "5"), "");
}

TEST(JsonSchema, LoadsFilesAndTheirReferences) {
  const auto folder = std::filesystem::temp_directory_path() /
                      ("json_schema_test_" + std::to_string(::getpid()));
  std::filesystem::create_directory(folder);
  std::ofstream(folder / "main.json") << R"({"items":{"$ref":"parts/part.json#/definitions/p"}})";
  std::filesystem::create_directory(folder / "parts");
  std::ofstream(folder / "parts" / "part.json")
      << R"({"definitions":{"p":{"$ref":"../leaf.json"}}})";
  std::ofstream(folder / "leaf.json") << R"({"type":"string"})";
  const auto schema = JsonSchema::load("file://" + (folder / "main.json").string());
  ASSERT_TRUE(schema) << schema.error().message();
  EXPECT_EQ(complaints(*schema, "[1]"), "0 invalid type. expected: string, given: integer");
  std::filesystem::remove_all(folder);
}

TEST(JsonSchema, BoundsExponentialWork) {
  // Each level tries both alternatives, all the way down.
  std::string schema = R"({"not":{}})";
  for (int i = 0; i < 60; ++i) {
    schema = R"({"anyOf":[{"$ref":"#/definitions/d"},{"$ref":"#/definitions/d"}],"definitions":{"d":)" +
             schema + "}}";
  }
  EXPECT_NE(complaints(schema, "1"), "");
  EXPECT_NE(complaints(R"({"definitions":{"a":{"allOf":[{"$ref":"#/definitions/a"},)"
                       R"({"$ref":"#/definitions/a"}]}},"$ref":"#/definitions/a"})", "1"), "");
}

TEST(JsonSchema, BoundsNesting) {
  std::string schema, document;
  for (int i = 0; i < 5000; ++i) schema += R"({"items":)", document += "[";
  schema += "{}" + std::string(5000, '}');
  document += std::string(5000, ']');
  EXPECT_EQ(complaints(schema, "1"), "does not compile: the schema is nested too deeply");
  EXPECT_EQ(complaints(R"({"items":{"$ref":"#"}})", document),
            "(root) the document needs more nesting or work than this schema may take");
}

}  // namespace
}  // namespace tollgate
