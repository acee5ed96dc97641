#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "value/layout_element.h"
#include "value/timestamp.h"

namespace tollgate {

// Go's reference layouts: a layout shows how "Mon Jan 2 15:04:05 -0700 MST 2006" would look.

namespace layout {
inline constexpr std::string_view ansic = "Mon Jan _2 15:04:05 2006";
inline constexpr std::string_view unix_date = "Mon Jan _2 15:04:05 MST 2006";
inline constexpr std::string_view ruby_date = "Mon Jan 02 15:04:05 -0700 2006";
inline constexpr std::string_view rfc822 = "02 Jan 06 15:04 MST";
inline constexpr std::string_view rfc822z = "02 Jan 06 15:04 -0700";
inline constexpr std::string_view rfc850 = "Monday, 02-Jan-06 15:04:05 MST";
inline constexpr std::string_view rfc1123 = "Mon, 02 Jan 2006 15:04:05 MST";
inline constexpr std::string_view rfc1123z = "Mon, 02 Jan 2006 15:04:05 -0700";
inline constexpr std::string_view rfc3339 = "2006-01-02T15:04:05Z07:00";
inline constexpr std::string_view rfc3339_nano = "2006-01-02T15:04:05.999999999Z07:00";
}  // namespace layout

/// A layout taken apart once, for times without number. Immutable: any thread may use it.
class TimeLayout {
 public:
  explicit TimeLayout(std::string_view layout);
  TimeLayout(const TimeLayout&) = delete;
  TimeLayout& operator=(const TimeLayout&) = delete;

  std::string_view text() const { return text_; }
  /// Ending with one that is no element.
  const std::vector<LayoutPiece>& pieces() const { return pieces_; }
  /// Whether strict RFC 3339 with any fraction is what it spells.
  bool takes_rfc3339() const { return takes_rfc3339_; }

  /// As parse_time().
  Result<Timestamp> parse(std::string_view text) const;
  /// What append_time() appends, and the room that it may need.
  char* write(char* to, const Timestamp& time) const;
  std::size_t most_bytes(const Timestamp& time) const;

 private:
  const std::string text_;
  std::vector<LayoutPiece> pieces_;  // they view text_
  std::size_t literal_bytes_ = 0;
  std::size_t zone_names_ = 0;
  bool takes_rfc3339_ = false;
};

/// Go's Time.Format.
void append_time(std::string& out, const Timestamp& time, std::string_view layout);

/// Go's time.Parse, or time.ParseInLocation if a zone is given. Errors read like Go's:
/// `parsing time "x" as "2006": cannot parse "x" as "2006"`.
Result<Timestamp> parse_time(std::string_view text, std::string_view layout);
Result<Timestamp> parse_time_in(std::string_view text, std::string_view layout, const Zone* zone);

/// What timestamps are coerced from: parse_time with layout::rfc3339_nano.
Result<Timestamp> parse_rfc3339(std::string_view text);

/// Names in English; `month` is 1..12, `weekday` 0..6 from Sunday.
std::string_view month_name(int month);
std::string_view weekday_name(int weekday);

/// Appends `text` in quotes as errors of Go's time package show it: bytes outside printable ASCII
/// as \xNN.
void append_time_quoted(std::string& out, std::string_view text);

}  // namespace tollgate
