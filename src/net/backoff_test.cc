#include "net/backoff.h"

#include <gtest/gtest.h>

namespace tollgate {
namespace {

using namespace std::chrono_literals;

TEST(Backoff, GrowsWithinItsSpread) {
  Backoff backoff({.initial = 100ms, .max = 400ms, .factor = 2, .spread = 0.5}, 7);
  auto start = Backoff::Clock::now();
  for (auto interval : {100ms, 200ms, 400ms, 400ms}) {
    auto wait = backoff.next(start);
    ASSERT_TRUE(wait);
    EXPECT_GE(*wait, interval / 2);
    EXPECT_LE(*wait, interval * 3 / 2);
  }
  backoff.reset();
  EXPECT_LE(*backoff.next(start), 150ms);
}

TEST(Backoff, Ends) {
  Backoff backoff({.initial = 10ms, .max_elapsed = 1s, .spread = 0}, 1);
  auto start = Backoff::Clock::now();
  EXPECT_TRUE(backoff.next(start));
  EXPECT_TRUE(backoff.next(start + 900ms));
  EXPECT_FALSE(backoff.next(start + 990ms));
}

TEST(RetryAfter, Forms) {
  auto now = *parse_http_date("Sun, 06 Nov 1994 08:49:07 GMT");
  struct Row {
    const char* text;
    std::chrono::nanoseconds wait;
  };
  for (Row row : {Row{"120", 120s}, {" 0 ", 0s}, {"Sun, 06 Nov 1994 08:49:37 GMT", 30s},
                  {"Sunday, 06-Nov-94 08:49:37 GMT", 30s}, {"Sun Nov  6 08:49:37 1994", 30s},
                  {"Sun, 06 Nov 1994 08:00:00 GMT", 0s}}) {
    auto wait = parse_retry_after(row.text, now);
    ASSERT_TRUE(wait) << row.text;
    EXPECT_EQ(*wait, row.wait) << row.text;
  }
  for (const char* text : {"", "soon", "-1", "1.5", "Sun, 99 Nov 1994 08:49:37 GMT", "Sun, 06 Nov"}) {
    EXPECT_FALSE(parse_retry_after(text, now)) << text;
  }
  EXPECT_GT(*parse_retry_after("99999999999999999999"), 24h * 365);
}

}  // namespace
}  // namespace tollgate
