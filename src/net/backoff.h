#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace tollgate {

/// Growing waits between attempts at the same thing.
///
/// Each wait is the interval times a random factor in [1 - spread, 1 + spread]; then the interval
/// grows. One thread at a time.
class Backoff {
 public:
  using Clock = std::chrono::steady_clock;
  using Duration = std::chrono::nanoseconds;

  struct Options {
    Duration initial = std::chrono::milliseconds(500);
    Duration max = std::chrono::seconds(60);  ///< of the interval, before the random factor
    Duration max_elapsed{0};                  ///< since the first attempt; 0 = no end
    double factor = 1.5;
    double spread = 0.5;
  };

  explicit Backoff(Options options) : Backoff(options, 0) {}
  /// A `seed` other than 0 makes the waits repeatable.
  Backoff(Options options, std::uint64_t seed);

  /// The next wait, or nullopt when it would end after `max_elapsed`.
  std::optional<Duration> next(Clock::time_point now = Clock::now());

  /// Forgets past failures; the elapsed time starts at the next call of next().
  void reset();

 private:
  double random_unit();

  Options options_;
  Duration interval_;
  std::optional<Clock::time_point> start_;
  std::uint64_t state_;
};

/// The wait a Retry-After header asks for: a number of seconds or an HTTP date. A date in the past
/// gives zero; an unreadable value nullopt.
std::optional<std::chrono::nanoseconds> parse_retry_after(
    std::string_view value,
    std::chrono::system_clock::time_point now = std::chrono::system_clock::now());

/// "Sun, 06 Nov 1994 08:49:37 GMT" and the two older forms of RFC 9110.
std::optional<std::chrono::system_clock::time_point> parse_http_date(std::string_view text);

}  // namespace tollgate
