#include "components/formats/syslog.h"

#include <gtest/gtest.h>

namespace tollgate {
namespace {

struct Line {
  std::string_view text;
  std::string_view expected;  ///< "host|app|proc|msgid|message", or the error
};

std::string print(const Result<SyslogMessage>& parsed) {
  if (!parsed) return std::string(parsed.error().message());
  std::string text;
  for (const auto part : {parsed->hostname, parsed->appname, parsed->procid, parsed->msgid}) {
    text.append(part).append("|");
  }
  return text.append(parsed->message);
}

TEST(Syslog, Rfc5424) {
  const Line lines[] = {
      {"<34>1 2003-10-11T22:14:15.003Z h su - ID47 - failed", "h|su||ID47|failed"},
      {"<0>1 - - - - - -", "||||"},
      {"<0>1 - - - - - -  two", "|||| two"},
      {"<192>1 - - - - - -",
       "expecting a priority value in the range 1-191 or equal to 0 [col 3]"},
      {"<1", "expecting a priority value in the range 1-191 or equal to 0 [col 2]"},
      {"", "expecting a priority value within angle brackets [col 0]"},
      {"<1>0 - - - - - -", "expecting a version value in the range 1-999 [col 3]"},
      {"<1>1", "parsing error [col 4]"},
      {"<1>1 2003-13-11T22:14:15Z - - - - -",
       "expecting a RFC3339MICRO timestamp or a nil value [col 11]"},
      {"<1>1 2003-02-31T22:14:15Z - - - - -",
       "parsing time \"2003-02-31T22:14:15Z\": day out of range [col 25]"},
      {"<1>1 - - - - - [a][a]", "duplicate structured data element id [col 20]"},
      {"<1>1 - - - - - [a b=\"x\\y\"]",
       "expecting chars `]`, `\"`, and `\\` to be escaped within param value [col 23]"},
      {"<1>1 - - - - - - \xff",
       "expecting a free-form optional message in UTF-8 (starting with or without BOM) [col 17]"},
  };
  for (const Line& each : lines) EXPECT_EQ(print(parse_syslog_5424(each.text)), each.expected);
}

TEST(Syslog, StructuredData) {
  const auto parsed =
      parse_syslog_5424(R"(<1>1 - - - - - [a b="x\"y\]z\\" c="2"][d] m)");
  ASSERT_TRUE(parsed) << parsed.error().message();
  ASSERT_TRUE(parsed->structured);
  ASSERT_EQ(parsed->structured->size(), 2u);
  EXPECT_EQ((*parsed->structured)[0].parameters[0].second, R"(x"y]z\)");
  EXPECT_EQ((*parsed->structured)[0].parameters[1].first, "c");
  EXPECT_EQ((*parsed->structured)[1].id, "d");
}

TEST(Syslog, Rfc3164) {
  const Line lines[] = {
      {"<34>Oct 11 22:14:15 host su[123]: failed", "host|su|123||failed"},
      {"<13>Feb  5 17:32:18 10.0.0.99 Use the BFG!", "10.0.0.99||||Use the BFG!"},
      {"<13>2003-10-11T22:14:15+02:00 host app: Test", "host|app|||Test"},
      {"<13>Feb  5 17:32:18 h a:b", "h|a|||a:b"},
      {"<13>Feb  5 17:32:18 h a[12] z", "h|a|12||12] z"},
      {"<13>Feb  5 17:32:18 h m[: x", "h|m|||: x"},
      {"<13>Feb  5 17:32:18 h a[-]: z", "h|a|||z"},
      {"<13>Feb 05 17:32:18 h tag: x", "expecting a Stamp timestamp [col 8]"},
      {"<13>Abc  5 17:32:18 h tag: x", "expecting a Stamp timestamp [col 5]"},
      {"<13>Feb 30 17:32:18 h tag: x",
       "parsing time \"Feb 30 17:32:18\": day out of range [col 19]"},
      {"<13>2003-10-11T22:14:15.003Z host app: Test",
       "expecting a Stamp or a RFC3339 timestamp [col 23]"},
      {"<13>Feb  5 17:32:18 h",
       "expecting an hostname (from 1 to max 255 US-ASCII characters) [col 21]"},
      {"<13>Feb  5 17:32:18 h ", "expecting an alphanumeric tag (max 32 characters) [col 22]"},
  };
  for (const Line& each : lines) {
    EXPECT_EQ(print(parse_syslog_3164(each.text, {.year = 2024})), each.expected);
  }
}

}  // namespace
}  // namespace tollgate
