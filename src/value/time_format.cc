#include <algorithm>
#include <cstdlib>

#include "value/civil.h"
#include "value/layout_element.h"
#include "value/number.h"
#include "value/time_layout.h"

namespace tollgate {

namespace {

constexpr std::string_view months[] = {"January",   "February", "March",    "April",
                                       "May",       "June",     "July",     "August",
                                       "September", "October",  "November", "December"};
constexpr std::string_view weekdays[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                         "Thursday", "Friday", "Saturday"};

/// Room that any element but the name of a zone may need.
constexpr std::size_t element_width = 40;

char* write_text(char* to, std::string_view text) {
  for (const char c : text) *to++ = c;  // a few characters: no call for them
  return to;
}

/// Requires: 0 <= number < 100.
char* write_two(char* to, int number) {
  to[0] = static_cast<char>('0' + number / 10);
  to[1] = static_cast<char>('0' + number % 10);
  return to + 2;
}

char* write_padded(char* to, std::int64_t number, int width, char padding = '0') {
  if (number < 0) {
    *to++ = '-';
    number = -number;
  }
  char digits[number_width];
  const auto size = write_int(digits, number) - digits;
  if (size < width) to = std::fill_n(to, width - size, padding);
  return std::copy_n(digits, size, to);
}

char* write_offset(char* to, std::int32_t seconds, OffsetForm form) {
  if (seconds == 0 && form.z_for_utc) {
    *to++ = 'Z';
    return to;
  }
  const int minutes = std::abs(seconds / 60);
  *to++ = seconds / 60 < 0 ? '-' : '+';
  to = write_padded(to, minutes / 60, 2);
  if (form.fields >= 2) {
    if (form.colons) *to++ = ':';
    to = write_padded(to, minutes % 60, 2);
  }
  if (form.fields >= 3) {
    // Go keeps the sign of an offset shorter than a minute here.
    const int rest = seconds / 60 < 0 ? -seconds % 60 : seconds % 60;
    if (form.colons) *to++ = ':';
    to = write_padded(to, rest, 2);
  }
  return to;
}

/// `spelling` is the separator and a digit for each place.
char* write_fraction(char* to, std::int32_t nanoseconds, std::string_view spelling, bool trimmed) {
  if (trimmed && nanoseconds == 0) return to;
  char* const start = to;
  *to++ = spelling.front();
  to = std::min(write_padded(to, nanoseconds, 9), start + spelling.size());
  if (!trimmed) return to;
  while (to[-1] == '0') --to;
  return to == start + 1 ? start : to;
}

int hour_of_twelve(int hour) { return hour % 12 == 0 ? 12 : hour % 12; }

class Formatter {
 public:
  explicit Formatter(const Timestamp& time)
      : time_(time),
        zone_(offset_of(time)),
        clock_(civil_from_unix(time.seconds, zone_.seconds)) {}

  /// The element without what stands before it. A zone's name may need more than element_width.
  char* write(char* to, const LayoutPiece& piece) const {
    switch (piece.element) {
      case LayoutElement::none: return to;
      case LayoutElement::long_month: return write_text(to, month_name(clock_.month));
      case LayoutElement::month: return write_text(to, month_name(clock_.month).substr(0, 3));
      case LayoutElement::number_month: return write_padded(to, clock_.month, 0);
      case LayoutElement::zero_month: return write_two(to, clock_.month);
      case LayoutElement::long_weekday: return write_text(to, weekday());
      case LayoutElement::weekday: return write_text(to, weekday().substr(0, 3));
      case LayoutElement::day: return write_padded(to, clock_.day, 0);
      case LayoutElement::under_day: return write_padded(to, clock_.day, 2, ' ');
      case LayoutElement::zero_day: return write_two(to, clock_.day);
      case LayoutElement::under_yearday: return write_padded(to, yearday_of(day()), 3, ' ');
      case LayoutElement::zero_yearday: return write_padded(to, yearday_of(day()), 3);
      case LayoutElement::hour: return write_two(to, clock_.hour);
      case LayoutElement::hour12: return write_padded(to, hour_of_twelve(clock_.hour), 0);
      case LayoutElement::zero_hour12: return write_two(to, hour_of_twelve(clock_.hour));
      case LayoutElement::minute: return write_padded(to, clock_.minute, 0);
      case LayoutElement::zero_minute: return write_two(to, clock_.minute);
      case LayoutElement::second: return write_padded(to, clock_.second, 0);
      case LayoutElement::zero_second: return write_two(to, clock_.second);
      case LayoutElement::long_year: return write_year(to);
      case LayoutElement::year: return write_two(to, static_cast<int>(std::abs(clock_.year) % 100));
      case LayoutElement::upper_pm: return write_text(to, clock_.hour >= 12 ? "PM" : "AM");
      case LayoutElement::lower_pm: return write_text(to, clock_.hour >= 12 ? "pm" : "am");
      case LayoutElement::zone_offset: return write_offset(to, zone_.seconds, piece.offset);
      case LayoutElement::zone_name:
        return zone_.abbreviation.empty() ? write_offset(to, zone_.seconds, {})
                                          : write_text(to, zone_.abbreviation);
      case LayoutElement::fraction: return write_fraction(to, time_.nanoseconds, piece.text, false);
      case LayoutElement::trimmed_fraction:
        return write_fraction(to, time_.nanoseconds, piece.text, true);
    }
    return to;
  }

  std::size_t most_bytes(LayoutElement element) const {
    return element_width + (element == LayoutElement::zone_name ? zone_.abbreviation.size() : 0);
  }

 private:
  std::int64_t day() const { return day_of(time_.seconds, zone_.seconds); }
  std::string_view weekday() const { return weekday_name(weekday_of(day())); }
  char* write_year(char* to) const {
    if (clock_.year < 0 || clock_.year > 9999) return write_padded(to, clock_.year, 4);
    to = write_two(to, static_cast<int>(clock_.year / 100));
    return write_two(to, static_cast<int>(clock_.year % 100));
  }

  const Timestamp& time_;
  const Zone::Offset zone_;
  const CivilTime clock_;
};

}  // namespace

std::string_view month_name(int month) { return months[month - 1]; }
std::string_view weekday_name(int weekday) { return weekdays[weekday]; }

TimeLayout::TimeLayout(std::string_view layout) : text_(layout) {
  constexpr std::string_view date_and_clock = "2006-01-02T15:04:05";
  std::string_view left = text_;
  while (true) {
    const LayoutPiece& piece = pieces_.emplace_back(next_piece(left));
    literal_bytes_ += piece.before.size();
    if (piece.element == LayoutElement::none) break;
    zone_names_ += piece.element == LayoutElement::zone_name;
    left = piece.after;
  }
  if (!layout.starts_with(date_and_clock)) return;
  std::string_view rest = layout.substr(date_and_clock.size());
  const LayoutPiece fraction = next_piece(rest);
  if (fraction.before.empty() && fraction.element == LayoutElement::trimmed_fraction) {
    rest = fraction.after;
  }
  takes_rfc3339_ = rest == "Z07:00";
}

std::size_t TimeLayout::most_bytes(const Timestamp& time) const {
  const std::size_t name = zone_names_ ? offset_of(time).abbreviation.size() : 0;
  return literal_bytes_ + pieces_.size() * element_width + zone_names_ * name;
}

char* TimeLayout::write(char* to, const Timestamp& time) const {
  const Formatter formatter(time);
  for (const LayoutPiece& piece : pieces_) {
    to = write_text(to, piece.before);
    to = formatter.write(to, piece);
  }
  return to;
}

void append_time(std::string& out, const Timestamp& time, std::string_view layout) {
  if (layout == layout::rfc3339_nano) return append_rfc3339(out, time);
  const Formatter formatter(time);
  while (!layout.empty()) {
    const LayoutPiece piece = next_piece(layout);
    out += piece.before;
    const std::size_t size = out.size();
    out.resize(size + formatter.most_bytes(piece.element));
    out.resize(static_cast<std::size_t>(formatter.write(out.data() + size, piece) - out.data()));
    layout = piece.after;
  }
}

}  // namespace tollgate
