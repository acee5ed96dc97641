#include "value/json.h"

#include <gtest/gtest.h>

#include <cmath>

#include "value/timestamp.h"

namespace tollgate {
namespace {

std::string reprint(std::string_view text, JsonReadOptions read = {}, JsonWriteOptions write = {}) {
  Arena arena;
  const Value value = parse_json(text, arena, read);
  if (value.is_error()) return std::string(value.as_text());
  std::string out;
  return append_json(out, value, arena, write) ? out : "no JSON form";
}

struct ReadCase {
  std::string_view text;
  std::string_view expected;  ///< printed again, or the error
};

TEST(JsonReader, ReadsAndRefusesLikeGo) {
  const ReadCase cases[] = {
      {"null", "null"},
      {" {\"b\" : [ 1, 2.50 ,-0 ] ,\"a\":{}}\n", R"({"a":{},"b":[1,2.50,-0]})"},
      {R"({"a":1,"b":2,"a":3})", R"({"a":3,"b":2})"},
      {"[12345678901234567890,1E+3]", "[12345678901234567890,1E+3]"},
      {R"("\u0041\u00e9\n\/\"\\")", R"("Aé\n/\"\\")"},
      {R"("\ud83d\ude00")", "\"\U0001F600\""},
      {R"("\ud83d\u0041 \ude00")", "\"\uFFFDA \uFFFD\""},
      {"\"\xff\xc0\x80 \xed\xa0\x80\"", "\"\uFFFD\uFFFD\uFFFD \uFFFD\uFFFD\uFFFD\""},
      {"\"\xff\\n\"", "\"\uFFFD\\n\""},
      {"{\"\xff\":1}", "{\"\uFFFD\":1}"},
      {"", "unexpected end of JSON input"},
      {" ", "unexpected end of JSON input"},
      {"{", "unexpected end of JSON input"},
      {"[1", "unexpected end of JSON input"},
      {"\"a", "unexpected end of JSON input"},
      {"\"\\", "invalid character ' ' in string escape code"},
      {"tru", "invalid character ' ' in literal true (expecting 'e')"},
      {"trux", "invalid character 'x' in literal true (expecting 'e')"},
      {"nul!", "invalid character '!' in literal null (expecting 'l')"},
      {"-", "invalid character ' ' in numeric literal"},
      {"-x", "invalid character 'x' in numeric literal"},
      {"1.e", "invalid character 'e' after decimal point in numeric literal"},
      {"1e+", "invalid character ' ' in exponent of numeric literal"},
      {"01", "invalid character '1' after top-level value"},
      {"{}b", "invalid character 'b' after top-level value"},
      {"[1,]", "invalid character ']' looking for beginning of value"},
      {"[1 2]", "invalid character '2' after array element"},
      {"{,}", "invalid character ',' looking for beginning of object key string"},
      {"{\"a\" 1}", "invalid character '1' after object key"},
      {"{\"a\":1 2}", "invalid character '2' after object key:value pair"},
      {"\"a\nb\"", "invalid character '\\n' in string literal"},
      {"\"\x01\"", "invalid character '\\x01' in string literal"},
      {"\"\\x\"", "invalid character 'x' in string escape code"},
      {"\"\\u12g\"", "invalid character 'g' in \\u hexadecimal character escape"},
      {"'", "invalid character '\\'' looking for beginning of value"},
      {"\xef\xbb\xbf{}", "invalid character '\u00EF' looking for beginning of value"},
  };
  for (const auto& [text, expected] : cases) EXPECT_EQ(reprint(text), expected) << text;
}

TEST(JsonReader, WordsErrorsOfMessages) {
  const ReadCase cases[] = {
      {"{\"a\":1}", "{\"a\":1}"},
      {"", "EOF"},
      {" \n", "EOF"},
      {"{", "unexpected EOF"},
      {"tru", "unexpected EOF"},
      {"\"\\u1", "unexpected EOF"},
      {"{}b", "invalid character 'b' looking for beginning of value"},
      {"1b", "invalid character 'b' looking for beginning of value"},
      {"1 2", "message contains multiple valid documents"},
      {"{} {} {} x", "message contains multiple valid documents"},
      {"{} {} x", "invalid character 'x' looking for beginning of value"},
      {"{} {", "unexpected EOF"},
  };
  for (const auto& [text, expected] : cases) {
    EXPECT_EQ(reprint(text, {.message = true}), expected) << text;
  }
}

TEST(JsonReader, StopsAfterOneDocumentIfAsked) {
  std::size_t consumed = 0;
  EXPECT_EQ(reprint(" [1] {x", {.allow_trailing = true, .consumed = &consumed}), "[1]");
  EXPECT_EQ(consumed, 4u);
}

TEST(JsonReader, TurnsNumbersIntoFloats) {
  EXPECT_EQ(reprint("[1.0,1e2,-0]", {.keep_numbers = false}), "[1,100,-0]");
  EXPECT_EQ(reprint("[1e999,2]", {.keep_numbers = false}),
            "json: cannot unmarshal number 1e999 into Go value of type float64");
  EXPECT_EQ(reprint("[1e999,2", {.keep_numbers = false}), "unexpected end of JSON input");
}

TEST(JsonReader, LimitsDepth) {
  const std::string deepest = std::string(10'000, '[') + std::string(10'000, ']');
  EXPECT_EQ(reprint(deepest), deepest);
  EXPECT_EQ(reprint(std::string(10'001, '[')), "invalid character '[' exceeded max depth");
  std::string objects;
  for (int i = 0; i < 10'001; ++i) objects += "{\"a\":";
  EXPECT_EQ(reprint(objects), "invalid character '{' exceeded max depth");
}

TEST(JsonReader, ViewsPlainTextInTheDocument) {
  const std::string text = R"({"key":"plain","other":"esc\n"})";
  Arena arena;
  Value root = parse_json(text, arena);
  const Value* plain = root.as_object().find("key", arena);
  ASSERT_NE(plain, nullptr);
  EXPECT_EQ(plain->as_text().data(), text.data() + 8);
}

// Documents of every small size, so that each tail of the wide scans is used.
TEST(JsonReader, FindsTheEndOfStringsOfAnyLength) {
  for (std::size_t size = 0; size < 70; ++size) {
    for (const std::string_view middle : {"x", "\\n", "\u00E9", "\\u0001"}) {
      const std::string text = '"' + std::string(size, 'a') + std::string(middle) +
                               std::string(size % 7, 'b') + '"';
      EXPECT_EQ(reprint(text), text);
    }
    EXPECT_EQ(reprint('"' + std::string(size, 'a')), "unexpected end of JSON input");
  }
}

struct StringCase {
  std::string_view text;
  std::string_view plain;
  std::string_view html;
};

TEST(JsonWriter, EscapesStringsLikeGo) {
  const StringCase cases[] = {
      {"", R"("")", R"("")"},
      {"a\"\\/", R"("a\"\\/")", R"("a\"\\/")"},
      {"\b\f\n\r\t\x01\x1f\x7f", "\"\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\"",
       "\"\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\""},
      {"<a&b>", R"("<a&b>")", R"("\u003ca\u0026b\u003e")"},
      {"\u2028 \u2029 \u20AC", "\"\\u2028 \\u2029 \u20AC\"", "\"\\u2028 \\u2029 \u20AC\""},
      {"\xff\xe2\x82", R"("\ufffd\ufffd\ufffd")", R"("\ufffd\ufffd\ufffd")"},
  };
  for (const auto& [text, plain, html] : cases) {
    std::string out;
    append_json_string(out, text);
    EXPECT_EQ(out, plain);
    out.clear();
    append_json_string(out, text, true);
    EXPECT_EQ(out, html);
  }
}

TEST(JsonWriter, EscapesAtEveryPlace) {
  const std::pair<std::string, std::string> stops[] = {
      {"\"", "\\\""},       {"\\", "\\\\"},     {"\n", "\\n"},         {"\x1f", "\\u001f"},
      {"\xff", "\\ufffd"}, {"\x7f", "\x7f"}, {"\u00e9", "\u00e9"}, {"\u2028", "\\u2028"}};
  for (std::size_t before = 0; before < 40; ++before) {
    for (std::size_t after = 0; after < 20; ++after) {
      for (const auto& [raw, escaped] : stops) {
        std::string out = "#";
        append_json_string(out, std::string(before, 'a') + raw + std::string(after, 'b'));
        EXPECT_EQ(out, "#\"" + std::string(before, 'a') + escaped + std::string(after, 'b') + '"');
      }
    }
  }
}

TEST(JsonWriter, FramedKeysStandAsTheyAre) {
  Arena arena;
  std::string memory;  // of all keys, framed
  std::vector<std::string> keys;
  for (std::size_t size = 0; size < 43; ++size) {  // '0' to 'Z'
    keys.push_back(std::string(1, static_cast<char>('0' + size)) + std::string(size, 'k'));
    memory += ",\"" + keys.back() + "\":";
  }
  memory.append(Object::kKeySlack, ' ');
  Object* const framed = make_object(arena, keys.size());
  Object* const plain = make_object(arena, keys.size());
  std::size_t at = 0;
  for (const auto& key : keys) {
    const auto value = Value::int64(static_cast<std::int64_t>(key.size()));
    framed->items[framed->size++] = {std::string_view(memory).substr(at + 2, key.size()), value};
    plain->items[plain->size++] = {key, value};
    at += key.size() + 4;
  }
  framed->framed_keys = true;
  std::string expected, actual;
  ASSERT_TRUE(append_json(expected, Value::object(plain), arena));
  ASSERT_TRUE(append_json(actual, Value::object(framed), arena));
  EXPECT_EQ(actual, expected);
  framed->set("zz<", Value::null(), arena);  // its key stands anywhere
  plain->set("zz<", Value::null(), arena);
  EXPECT_FALSE(framed->framed_keys);
  for (const bool html : {false, true}) {
    expected.clear(), actual.clear();
    ASSERT_TRUE(append_json(expected, Value::object(plain), arena, {.escape_html = html}));
    ASSERT_TRUE(append_json(actual, Value::object(framed), arena, {.escape_html = html}));
    EXPECT_EQ(actual, expected);
  }
}

TEST(JsonWriter, AShapeIsFilledWithValues) {
  Arena arena;
  const std::string slack(JsonShape::kSlack, ' ');
  const auto text = [&](std::string_view shown) {
    return concat(arena, {shown, slack}).substr(0, shown.size());
  };
  const std::string long_text(100, 'x');
  const JsonShape::Part parts[] = {
      {text("{\"a\":"), 1}, {text(",\"" + long_text + "\":"), 0}, {text(",\"c\":"), 2}};
  const JsonShape shape{parts, text(",\"d\":1}")};
  Object* const inner = make_object(arena, 1);
  inner->set("k", Value::string("\x01<\xff"), arena);
  const std::string big(3000, 'y');
  const Value values[] = {Value::object(inner), Value::string(big), Value::float64(1e21)};
  Arena out;
  std::vector<std::string_view> kept;
  for (int i = 0; i < 20; ++i) {
    kept.push_back(print_json(shape, values, out, arena));
    kept.push_back(print_json(Value::string("s"), out, i % 2 ? arena : out));
  }
  const Value without_form[] = {Value::null(), Value::null(), Value::float64(NAN)};
  EXPECT_EQ(print_json(shape, without_form, out, arena), "");
  for (std::size_t i = 0; i < kept.size(); i += 2) {
    EXPECT_EQ(kept[i],
              "{\"a\":\"" + big + "\",\"" + long_text +
                  "\":{\"k\":\"\\u0001<\\ufffd\"},\"c\":1e+21,\"d\":1}");
    EXPECT_EQ(kept[i + 1], "\"s\"");
  }
}

TEST(JsonWriter, NestsDeeperThanItsOwnStack) {
  for (const int depth : {15, 16, 17, 33, 1000}) {
    std::string text;
    for (int i = 0; i < depth; ++i) text += i % 2 ? "{\"k\":" : "[1,";
    text += "null";
    for (int i = depth; i-- > 0;) text += i % 2 ? "}" : ",2]";
    EXPECT_EQ(reprint(text), text);
  }
}

TEST(JsonWriter, WritesEveryKind) {
  Arena arena;
  const Timestamp time{1'600'000'000, 500'000'000, nullptr};
  Array* array = make_array(arena);
  for (const Value value :
       {Value::null(), Value::boolean(true), Value::int64(-5), Value::uint64(~0ull),
        Value::float64(1.5), Value::float64(-0.0), Value::float64(1e21), Value::float64(1e-7),
        Value::number_text("1.50"), Value::string("s"), Value::bytes("ab"), Value::timestamp(&time),
        Value::deleted(), Value::object(make_object(arena)), Value::array(make_array(arena))}) {
    array->push(value, arena);
  }
  std::string out = "x=";
  EXPECT_TRUE(append_json(out, Value::array(array), arena));
  EXPECT_EQ(out,
            "x=[null,true,-5,18446744073709551615,1.5,-0,1e+21,1e-7,1.50,\"s\",\"YWI=\","
            "\"2020-09-13T12:26:40.5Z\",null,{},[]]");
}

TEST(JsonWriter, RefusesWhatJsonCannotSay) {
  Arena arena;
  const Timestamp distant{1'000'000'000'000, 0, nullptr};
  for (const Value value : {Value::float64(std::numeric_limits<double>::quiet_NaN()),
                            Value::float64(std::numeric_limits<double>::infinity()),
                            Value::timestamp(&distant)}) {
    Array* array = make_array(arena);
    array->push(Value::int64(1), arena);
    array->push(value, arena);
    std::string out = "kept";
    EXPECT_FALSE(append_json(out, Value::array(array), arena));
    EXPECT_EQ(out, "kept");
  }
}

TEST(JsonWriter, Indents) {
  EXPECT_EQ(reprint(R"({"a":[1,{}],"b":[]})", {}, {.indent = "  "}),
            "{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": []\n}");
  EXPECT_EQ(reprint("[1]", {}, {.indent = "\t", .prefix = "> "}), "[\n> \t1\n> ]");
}

}  // namespace
}  // namespace tollgate
