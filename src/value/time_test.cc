#include <gtest/gtest.h>

#include "value/civil.h"
#include "value/duration.h"
#include "value/strftime.h"
#include "value/time_layout.h"

namespace tollgate {
namespace {

std::string show(const Timestamp& time) {
  std::string out;
  append_rfc3339(out, time);
  return out;
}

template <typename T>
std::string show(const Result<T>& result) {
  return result ? show(*result) : std::string(result.error().message());
}

Timestamp at(std::string_view text, std::string_view zone = {}) {
  Timestamp time = *parse_rfc3339(text);
  if (!zone.empty()) time.zone = Zone::find(zone);
  return time;
}

TEST(Civil, ConvertsBothWays) {
  for (std::int64_t day = -1'000'000; day <= 1'000'000; day += 37) {
    const CivilDate date = civil_from_days(day);
    ASSERT_EQ(days_from_civil(date.year, date.month, date.day), day);
    ASSERT_LE(date.day, days_in_month(date.year, date.month));
  }
  EXPECT_EQ(weekday_of(0), 4);
  EXPECT_EQ(weekday_of(-5), 6);
  EXPECT_EQ(yearday_of(days_from_civil(2024, 12, 31)), 366);
  const IsoWeek week = iso_week_of(days_from_civil(2021, 1, 3));
  EXPECT_EQ(week.year, 2020);
  EXPECT_EQ(week.week, 53);
}

struct DateCase {
  ClockFields fields;
  std::string_view zone;
  std::string_view expected;
};

TEST(Civil, NormalisesLikeGo) {
  const DateCase cases[] = {
      {{2021, 14, -3, 25, 61, 61, -1}, "UTC", "2022-01-29T02:02:00.999999999Z"},
      {{2021, 2, 31}, "UTC", "2021-03-03T00:00:00Z"},
      {{0, 1, 1}, "UTC", "0000-01-01T00:00:00Z"},
      {{-5, 1, 1}, "UTC", "-0005-01-01T00:00:00Z"},
      {{12021, 1, 1}, "UTC", "12021-01-01T00:00:00Z"},
      {{2021, 3, 28, 2, 30}, "Europe/Budapest", "2021-03-28T03:30:00+02:00"},
      {{2021, 10, 31, 2, 30}, "Europe/Budapest", "2021-10-31T02:30:00+01:00"},
      {{2021, 3, 14, 2, 30}, "America/New_York", "2021-03-14T01:30:00-05:00"},
      {{2021, 11, 7, 1, 30}, "America/New_York", "2021-11-07T01:30:00-04:00"},
      {{2060, 7, 1}, "America/New_York", "2060-07-01T00:00:00-04:00"},
      {{2060, 1, 1}, "Australia/Sydney", "2060-01-01T00:00:00+11:00"},
      {{1850, 1, 1}, "Europe/Budapest", "1850-01-01T00:00:00+01:16"},
  };
  for (const auto& [fields, zone, expected] : cases) {
    ASSERT_NE(Zone::find(zone), nullptr);
    EXPECT_EQ(show(time_of(fields, Zone::find(zone))), expected);
  }
}

TEST(Civil, SurvivesExtremes) {
  constexpr auto most = std::numeric_limits<std::int64_t>::max();
  constexpr auto least = std::numeric_limits<std::int64_t>::min();
  for (const std::int64_t n : {most, least, most - 1, least + 1}) {
    show(time_of({n, n, n, n, n, n, n}, Zone::find("Europe/Budapest")));
    show(Timestamp{n, 0, Zone::find("America/New_York")});
    show(add_date({n, 0, nullptr}, n, n, n));
    show(add_duration({n, 999'999'999, nullptr}, n));
  }
  EXPECT_EQ(nanoseconds_between({most / 8, 0}, {least / 8, 0}), most);
  EXPECT_EQ(nanoseconds_between({least / 8, 0}, {most / 8, 0}), least);
  EXPECT_EQ(nanoseconds_between({most, 0}, {least, 0}), -1'000'000'000);  // time is a ring in Go
  EXPECT_EQ(nanoseconds_between({most, 0}, {0, 0}), least);
  EXPECT_EQ(nanoseconds_between({5, 1}, {6, 0}), -999'999'999);
}

TEST(Zone, FindsOnlySafeNames) {
  EXPECT_EQ(Zone::find("UTC"), Zone::utc());
  EXPECT_EQ(Zone::find("Europe/Budapest"), Zone::find("Europe/Budapest"));
  EXPECT_EQ(Zone::find("Europe/Budapest")->name(), "Europe/Budapest");
  for (const std::string_view name :
       {"../etc/passwd", "/etc/localtime", "Europe", "Nowhere/Atall", "a\0b", "\\x", "tzdata.zi"}) {
    EXPECT_EQ(Zone::find(name), nullptr) << name;
  }
  EXPECT_EQ(Zone::fixed(3600), Zone::fixed(3600));
  EXPECT_EQ(Zone::fixed(3600, "X")->at(0).abbreviation, "X");
}

struct FormatCase {
  std::string_view layout;
  std::string_view expected;
};

TEST(TimeLayout, FormatsLikeGo) {
  const Timestamp time = at("2021-03-04T05:06:07.0089Z", "America/New_York");
  const FormatCase cases[] = {
      {layout::rfc3339, "2021-03-04T00:06:07-05:00"},
      {layout::rfc3339_nano, "2021-03-04T00:06:07.0089-05:00"},
      {layout::rfc1123, "Thu, 04 Mar 2021 00:06:07 EST"},
      {layout::rfc850, "Thursday, 04-Mar-21 00:06:07 EST"},
      {layout::ansic, "Thu Mar  4 00:06:07 2021"},
      {"2006 06 1 01 2 _2 02 002 __2", "2021 21 3 03 4  4 04 063  63"},
      {"15 3 03 4 04 5 05 PM pm", "00 12 12 6 06 7 07 AM am"},
      {".000 .999999 ,00 .9 .99", ".008 .0089 ,00  "},
      {"-07 -0700 -07:00 -070000 -07:00:00", "-05 -0500 -05:00 -050000 -05:00:00"},
      {"Z07:00 Z0700", "-05:00 -0500"},
      {"January Monday Janet Month .0001", "March Thursday Janet Month .000" "3"},
      {"_2006", "_2021"},
      {"", ""},
  };
  for (const auto& [layout, expected] : cases) {
    std::string out;
    append_time(out, time, layout);
    EXPECT_EQ(out, expected) << layout;
    const TimeLayout taken_apart(layout);
    std::string memory(taken_apart.most_bytes(time), '?');
    const char* const end = taken_apart.write(memory.data(), time);
    EXPECT_EQ(std::string_view(memory.data(), end), expected) << layout;
  }
}

struct ParseCase {
  std::string_view layout;
  std::string_view text;
  std::string_view expected;
};

TEST(TimeLayout, ParsesLikeGo) {
  const ParseCase cases[] = {
      {"2006-01-02", "2020-08-14", "2020-08-14T00:00:00Z"},
      {layout::rfc3339, "2020-08-14T01:02:03.5Z", "2020-08-14T01:02:03.5Z"},
      {layout::rfc3339_nano, "2020-08-14T1:02:03,25Z", "2020-08-14T01:02:03.25Z"},
      {layout::rfc3339_nano, "2020-08-14T01:02:03+24:60", "2020-08-14T01:02:03+25:00"},
      {"2006-01-02T15:04:05.9Z07:00", "2020-08-14T01:02:03.25+05:30",
       "2020-08-14T01:02:03.25+05:30"},
      {"2006-01-02T15:04:05.0Z07:00", "2020-08-14T01:02:03Z",
       R"(parsing time "2020-08-14T01:02:03Z" as "2006-01-02T15:04:05.0Z07:00": )"
       R"(cannot parse "Z" as ".0")"},
      {layout::rfc1123, "Fri, 14 Aug 2020 01:02:03 UTC", "2020-08-14T01:02:03Z"},
      {"Jan 2, 2006 at 3:04pm (MST)", "Aug 14, 2020 at 5:54am (UTC)", "2020-08-14T05:54:00Z"},
      {"3:04PM", "12:30AM", "0000-01-01T00:30:00Z"},
      {"06 002", "69 060", "1969-03-01T00:00:00Z"},
      {"06 002", "20 060", "2020-02-29T00:00:00Z"},
      {"MST", "GMT+3", "0000-01-01T03:00:00+03:00"},
      {"2006", "x", R"(parsing time "x" as "2006": cannot parse "x" as "2006")"},
      {"2006-01-02", "2020-13-01", R"(parsing time "2020-13-01": month out of range)"},
      {"2006-01-02", "2021-02-29", R"(parsing time "2021-02-29": day out of range)"},
      {"2006", "2020x", R"(parsing time "2020x": extra text: "x")"},
      {"15:04", "24:00", R"(parsing time "24:00": hour out of range)"},
      {"-0700", "+2500", R"(parsing time "+2500": time zone offset hour out of range)"},
      {"2006 002", "2021 366", R"(parsing time "2021 366": day-of-year out of range)"},
      {"2006 Jan 002", "2021 Feb 001",
       R"(parsing time "2021 Feb 001": day-of-year does not match month)"},
      {layout::rfc3339_nano, "\xc3\xa9\"",
       R"(parsing time "\xc3\xa9\"" as "2006-01-02T15:04:05.999999999Z07:00": cannot parse )"
       R"("\xc3\xa9\"" as "2006")"},
  };
  for (const auto& [layout, text, expected] : cases) {
    EXPECT_EQ(show(parse_time(text, layout)), expected) << layout;
  }
  const Zone* zone = Zone::find("Europe/Budapest");
  EXPECT_EQ(show(parse_time_in("2021-07-01 12", "2006-01-02 15", zone)),
            "2021-07-01T12:00:00+02:00");
  EXPECT_EQ(show(parse_time_in("2021-07-01 CET", "2006-01-02 MST", zone)),
            "2021-07-01T01:00:00+02:00");
}

struct StrftimeCase {
  std::string_view format;
  std::string_view expected;
};

TEST(Strftime, Formats) {
  const Timestamp time = at("2021-03-04T15:06:07.0089Z", "Asia/Kolkata");
  const StrftimeCase cases[] = {
      {"%Y-%m-%d %H:%M:%S.%f", "2021-03-04 20:36:07.008900"},
      {"%y %C %G %g %V %U %W %j", "21 20 2021 21 09 09 09 063"},
      {"%B %b %A %a %w %u", "March Mar Thursday Thu 4 4"},
      {"%e|%k|%l|%I|%p|%P", " 4|20| 8|08|PM|pm"},
      {"%-d %_m %5Y %^b %#p %010d %-5d", "4  3 02021 MAR pm 0000000004     4"},
      {"%z %:z %::z %:::z %Z", "+0530 +05:30 +05:30:00 +05:30 IST"},
      {"%c|%D|%F|%T|%R|%r|%v|%x|%X", "Thu Mar  4 20:36:07 2021|03/04/21|2021-03-04|20:36:07|20:36|"
                                     "08:36:07 PM| 4-Mar-2021|03/04/21|20:36:07"},
      {"%s %t%n%% %Q %5Q %", "1614870367 \t\n% %Q   %5Q %"},
      {"%8z|%_8z|%12B|%-z", "+0000530|    +530|       March|+530"},
  };
  for (const auto& [format, expected] : cases) {
    std::string out;
    append_strftime(out, time, format);
    EXPECT_EQ(out, expected) << format;
  }
}

struct StrptimeCase {
  std::string_view format;
  std::string_view text;
  std::string_view expected;
};

TEST(Strptime, Parses) {
  const StrptimeCase cases[] = {
      {"%Y-%b-%d %H:%M:%S.%f", "2020-Aug-14 11:50:26.371", "2020-08-14T11:50:26.371Z"},
      {"%d/%b/%Y:%T %z", "14/Aug/2020:11:50:26 +0200", "2020-08-14T11:50:26+02:00"},
      {"%Y %j", "2020 060", "2020-02-29T00:00:00Z"},
      {"%G %V %u", "2020 53 7", "2021-01-03T00:00:00Z"},
      {"%Y %U %w", "2021 01 0", "2021-01-03T00:00:00Z"},
      {"%s", "-1", "1969-12-31T23:59:59Z"},
      {"%I %p", "12 am", "1900-01-01T00:00:00Z"},
      {"%C%y", "1905", "1905-01-01T00:00:00Z"},
      {"%Y", "zz", R"(failed to parse "zz" with "%Y": cannot parse "%Y")"},
      {"%Y-", "2020/", R"(failed to parse "2020/" with "%Y-": expected '-')"},
      {"%Y", "2020x", R"(failed to parse "2020x" with "%Y": unparsed string "x")"},
      {"%Q", "1", R"(failed to parse "1" with "%Q": unexpected format "%Q")"},
      {"%", "1", R"(failed to parse "1" with "%": stray "%")"},
      {"%:z", "+0530", R"(failed to parse "+0530" with "%:z": expected ':' for "%:z")"},
      {"%:x", "1", R"(failed to parse "1" with "%:x": expected 'z' after "%:")"},
      {"%V", "10", R"(failed to parse "10" with "%V": use "%G" to parse ISO year for "%V")"},
      {"a%nb", "ab", R"(failed to parse "ab" with "a%nb": expected a space for "%n")"},
      {"%Z", "ABCDEF", R"(failed to parse "ABCDEF" with "%Z": cannot parse "ABCDEF" with "%Z")"},
  };
  for (const auto& [format, text, expected] : cases) {
    EXPECT_EQ(show(parse_strptime(text, format)), expected) << format;
  }
}

struct DurationCase {
  std::string_view text;
  std::int64_t nanoseconds;
  std::string_view error = {};
};

TEST(Duration, ParsesLikeGo) {
  const DurationCase cases[] = {
      {"0", 0},
      {"1h15m30.5s", 4'530'500'000'000},
      {"-1.5h", -5'400'000'000'000},
      {"300ms", 300'000'000},
      {"1\u00B5s1us", 2000},
      {".5s", 500'000'000},
      {"-9223372036854775808ns", std::numeric_limits<std::int64_t>::min()},
      {"", 0, R"(time: invalid duration "")"},
      {"x", 0, R"(time: invalid duration "x")"},
      {".s", 0, R"(time: invalid duration ".s")"},
      {"1", 0, R"(time: missing unit in duration "1")"},
      {"1d", 0, R"(time: unknown unit "d" in duration "1d")"},
      {"9223372036854775808ns", 0, R"(time: invalid duration "9223372036854775808ns")"},
  };
  for (const auto& [text, nanoseconds, error] : cases) {
    const auto parsed = parse_duration(text);
    ASSERT_EQ(parsed.has_value(), error.empty()) << text;
    if (parsed) {
      EXPECT_EQ(*parsed, nanoseconds) << text;
    } else {
      EXPECT_EQ(parsed.error().message(), error);
    }
  }
}

struct DurationTextCase {
  std::int64_t nanoseconds;
  std::string_view expected;
};

TEST(Duration, FormatsLikeGo) {
  const DurationTextCase cases[] = {
      {0, "0s"},
      {1, "1ns"},
      {1500, "1.5\u00B5s"},
      {2'000'000, "2ms"},
      {4'530'500'000'000, "1h15m30.5s"},
      {3'600'000'000'000, "1h0m0s"},
      {-1'500'000'000, "-1.5s"},
      {std::numeric_limits<std::int64_t>::min(), "-2562047h47m16.854775808s"},
  };
  for (const auto& [nanoseconds, expected] : cases) {
    std::string out;
    append_duration(out, nanoseconds);
    EXPECT_EQ(out, expected);
  }
}

struct PeriodCase {
  std::string_view text;
  std::int64_t nanoseconds;
  std::string_view after;  ///< 2021-01-31T00:00:00Z and the period, or the error
};

TEST(Period, ParsesAndAdds) {
  const PeriodCase cases[] = {
      {"P1M", 2'629'746'000'000'000, "2021-03-03T00:00:00Z"},
      {"P3Y6M4DT12H30M5S", 110'839'937'000'000'000, "2024-08-04T12:30:05Z"},
      {"-P1W", -604'800'000'000'000, "2021-01-24T00:00:00Z"},
      {"P-1D", -86'400'000'000'000, "2021-01-30T00:00:00Z"},
      {"PT1.5S", 1'500'000'000, "2021-01-31T00:00:01.5Z"},
      {"P1,5D", 129'600'000'000'000, "2021-02-01T12:00:00Z"},
      {"P0D", 0, "2021-01-31T00:00:00Z"},
      {"", 0, "cannot parse a blank string as a period"},
      {"1D", 0, "1D: expected 'P' period mark at the start"},
      {"P", 0, "P: expected 'Y', 'M', 'W', 'D', 'H', 'M', or 'S' designator"},
      {"P1X", 0, "P1X: expected a designator Y, M, W, D, H, or S not 'X'"},
      {"P1", 0, "P1: missing designator at the end"},
      {"PD", 0, "PD: expected a number but found 'D'"},
      {"P1H", 0, "P1H: 'H' designator cannot occur here"},
      {"P1D1D", 0, "P1D1D: 'D' designator cannot occur more than once"},
      {"PT1ST", 0, "PT1ST: 'T' designator cannot occur more than once"},
      {"P1.5Y1D", 0, "P1.5Y1D: 'Y' & 'D' only the last field can have a fraction"},
      {"P1.2.3D", 0, "P1.2.3D: number invalid or out of range"},
  };
  for (const auto& [text, nanoseconds, after] : cases) {
    const auto period = Period::parse(text);
    if (!period) {
      EXPECT_EQ(period.error().message(), after);
      continue;
    }
    EXPECT_EQ(period->nanoseconds(), nanoseconds) << text;
    EXPECT_EQ(show(period->add_to(at("2021-01-31T00:00:00Z"))), after) << text;
  }
}

}  // namespace
}  // namespace tollgate
