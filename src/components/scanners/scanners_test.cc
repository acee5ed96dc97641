#include <gtest/gtest.h>

#include "component/testing.h"
#include "components/formats/tar.h"
#include "components/manifest.h"
#include "value/compression.h"

namespace tollgate {
namespace {

/// Messages joined by '|', each with '!' and its failure if it is flagged; "error: …" at the end if
/// the stream ended with one.
std::string scan(std::string_view yaml, std::string_view stream, std::size_t piece,
                 std::string_view name = "") {
  TestBuildContext context(Manifest{.scanners = scanners()});
  const auto factory = context.scanner(yaml);
  if (!factory) return "does not build: " + std::string(factory.error().message());
  const auto scanner = (*factory)(name);
  Batch batch;
  Result<> done;
  for (std::size_t at = 0; at < stream.size() && done; at += piece) {
    done = scanner->feed(stream.substr(at, piece), batch);
  }
  if (done) done = scanner->finish(batch);
  std::string text;
  for (Message& message : batch) {
    text.append(message.bytes());
    if (message.error()) text.append("!").append(message.error()->text);
    text += '|';
  }
  if (!done) text.append("error: ").append(done.error().message());
  return text;
}

struct Case {
  std::string_view yaml;
  std::string stream;
  std::string_view expected;
};

class ScannerCases : public testing::TestWithParam<Case> {};

TEST_P(ScannerCases, ScanWhateverThePieces) {
  const Case& each = GetParam();
  for (const std::size_t piece : {std::size_t{1}, std::size_t{2}, std::size_t{5}, std::size_t{4096}}) {
    EXPECT_EQ(scan(each.yaml, each.stream, piece), each.expected) << each.yaml << " by " << piece;
  }
}

std::string tar_of_two() {
  std::string archive;
  TarWriter writer(archive);
  EXPECT_TRUE(writer.add("a", "one"));
  EXPECT_TRUE(writer.add(std::string(150, 'b'), "two"));
  writer.finish();
  return archive;
}

INSTANTIATE_TEST_SUITE_P(All, ScannerCases, testing::ValuesIn(std::vector<Case>{
    {"lines: {}", "a\r\nb\n\nc", "a|b||c|"},
    {"lines: {omit_empty: true}", "a\n\nb\n", "a|b|"},
    {"lines: {custom_delimiter: XX}", "aXXbXXXc", "a|b|Xc|"},
    {"lines: {max_buffer_size: 4}", "aa\nbbbbbb\n", "aa|error: bufio.Scanner: token too long"},
    {"to_the_end: {}", "a\nb", "a\nb|"},
    {"to_the_end: {}", "", "|"},
    {"chunker: {size: 3}", "abcdefgh", "abc|def|gh|"},
    {"csv: {}", "a,b\n1,2\n3,4\n", R"({"a":"1","b":"2"}|{"a":"3","b":"4"}|)"},
    {"csv: {parse_header_row: false}", "1,2\n", R"(["1","2"]|)"},
    {"csv: {}", "a,b\n1\n", "error: record on line 2: wrong number of fields"},
    {"csv: {}", "a\n\"x\ny\"\nz\n", "{\"a\":\"x\\ny\"}|{\"a\":\"z\"}|"},
    {"csv: {continue_on_error: true}", "a\nx\"y\nz\n",
     "{}!parse error on line 2, column 2: bare \" in non-quoted-field|{\"a\":\"z\"}|"},
    {"csv: {custom_delimiter: ';'}", "a;b\n1;2", R"({"a":"1","b":"2"}|)"},
    {"json_documents: {}", R"({"a":"}\""} [1.0] 2 "x"true)", R"({"a":"}\""}|[1]|2|"x"|true|)"},
    {"json_documents: {}", R"({"a":1} })",
     R"({"a":1}|error: invalid character '}' looking for beginning of value)"},
    {"json_documents: {}", R"({"a")", "error: unexpected EOF"},
    {"json_array: {}", R"([{"b": 1.0, "a":2}, 3 ,"x y"][4])", R"({"b":1.0,"a":2}|3|"x y"|4|)"},
    {"json_array: {}", "{}", "error: expected opening '[' but got {"},
    {"json_array: {}", "[1", "1|error: failed to read closing token: unexpected EOF"},
    {"re_match: {pattern: '(?m)^\\d'}", "x\n1 a\nb\n2 c\n", "x\n|1 a\nb\n|2 c\n|"},
    {"skip_bom: {into: {lines: {}}}", "\xEF\xBB\xBF" "a\nb", "a|b|"},
    {"skip_bom: {}", "ab", "ab|"},
    {"tar: {}", tar_of_two(), "one|two|"},
    {"decompress: {algorithm: gzip, into: {lines: {}}}",
     *compress(Compression::gzip, -1, "a\nb") + *compress(Compression::gzip, -1, "c"), "a|bc|"},
    {"decompress: {algorithm: zstd}", *compress(Compression::zstd, -1, "hello"), "hello|"},
    {"decompress: {algorithm: lz4}", *compress(Compression::lz4, -1, "hello"), "hello|"},
    {"decompress: {algorithm: gzip}", compress(Compression::gzip, -1, "hello")->substr(0, 15),
     "error: unexpected EOF"},
    {"switch: [{re_match_name: '\\.csv$', scanner: {csv: {}}}, {scanner: {lines: {}}}]", "a\nb",
     "a|b|"},
    {"switch: [{re_match_name: x, scanner: {lines: {}}}]", "a",
     "error: source details did not match against any scanners"},
}));

TEST(Scanners, SwitchLooksAtTheName) {
  EXPECT_EQ(scan("switch: [{re_match_name: '\\.csv$', scanner: {csv: {}}}, {scanner: {lines: {}}}]",
                 "a\nb", 100, "x.csv"),
            "{\"a\":\"b\"}|");
}

}  // namespace
}  // namespace tollgate
