#include <algorithm>

#include "value/civil.h"
#include "value/encoding.h"
#include "value/layout_element.h"
#include "value/time_layout.h"

namespace tollgate {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool digit_at(std::string_view text, std::size_t at) {
  return at < text.size() && is_digit(text[at]);
}
bool is_separator(char c) { return c == '.' || c == ','; }

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    const char lower = static_cast<char>(x | 0x20);
    return x == y || (lower == (y | 0x20) && lower >= 'a' && lower <= 'z');
  });
}

/// The nanoseconds that up to nine `digits` after the separator stand for; more are ignored.
std::int32_t nanoseconds_of(std::string_view digits) {
  std::int32_t number = 0;
  for (std::size_t i = 0; i < 9; ++i) {
    number = number * 10 + (i < digits.size() ? digits[i] - '0' : 0);
  }
  return number;
}

std::size_t count_digits(std::string_view text, std::size_t from) {
  std::size_t at = from;
  while (digit_at(text, at)) ++at;
  return at - from;
}

/// The size of a signed number of hours up to 23 at the start of `text`, or 0.
std::size_t signed_hours(std::string_view text) {
  if (text.empty() || (text[0] != '+' && text[0] != '-')) return 0;
  const std::size_t digits = count_digits(text, 1);
  int hours = 0;
  for (std::size_t i = 1; i <= digits; ++i) hours = std::min(hours * 10 + (text[i] - '0'), 100);
  return digits > 0 && hours <= 23 ? digits + 1 : 0;
}

/// The size of what looks like a zone abbreviation at the start of `text`, or 0.
std::size_t abbreviation_size(std::string_view text) {
  if (text.size() < 3) return 0;
  if (text.starts_with("ChST") || text.starts_with("MeST")) return 4;
  if (text.starts_with("GMT")) return 3 + signed_hours(text.substr(3));
  if (text[0] == '+' || text[0] == '-') return signed_hours(text);
  std::size_t upper = 0;
  while (upper < 6 && upper < text.size() && text[upper] >= 'A' && text[upper] <= 'Z') ++upper;
  if (upper == 3) return 3;
  if (upper == 4) return text[3] == 'T' || text.starts_with("WITA") ? 4 : 0;
  return upper == 5 && text[4] == 'T' ? 5 : 0;
}

class Parser {
 public:
  Parser(std::string_view text, const TimeLayout& layout, const Zone* fallback, const Zone* local)
      : text_(text),
        layout_(layout),
        rest_(text),
        piece_(layout.pieces().data()),
        fallback_(fallback),
        local_(local) {}

  Result<Timestamp> parse() {
    for (;; ++piece_) {
      const LayoutPiece& piece = *piece_;
      if (!skip(piece.before)) return mismatch(rest_, piece.before);
      if (piece.element == LayoutElement::none) break;
      const std::string_view hold = rest_;
      const bool good = read(piece);
      if (!out_of_range_.empty()) {
        return fail(std::string(": ").append(out_of_range_).append(" out of range"));
      }
      if (!good) return mismatch(hold, piece.text);
    }
    if (!rest_.empty()) {
      std::string message = ": extra text: ";
      append_time_quoted(message, rest_);
      return fail(message);
    }
    return finish();
  }

 private:
  // Errors ---------------------------------------------------------------------------------------

  std::unexpected<Error> mismatch(std::string_view value, std::string_view element) const {
    std::string message = " as ";
    append_time_quoted(message, layout_.text());
    message += ": cannot parse ";
    append_time_quoted(message, value);
    message += " as ";
    append_time_quoted(message, element);
    return fail(message);
  }

  std::unexpected<Error> fail(std::string_view what) const {
    std::string message = "parsing time ";
    append_time_quoted(message, text_);
    message += what;
    return invalid(std::move(message));
  }

  // Pieces ---------------------------------------------------------------------------------------

  /// Moves past literal text; a run of spaces matches any other run, or the end.
  bool skip(std::string_view literal) {
    while (!literal.empty()) {
      if (literal.front() == ' ') {
        if (!rest_.empty() && rest_.front() != ' ') return false;
        literal.remove_prefix(std::min(literal.find_first_not_of(' '), literal.size()));
        rest_.remove_prefix(std::min(rest_.find_first_not_of(' '), rest_.size()));
        continue;
      }
      if (!rest_.starts_with(literal.front())) return false;
      literal.remove_prefix(1);
      rest_.remove_prefix(1);
    }
    return true;
  }

  /// A number of one to `most` digits, or of exactly `most`.
  bool number(int& out, std::size_t most, bool exact) {
    const std::size_t digits = std::min(count_digits(rest_, 0), most);
    if (digits == 0 || (exact && digits != most)) return false;
    out = 0;
    for (const char c : rest_.substr(0, digits)) out = out * 10 + (c - '0');
    rest_.remove_prefix(digits);
    return true;
  }

  bool limited(int& out, bool exact, int least, int most, std::string_view what) {
    if (!number(out, 2, exact)) return false;
    if (out < least || out > most) out_of_range_ = what;
    return true;
  }

  template <typename Name>
  bool name(int count, Name name_of, std::size_t size, int& index) {
    for (int i = 0; i < count; ++i) {
      const std::string_view candidate = name_of(i).substr(0, size);
      if (equals_ignoring_case(rest_.substr(0, candidate.size()), candidate)) {
        index = i;
        rest_.remove_prefix(candidate.size());
        return true;
      }
    }
    return false;
  }

  bool month_text(std::size_t size) {
    int index = 0;
    if (!name(12, [](int i) { return month_name(i + 1); }, size, index)) return false;
    month_ = index + 1;
    return true;
  }

  bool weekday_text(std::size_t size) {
    int ignored = 0;
    return name(7, [](int i) { return weekday_name(i); }, size, ignored);
  }

  void skip_space(int most) {
    while (most-- > 0 && rest_.starts_with(' ')) rest_.remove_prefix(1);
  }

  bool long_year() {
    if (count_digits(rest_, 0) < 4) return false;
    int year = 0;
    number(year, 4, true);
    year_ = year;
    return true;
  }

  bool short_year() {
    if (rest_.size() < 2) return false;
    int year = 0;
    if (is_digit(rest_[0]) && is_digit(rest_[1])) {
      year = (rest_[0] - '0') * 10 + (rest_[1] - '0');
    } else if ((rest_[0] == '-' || rest_[0] == '+') && is_digit(rest_[1])) {
      year = rest_[0] == '-' ? '0' - rest_[1] : rest_[1] - '0';
    } else {
      return false;
    }
    rest_.remove_prefix(2);
    year_ = year + (year >= 69 ? 1900 : 2000);
    return true;
  }

  bool second(bool exact) {
    if (!limited(second_, exact, 0, 59, "second")) return false;
    if (!out_of_range_.empty()) return true;
    if (rest_.size() < 2 || !is_separator(rest_[0]) || !is_digit(rest_[1])) return true;
    const LayoutElement next = piece_[1].element;
    if (next == LayoutElement::fraction || next == LayoutElement::trimmed_fraction) return true;
    return fraction_digits();  // a fraction that the layout does not mention
  }

  bool fraction_digits() {
    const std::size_t digits = count_digits(rest_, 1);
    nanosecond_ = nanoseconds_of(rest_.substr(1, digits));
    rest_.remove_prefix(1 + digits);
    return true;
  }

  bool fraction(std::size_t size) {
    if (rest_.size() < size || !is_separator(rest_[0])) return false;
    const std::string_view digits = rest_.substr(1, std::min<std::size_t>(size - 1, 9));
    // Go takes one sign in front of the digits, and refuses a negative fraction.
    const bool sign = digits[0] == '-' || digits[0] == '+';
    if (count_digits(digits, sign) + sign != digits.size()) return false;
    if (sign) {
      std::int32_t number = 0;
      for (const char c : digits.substr(1)) number = number * 10 + (c - '0');
      if (digits[0] == '-' && number > 0) out_of_range_ = "fractional second";
      for (std::size_t i = digits.size(); i < 9; ++i) number *= 10;
      nanosecond_ = number;
    } else {
      nanosecond_ = nanoseconds_of(digits);
    }
    rest_.remove_prefix(size);
    return true;
  }

  bool half(std::string_view am, std::string_view pm) {
    if (rest_.starts_with(am)) {
      am_ = true;
    } else if (rest_.starts_with(pm)) {
      pm_ = true;
    } else {
      return false;
    }
    rest_.remove_prefix(2);
    return true;
  }

  bool zone_offset(OffsetForm form) {
    if (form.z_for_utc && rest_.starts_with('Z')) {
      rest_.remove_prefix(1);
      utc_ = true;
      return true;
    }
    int fields[3] = {0, 0, 0};
    const std::size_t step = form.colons ? 3 : 2;
    const std::size_t size = 1 + 2 + (form.fields - 1u) * step;
    if (rest_.size() < size) return false;
    if (form.colons) {
      for (std::size_t i = 3; i < size; i += 3) {
        if (rest_[i] != ':') return false;
      }
    }
    bool good = true;
    for (std::size_t i = 0; good && i < form.fields; ++i) {
      const std::string_view digits = rest_.substr(1 + i * step, 2);
      good = count_digits(digits, 0) == 2;
      if (good) fields[i] = (digits[0] - '0') * 10 + (digits[1] - '0');
    }
    if (fields[0] > 24) out_of_range_ = "time zone offset hour";
    if (fields[1] > 60) out_of_range_ = "time zone offset minute";
    if (fields[2] > 60) out_of_range_ = "time zone offset second";
    int seconds = (fields[0] * 60 + fields[1]) * 60 + fields[2];
    const char sign = rest_[0];
    if (sign == '-') seconds = -seconds;
    rest_.remove_prefix(size);
    // Go uses -1 for "no offset", so that a second west of UTC counts as none.
    if (seconds != -1) {
      offset_ = seconds;
    } else {
      offset_.reset();
    }
    return good && (sign == '+' || sign == '-');
  }

  bool zone_name() {
    if (rest_.starts_with("UTC")) {
      rest_.remove_prefix(3);
      utc_ = true;
      return true;
    }
    const std::size_t size = abbreviation_size(rest_);
    zone_name_ = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return size > 0;
  }

  bool read(const LayoutPiece& piece) {
    using Element = LayoutElement;
    switch (piece.element) {
      case Element::none: return true;
      case Element::long_month: return month_text(16);
      case Element::month: return month_text(3);
      case Element::number_month: return limited(month_, false, 1, 12, "month");
      case Element::zero_month: return limited(month_, true, 1, 12, "month");
      case Element::long_weekday: return weekday_text(16);
      case Element::weekday: return weekday_text(3);
      case Element::under_day: skip_space(1); return number(day_, 2, false);
      case Element::day: return number(day_, 2, false);
      case Element::zero_day: return number(day_, 2, true);
      case Element::under_yearday: skip_space(2); return number(yearday_, 3, false);
      case Element::zero_yearday: return number(yearday_, 3, true);
      case Element::hour: return limited(hour_, false, 0, 23, "hour");
      case Element::hour12: return limited(hour_, false, 0, 12, "hour");
      case Element::zero_hour12: return limited(hour_, true, 0, 12, "hour");
      case Element::minute: return limited(minute_, false, 0, 59, "minute");
      case Element::zero_minute: return limited(minute_, true, 0, 59, "minute");
      case Element::second: return second(false);
      case Element::zero_second: return second(true);
      case Element::long_year: return long_year();
      case Element::year: return short_year();
      case Element::upper_pm: return half("AM", "PM");
      case Element::lower_pm: return half("am", "pm");
      case Element::zone_name: return zone_name();
      case Element::zone_offset: return zone_offset(piece.offset);
      case Element::fraction: return fraction(piece.text.size());
      case Element::trimmed_fraction:
        if (rest_.size() < 2 || !is_separator(rest_[0]) || !is_digit(rest_[1])) return true;
        return fraction_digits();
    }
    return true;
  }

  // The whole ------------------------------------------------------------------------------------

  /// Turns a day of the year into month and day, which must agree with those read.
  std::string_view settle_yearday() {
    int day = yearday_;
    int leap_month = 0;
    if (is_leap(year_)) {
      if (day == 60) leap_month = 2;
      if (day > 60) --day;
    }
    if (day < 1 || day > 365) return ": day-of-year out of range";
    constexpr std::int64_t common_year = 2001;
    CivilDate date = civil_from_days(days_from_civil(common_year, 1, day));
    if (leap_month) date = {year_, 2, 29};
    if (month_ >= 0 && month_ != date.month) return ": day-of-year does not match month";
    if (day_ >= 0 && day_ != date.day) return ": day-of-year does not match day";
    month_ = date.month;
    day_ = date.day;
    return {};
  }

  Result<Timestamp> finish() {
    if (pm_ && hour_ < 12) {
      hour_ += 12;
    } else if (am_ && !pm_ && hour_ == 12) {
      hour_ = 0;
    }
    if (yearday_ >= 0) {
      if (const auto problem = settle_yearday(); !problem.empty()) return fail(problem);
    }
    if (month_ < 0) month_ = 1;
    if (day_ < 0) day_ = 1;
    if (day_ < 1 || day_ > days_in_month(year_, month_)) return fail(": day out of range");
    const ClockFields fields{year_, month_, day_, hour_, minute_, second_, nanosecond_};
    if (utc_) return time_of(fields, nullptr);
    if (offset_) return with_offset(time_of(fields, nullptr));
    if (!zone_name_.empty()) return with_abbreviation(time_of(fields, nullptr));
    return time_of(fields, fallback_);
  }

  Timestamp with_offset(Timestamp time) const {
    time.seconds -= *offset_;
    time.zone = local_;
    const Zone::Offset there = offset_of(time);
    if (there.seconds != *offset_ || (!zone_name_.empty() && there.abbreviation != zone_name_)) {
      time.zone = Zone::fixed(*offset_, zone_name_);
    }
    return time;
  }

  Timestamp with_abbreviation(Timestamp time) const {
    if (local_ && local_ != Zone::utc()) {
      if (const auto offset = local_->find_offset(zone_name_, time.seconds)) {
        time.seconds -= *offset;
        time.zone = local_;
        return time;
      }
    }
    std::int32_t offset = 0;
    if (zone_name_.starts_with("GMT") && zone_name_.size() > 3) {
      for (const char c : zone_name_.substr(4)) offset = offset * 10 + (c - '0');
      offset *= zone_name_[3] == '-' ? -3600 : 3600;
    }
    time.zone = Zone::fixed(offset, zone_name_);
    return time;
  }

  const std::string_view text_;
  const TimeLayout& layout_;
  std::string_view rest_;     ///< of the text
  const LayoutPiece* piece_;  ///< the current one
  const Zone* const fallback_;
  const Zone* const local_;

  std::string_view out_of_range_;
  std::int64_t year_ = 0;
  int month_ = -1;
  int day_ = -1;
  int yearday_ = -1;
  int hour_ = 0;
  int minute_ = 0;
  int second_ = 0;
  std::int32_t nanosecond_ = 0;
  bool am_ = false;
  bool pm_ = false;
  bool utc_ = false;
  std::optional<std::int32_t> offset_;
  std::string_view zone_name_;
};

/// Two digits as a number, at least 256 if they are none.
unsigned two_digits(const char* at) {
  const unsigned high = static_cast<unsigned char>(at[0]) - unsigned{'0'};
  const unsigned low = static_cast<unsigned char>(at[1]) - unsigned{'0'};
  return high <= 9 && low <= 9 ? high * 10 + low : 256;
}

/// The common case without a layout: true if `text` is strict RFC 3339.
bool parse_strict(std::string_view text, const Zone* local, Timestamp& time) {
  if (text.size() < 20) return false;
  const char* const at = text.data();
  if (at[4] != '-' || at[7] != '-' || at[10] != 'T' || at[13] != ':' || at[16] != ':') return false;
  const unsigned century = two_digits(at);
  const unsigned of_century = two_digits(at + 2);
  const unsigned month = two_digits(at + 5);
  const unsigned day = two_digits(at + 8);
  const unsigned hour = two_digits(at + 11);
  const unsigned minute = two_digits(at + 14);
  const unsigned second = two_digits(at + 17);
  if (century > 99 || of_century > 99 || month < 1 || month > 12 || day < 1 || hour > 23 ||
      minute > 59 || second > 59) {
    return false;
  }
  const std::int64_t year = century * 100 + of_century;
  const auto month_number = static_cast<int>(month);
  if (day > 28 && static_cast<int>(day) > days_in_month(year, month_number)) return false;
  text.remove_prefix(19);
  time.nanoseconds = 0;
  if (text.size() >= 2 && text[0] == '.' && is_digit(text[1])) {
    const std::size_t digits = count_digits(text, 1);
    time.nanoseconds = nanoseconds_of(text.substr(1, digits));
    text.remove_prefix(1 + digits);
  }
  time.seconds = days_from_civil(year, month_number, day) * 86'400 + (hour * 60 + minute) * 60 +
                 second;
  time.zone = nullptr;
  if (text == "Z") return true;
  if (text.size() != 6 || (text[0] != '-' && text[0] != '+') || text[3] != ':') return false;
  const unsigned hours = two_digits(text.data() + 1);
  const unsigned minutes = two_digits(text.data() + 4);
  if (hours > 23 || minutes > 59) return false;
  const auto offset = static_cast<std::int32_t>((hours * 60 + minutes) * 60);
  const std::int32_t east = text[0] == '-' ? -offset : offset;
  time.seconds -= east;
  time.zone = local;
  if (offset_of(time).seconds != east) time.zone = Zone::fixed(east);
  return true;
}

Result<Timestamp> parse_with(std::string_view text, const TimeLayout& layout, const Zone* fallback,
                             const Zone* local) {
  if (layout.takes_rfc3339()) {
    Timestamp time;
    if (parse_strict(text, local, time)) return time;
  }
  return Parser(text, layout, fallback, local).parse();
}

}  // namespace

Result<Timestamp> TimeLayout::parse(std::string_view text) const {
  return parse_with(text, *this, nullptr, Zone::local());
}

Result<Timestamp> parse_time(std::string_view text, std::string_view layout) {
  return TimeLayout(layout).parse(text);
}

Result<Timestamp> parse_time_in(std::string_view text, std::string_view layout, const Zone* zone) {
  return parse_with(text, TimeLayout(layout), zone, zone);
}

Result<Timestamp> parse_rfc3339(std::string_view text) {
  static const TimeLayout layout(layout::rfc3339_nano);
  return layout.parse(text);
}

void append_time_quoted(std::string& out, std::string_view text) {
  constexpr char digits[] = "0123456789abcdef";
  out += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < ' ' || byte >= 0x80) {
      out += "\\x";
      out += digits[byte >> 4];
      out += digits[byte & 15];
    } else {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
  }
  out += '"';
}

}  // namespace tollgate
