#include "component/cron.h"

#include <gtest/gtest.h>

namespace tollgate {
namespace {

// 2024-02-28T23:59:30Z, a Wednesday
constexpr std::int64_t start = 1709164770;

struct NextCase {
  std::string_view schedule;
  std::int64_t next;
};

TEST(CronTest, Next) {
  const NextCase cases[] = {
      {.schedule = "* * * * *", .next = 1709164800},
      {.schedule = "*/10 * * * * *", .next = 1709164780},
      {.schedule = "@every 90s", .next = start + 90},
      {.schedule = "@every 10ms", .next = start + 1},
      {.schedule = "@hourly", .next = 1709164800},
      {.schedule = "@daily", .next = 1709164800},
      {.schedule = "30 4 29 FEB ?", .next = 1709181000},       // 2024-02-29T04:30:00Z
      {.schedule = "0 0 1 * MON", .next = 1709251200},         // either day field suffices: 1 March
      {.schedule = "0 0 * * MON", .next = 1709510400},         // 2024-03-04
      {.schedule = "0 9-17/4 * * *", .next = 1709197200},      // 09:00
      {.schedule = "TZ=America/New_York 0 19 * * *", .next = 1709164800},  // 18:59:30 there
      {.schedule = "TZ=Europe/Berlin 30 2 31 3 *", .next = 1743381000},    // skipped in 2024: 2025
  };
  for (const NextCase& each : cases) {
    const auto schedule = CronSchedule::parse(each.schedule);
    ASSERT_TRUE(schedule) << each.schedule << ": " << schedule.error().message();
    EXPECT_EQ(schedule->next(start), each.next) << each.schedule;
  }
}

TEST(CronTest, NeverDue) {
  EXPECT_EQ(CronSchedule::parse("0 0 30 2 *")->next(start), std::nullopt);
}

TEST(CronTest, Refuses) {
  for (const std::string_view text : {"", "foo", "* * * *", "60 * * * *", "* * * * 7", "5-1 * * * *",
                                      "*/0 * * * *", "@often", "@every x", "TZ=Nowhere * * * * *",
                                      "1-2-3 * * * *", "-1 * * * *", "99999999999 * * * *"}) {
    EXPECT_FALSE(CronSchedule::parse(text)) << text;
  }
}

}  // namespace
}  // namespace tollgate
