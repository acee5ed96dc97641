#include "net/backoff.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <random>
#include <string>

namespace tollgate {
namespace {

using std::chrono::system_clock;

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::optional<int> number(std::string_view text) {
  text = trimmed(text);
  int value = 0;
  auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc() || end != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

std::optional<unsigned> month_number(std::string_view name) {
  static constexpr std::array<std::string_view, 12> names = {
      "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) return std::nullopt;
  return static_cast<unsigned>(found - names.begin()) + 1;
}

std::optional<system_clock::time_point> to_time(std::string_view day, std::string_view month,
                                                std::string_view year, std::string_view clock) {
  auto d = number(day), y = number(year);
  auto m = month_number(month);
  if (!d || !y || !m || clock.size() != 8 || clock[2] != ':' || clock[5] != ':') return std::nullopt;
  // Two-digit years as RFC 9110 reads them, near enough for a wait.
  if (year.size() == 2) *y += *y < 70 ? 2000 : 1900;
  auto hour = number(clock.substr(0, 2)), minute = number(clock.substr(3, 2)),
       second = number(clock.substr(6, 2));
  if (!hour || !minute || !second || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
  std::chrono::year_month_day date{std::chrono::year(*y), std::chrono::month(*m),
                                   std::chrono::day(static_cast<unsigned>(*d))};
  // Beyond this range nanoseconds since 1970 overflow.
  if (!date.ok() || *y < 1700 || *y > 2200) return std::nullopt;
  return std::chrono::sys_days(date) + std::chrono::hours(*hour) + std::chrono::minutes(*minute) +
         std::chrono::seconds(*second);
}

/// The next space-separated word of `text`, which is shortened.
std::string_view word(std::string_view& text) {
  text = trimmed(text);
  auto end = std::min(text.find(' '), text.size());
  auto found = text.substr(0, end);
  text.remove_prefix(end);
  return found;
}

}  // namespace

Backoff::Backoff(Options options, std::uint64_t seed)
    : options_(options), interval_(options.initial), state_(seed) {
  if (seed == 0) {
    std::random_device device;
    state_ = (std::uint64_t{device()} << 32) | device();
  }
}

double Backoff::random_unit() {
  // splitmix64: a few operations, and good enough to spread retries.
  state_ += 0x9e3779b97f4a7c15u;
  auto z = state_;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return static_cast<double>((z ^ (z >> 31)) >> 11) * 0x1.0p-53;
}

std::optional<Backoff::Duration> Backoff::next(Clock::time_point now) {
  if (!start_) start_ = now;
  double factor = 1 + options_.spread * (2 * random_unit() - 1);
  auto wait = Duration(std::llround(static_cast<double>(interval_.count()) * factor));
  double grown = static_cast<double>(interval_.count()) * options_.factor;
  interval_ = grown >= static_cast<double>(options_.max.count()) ? options_.max
                                                                 : Duration(std::llround(grown));
  if (options_.max_elapsed.count() > 0 && now - *start_ + wait > options_.max_elapsed) {
    return std::nullopt;
  }
  return wait;
}

void Backoff::reset() {
  interval_ = options_.initial;
  start_.reset();
}

std::optional<system_clock::time_point> parse_http_date(std::string_view text) {
  text = trimmed(text);
  if (auto comma = text.find(','); comma != std::string_view::npos) {
    text.remove_prefix(comma + 1);
    auto first = word(text);
    if (first.find('-') != std::string_view::npos) {  // 06-Nov-94 08:49:37 GMT
      auto dash = first.find('-'), last = first.rfind('-');
      if (dash == last) return std::nullopt;
      auto month = first.substr(dash + 1, last - dash - 1);
      return to_time(first.substr(0, dash), month, first.substr(last + 1), word(text));
    }
    auto month = word(text), year = word(text), clock = word(text);
    return to_time(first, month, year, clock);
  }
  word(text);  // Sun Nov  6 08:49:37 1994
  auto month = word(text), day = word(text), clock = word(text), year = word(text);
  return to_time(day, month, year, clock);
}

std::optional<std::chrono::nanoseconds> parse_retry_after(std::string_view value,
                                                          system_clock::time_point now) {
  value = trimmed(value);
  if (value.empty()) return std::nullopt;
  if (std::all_of(value.begin(), value.end(), [](char c) { return c >= '0' && c <= '9'; })) {
    // A century is as good as any larger number, and it cannot overflow.
    std::int64_t seconds = 100LL * 366 * 86400;
    if (value.size() <= 9) std::from_chars(value.data(), value.data() + value.size(), seconds);
    return std::chrono::seconds(seconds);
  }
  auto when = parse_http_date(value);
  if (!when) return std::nullopt;
  return std::max<std::chrono::nanoseconds>(*when - now, std::chrono::nanoseconds(0));
}

}  // namespace tollgate
