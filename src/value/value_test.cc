#include "value/value.h"

#include <gtest/gtest.h>

#include "value/coerce.h"
#include "value/compare.h"
#include "value/encoding.h"
#include "value/json.h"
#include "value/path.h"

namespace tollgate {
namespace {

std::string print(Value value, Arena& arena) {
  std::string out;
  append_json(out, value, arena);
  return out;
}

template <typename T>
std::string show(const Result<T>& result) {
  if (!result) return std::string(result.error().message());
  Arena arena;
  std::string out;
  if constexpr (std::is_same_v<T, bool>) {
    out = *result ? "true" : "false";
  } else if constexpr (std::is_same_v<T, double>) {
    append_text(out, Value::float64(*result), arena);
  } else if constexpr (std::is_same_v<T, Timestamp>) {
    append_text(out, Value::timestamp(&*result), arena);
  } else {
    out = std::to_string(*result);
  }
  return out;
}

TEST(Object, KeepsMembersSortedAndUnique) {
  Arena arena;
  for (const int count : {0, 1, 5, 24, 25, 200}) {
    std::vector<std::string> keys;
    for (int i = 0; i < count; ++i) keys.push_back("k" + std::to_string(i * 7919 % 101));
    Member* members = arena.allocate_array<Member>(keys.size());
    Object* grown = make_object(arena);
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const Value value = Value::int64(static_cast<std::int64_t>(i));
      members[i] = {keys[i], value};
      grown->set(keys[i], value, arena);
    }
    Object* built = make_object_of(arena, members, keys.size());
    EXPECT_EQ(print(Value::object(built), arena), print(Value::object(grown), arena));
    for (std::uint32_t i = 1; i < built->size; ++i) {
      ASSERT_LT(built->items[i - 1].key, built->items[i].key);
    }
  }
}

TEST(Value, CopiesDeeplyAtAnyDepth) {
  Arena arena;
  std::string text = std::string(10'000, '[') + std::string(10'000, ']');
  Arena other;
  const Value copy = deep_copy(parse_json(text, arena), other);
  EXPECT_EQ(print(copy, other), text);
  EXPECT_TRUE(values_equal(copy, parse_json(text, arena), arena));
  std::string document = R"({"a":["x",1.50,{"b":null}],"c":{}})";
  const Value small = deep_copy(parse_json(document, arena), other);
  document.assign(document.size(), '#');
  EXPECT_EQ(print(small, other), R"({"a":["x",1.50,{"b":null}],"c":{}})");
}

TEST(Value, CopiesWhatSharesItselfWithin) {
  Arena arena, other;
  Value value = Value::int64(7);
  for (int level = 0; level < 200; ++level) {  // 2^200 ways to the seven
    Array* pair = make_array(arena, 2);
    pair->push(value, arena);
    pair->push(value, arena);
    Object* object = make_object(arena, 1);
    object->set("pair", Value::array(pair), arena);
    value = Value::object(object);
  }
  Value copy = deep_copy(value, other);
  EXPECT_LT(other.footprint(), std::size_t{4} << 20);
  for (int level = 0; level < 200; ++level) {
    const Value* pair = copy.as_object().find("pair", other);
    ASSERT_TRUE(pair && pair->is(Kind::array)) << level;
    ASSERT_EQ(pair->as_array().size, 2u);
    copy = pair->as_array().items[level % 2];
  }
  EXPECT_EQ(copy.as_int64(), 7);
}

struct EqualCase {
  std::string_view left;
  std::string_view right;
  bool equal;
};

TEST(Compare, ComparesDeeply) {
  const EqualCase cases[] = {
      {"null", "null", true},
      {"null", "false", false},
      {"1", "1.0", true},
      {"1", "\"1\"", false},
      {"true", "1", true},
      {"true", "0.0", true},  // a number's text decides, and only "0" is false
      {"1", "true", false},
      {"\"a\"", "\"a\"", true},
      {"[9007199254740993]", "[9007199254740992]", true},
      {"[true]", "[1]", true},
      {"{\"a\":null}", "{\"b\":null}", true},
      {"{\"a\":null}", "{}", false},
      {R"({"a":1,"b":{"c":[1.0]}})", R"({"b":{"c":[1]},"a":1.0})", true},
      {"[1,2]", "[1,3]", false},
      {"[1,2]", "[1]", false},
      {"{\"a\":1}", "[1]", false},
      {"1e999", "1e999", false},
  };
  Arena arena;
  for (const auto& [left, right, equal] : cases) {
    EXPECT_EQ(values_equal(parse_json(left, arena), parse_json(right, arena), arena), equal)
        << left << " == " << right;
  }
  const Timestamp time{0, 0, nullptr};
  EXPECT_TRUE(values_equal(Value::string("1970-01-01T00:00:00Z"), Value::timestamp(&time), arena));
  EXPECT_TRUE(values_equal(Value::bytes("x"), Value::string("x"), arena));
  EXPECT_FALSE(values_equal(Value::deleted(), Value::deleted(), arena));
}

struct PathCase {
  std::string_view path;
  std::string_view expected;  ///< "-" if nothing is found
};

TEST(Path, FindsLikeGabs) {
  const PathCase cases[] = {
      {"a.0.b", "1"},
      {"a.*.b", "[1,null]"},
      {"a.0.c.*", "[1,[2]]"},
      {"a.*.c.*", "[[1,[2]]]"},
      {"a.3", "[]"},
      {"a.+1.b", "null"},
      {"a.9", "-"},
      {"a.-1", "-"},
      {"a.x", "-"},
      {"a.3.*", "-"},
      {"x~1y.~0", "\"tilde\""},
      {"missing", "-"},
      {"a.2.b", "-"},
      {"", "2"},
      {"*", "-"},
  };
  Arena arena;
  const Value root = parse_json(
      R"({"a":[{"b":1,"c":[1,[2]]},{"b":null},5,[]],"x.y":{"~":"tilde"},"":2})", arena);
  for (const auto& [path, expected] : cases) {
    bool found = false;
    const Value value = find_path(root, split_path(path), arena, found);
    EXPECT_EQ(found ? print(value, arena) : "-", expected) << path;
  }
  const std::vector<std::string> segments{"a.b", "~1", ""};
  EXPECT_EQ(join_path(segments), "a~1b.~01.");
  EXPECT_EQ(split_path(join_path(segments)), segments);
}

TEST(Coerce, MakesText) {
  Arena arena;
  const Timestamp time{1'600'000'000, 0, nullptr};
  EXPECT_EQ(to_text(Value::float64(1e6), arena), "1e+06");
  EXPECT_EQ(to_text(Value::number_text("1.50"), arena), "1.50");
  EXPECT_EQ(to_text(Value::null(), arena), "null");
  EXPECT_EQ(to_text(Value::timestamp(&time), arena), "2020-09-13T12:26:40Z");
  EXPECT_EQ(to_text(parse_json(R"({"a":"<b>"})", arena), arena), R"({"a":"\u003cb\u003e"})");
  Array* array = make_array(arena);
  array->push(Value::float64(std::numeric_limits<double>::quiet_NaN()), arena);
  EXPECT_EQ(to_text(Value::array(array), arena), "null");
}

TEST(Coerce, WordsErrorsAndParses) {
  EXPECT_EQ(show(get_number(Value::string("x"))), "expected number value, got string (\"x\")");
  EXPECT_EQ(show(to_float(Value::string("x"))),
            R"(strconv.ParseFloat: parsing "x": invalid syntax)");
  EXPECT_EQ(show(to_int(Value::string("0x1f"))), "31");
  EXPECT_EQ(show(to_int(Value::number_text("1.0"))),
            R"(strconv.ParseInt: parsing "1.0": invalid syntax)");
  EXPECT_EQ(show(get_int(Value::number_text("1.9"))), "1");
  EXPECT_EQ(show(to_int(Value::float64(1e19))),
            "float value is too large to be cast as a signed integer");
  EXPECT_EQ(show(to_uint(Value::int64(-1))),
            "signed integer value is negative and cannot be cast as an unsigned integer");
  EXPECT_EQ(show(to_int_of(Value::int64(300), 8)),
            "value is too large to be cast as an 8-bit signed integer");
  EXPECT_EQ(show(to_int_of(Value::int64(-40'000), 16)),
            "value is too small to be cast as a 16-bit signed integer");
  EXPECT_EQ(show(to_uint_of(Value::string("256"), 8)),
            "value is too large to be cast as an 8-bit unsigned integer");
  EXPECT_EQ(show(to_bool(Value::string("T"))), "true");
  EXPECT_EQ(show(to_bool(Value::string("yes"))), "expected bool value, got string (\"yes\")");
  EXPECT_EQ(show(get_bool(Value::number_text("0.0"))), "true");
  EXPECT_EQ(show(get_timestamp(Value::boolean(true))),
            "expected number or string value, got bool (true)");
  EXPECT_EQ(show(get_timestamp(Value::string("2020-01-01T00:00:00Z"))), "2020-01-01T00:00:00Z");
  EXPECT_EQ(get_timestamp(Value::float64(-1.5))->nanoseconds, 500'000'000);
  EXPECT_EQ(type_error(Value::null(), {"a", "b", "c"}, "here"),
            "expected a, b or c value, got null from here");
}

TEST(Coerce, CutsFloatsOff) {
  constexpr auto least = std::numeric_limits<std::int64_t>::min();
  EXPECT_EQ(truncate_to_int(-1.9), -1);
  EXPECT_EQ(truncate_to_int(1e30), least);
  EXPECT_EQ(truncate_to_int(std::numeric_limits<double>::quiet_NaN()), least);
}

struct DecodeCase {
  std::string_view text;
  Base64 form;
  std::string_view expected;
};

TEST(Encoding, DecodesBase64LikeGo) {
  const DecodeCase cases[] = {
      {"YWI=", {}, "ab"},
      {"YW\nI\r=", {}, "ab"},
      {"YWI", {.padded = false}, "ab"},
      {"-_-_", {.url = true}, "\xfb\xff\xbf"},
      {"YWI", {}, "illegal base64 data at input byte 0"},
      {"YWJjY", {}, "illegal base64 data at input byte 4"},
      {"YW!=", {}, "illegal base64 data at input byte 2"},
      {"YWI=x", {}, "illegal base64 data at input byte 4"},
      {"zf=+", {}, "illegal base64 data at input byte 2"},
      {"YWI=", {.padded = false}, "illegal base64 data at input byte 3"},
  };
  for (const auto& [text, form, expected] : cases) {
    const auto decoded = decode_base64(text, form);
    EXPECT_EQ(decoded ? *decoded : std::string(decoded.error().message()), expected) << text;
  }
  EXPECT_EQ(decode_base64_stream("YWI").error().message(), "unexpected EOF");
  EXPECT_EQ(*decode_base64_stream("YW\nI="), "ab");
  std::string out;
  append_base64(out, "abcd");
  append_base64(out, "\xfb\xff", {.url = true, .padded = false});
  EXPECT_EQ(out, "YWJjZA==-_8");
}

TEST(Encoding, DecodesHexLikeGo) {
  EXPECT_EQ(*decode_hex("00fFa1"), std::string_view("\0\xff\xa1", 3));
  EXPECT_EQ(decode_hex("abg").error().message(), "encoding/hex: invalid byte: U+0067 'g'");
  EXPECT_EQ(decode_hex("abc").error().message(), "encoding/hex: odd length hex string");
  EXPECT_EQ(decode_hex("\n0").error().message(), "encoding/hex: invalid byte: U+000A");
  std::string out;
  append_hex(out, "\x01\xfe");
  EXPECT_EQ(out, "01fe");
}

TEST(Encoding, QuotesLikeGo) {
  std::string out;
  append_go_quoted(out, "a\"\\\n\x01\xff\u00AD\u00E9\u2028\U0001F600\U000E0001");
  EXPECT_EQ(out, R"("a\"\\\n\x01\xff\u00ad)" "\u00E9" R"(\u2028)" "\U0001F600" R"(\U000e0001")");
  EXPECT_EQ(count_runes("a\u00E9\xff"), 3u);
  EXPECT_FALSE(valid_utf8("\xed\xa0\x80"));
  EXPECT_TRUE(valid_utf8("plain text, then \u00E9"));
}

}  // namespace
}  // namespace tollgate
