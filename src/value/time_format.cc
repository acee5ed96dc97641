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

void append_padded(std::string& out, std::int64_t number, int width, char padding = '0') {
  if (number < 0) {
    out += '-';
    number = -number;
  }
  char digits[number_width];
  const auto size = write_int(digits, number) - digits;
  if (size < width) out.append(static_cast<std::size_t>(width - size), padding);
  out.append(digits, static_cast<std::size_t>(size));
}

void append_offset(std::string& out, std::int32_t seconds, OffsetForm form) {
  if (seconds == 0 && form.z_for_utc) {
    out += 'Z';
    return;
  }
  const std::string_view separator = form.colons ? ":" : "";
  const int minutes = std::abs(seconds / 60);
  out += seconds / 60 < 0 ? '-' : '+';
  append_padded(out, minutes / 60, 2);
  if (form.fields >= 2) append_padded(out.append(separator), minutes % 60, 2);
  if (form.fields >= 3) {
    // Go keeps the sign of an offset shorter than a minute here.
    const int rest = seconds / 60 < 0 ? -seconds % 60 : seconds % 60;
    append_padded(out.append(separator), rest, 2);
  }
}

/// `spelling` is the separator and a digit for each place.
void append_fraction(std::string& out, std::int32_t nanoseconds, std::string_view spelling,
                     bool trimmed) {
  if (trimmed && nanoseconds == 0) return;
  const std::size_t before = out.size();
  out += spelling.front();
  append_padded(out, nanoseconds, 9);
  out.resize(std::min(out.size(), before + spelling.size()));
  if (!trimmed) return;
  while (out.back() == '0') out.pop_back();
  if (out.size() == before + 1) out.pop_back();
}

int hour_of_twelve(int hour) { return hour % 12 == 0 ? 12 : hour % 12; }

class Formatter {
 public:
  Formatter(std::string& out, const Timestamp& time)
      : out_(out),
        time_(time),
        zone_(offset_of(time)),
        days_(day_of(time.seconds, zone_.seconds)),
        clock_(civil_from_unix(time.seconds, zone_.seconds)) {}

  void append(const LayoutPiece& piece) {
    switch (piece.element) {
      case LayoutElement::none: break;
      case LayoutElement::long_month: out_ += month_name(clock_.month); break;
      case LayoutElement::month: out_ += month_name(clock_.month).substr(0, 3); break;
      case LayoutElement::number_month: append_padded(out_, clock_.month, 0); break;
      case LayoutElement::zero_month: append_padded(out_, clock_.month, 2); break;
      case LayoutElement::long_weekday: out_ += weekday_name(weekday_of(days_)); break;
      case LayoutElement::weekday: out_ += weekday_name(weekday_of(days_)).substr(0, 3); break;
      case LayoutElement::day: append_padded(out_, clock_.day, 0); break;
      case LayoutElement::under_day: append_padded(out_, clock_.day, 2, ' '); break;
      case LayoutElement::zero_day: append_padded(out_, clock_.day, 2); break;
      case LayoutElement::under_yearday: append_padded(out_, yearday_of(days_), 3, ' '); break;
      case LayoutElement::zero_yearday: append_padded(out_, yearday_of(days_), 3); break;
      case LayoutElement::hour: append_padded(out_, clock_.hour, 2); break;
      case LayoutElement::hour12: append_padded(out_, hour_of_twelve(clock_.hour), 0); break;
      case LayoutElement::zero_hour12: append_padded(out_, hour_of_twelve(clock_.hour), 2); break;
      case LayoutElement::minute: append_padded(out_, clock_.minute, 0); break;
      case LayoutElement::zero_minute: append_padded(out_, clock_.minute, 2); break;
      case LayoutElement::second: append_padded(out_, clock_.second, 0); break;
      case LayoutElement::zero_second: append_padded(out_, clock_.second, 2); break;
      case LayoutElement::long_year: append_padded(out_, clock_.year, 4); break;
      case LayoutElement::year: append_padded(out_, std::abs(clock_.year) % 100, 2); break;
      case LayoutElement::upper_pm: out_ += clock_.hour >= 12 ? "PM" : "AM"; break;
      case LayoutElement::lower_pm: out_ += clock_.hour >= 12 ? "pm" : "am"; break;
      case LayoutElement::zone_offset: append_offset(out_, zone_.seconds, piece.offset); break;
      case LayoutElement::zone_name:
        if (zone_.abbreviation.empty()) {
          append_offset(out_, zone_.seconds, {});
        } else {
          out_ += zone_.abbreviation;
        }
        break;
      case LayoutElement::fraction:
      case LayoutElement::trimmed_fraction:
        append_fraction(out_, time_.nanoseconds, piece.text,
                        piece.element == LayoutElement::trimmed_fraction);
        break;
    }
  }

 private:
  std::string& out_;
  const Timestamp& time_;
  const Zone::Offset zone_;
  const std::int64_t days_;
  const CivilTime clock_;
};

}  // namespace

std::string_view month_name(int month) { return months[month - 1]; }
std::string_view weekday_name(int weekday) { return weekdays[weekday]; }

void append_time(std::string& out, const Timestamp& time, std::string_view layout) {
  if (layout == layout::rfc3339_nano) return append_rfc3339(out, time);
  Formatter formatter(out, time);
  while (!layout.empty()) {
    const LayoutPiece piece = next_piece(layout);
    out += piece.before;
    formatter.append(piece);
    layout = piece.after;
  }
}

}  // namespace tollgate
