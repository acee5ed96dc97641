#include <algorithm>

#include "value/civil.h"
#include "value/encoding.h"
#include "value/strftime.h"
#include "value/strftime_composite.h"
#include "value/time_layout.h"

namespace tollgate {

namespace {

bool is_letter(char c) { return (c | 0x20) >= 'a' && (c | 0x20) <= 'z'; }
bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

class Parser {
 public:
  Parser(std::string_view text, std::string_view format) : text_(text), format_(format) {}

  Result<Timestamp> parse() {
    if (!read_all() || !settle()) return failed();
    return result_;
  }

 private:
  // Errors ---------------------------------------------------------------------------------------

  std::unexpected<Error> failed() const {
    std::string message = "failed to parse ";
    append_go_quoted(message, text_);
    message += " with ";
    append_go_quoted(message, format_);
    message.append(": ").append(problem_);
    return invalid(std::move(message));
  }

  bool fail(std::string problem) {
    problem_ = std::move(problem);
    return false;
  }

  bool fail_directive(std::string_view before, int colons, char letter) {
    std::string problem(before);
    problem += " \"%";
    problem.append(static_cast<std::size_t>(colons), ':');
    append_rune(problem, static_cast<unsigned char>(letter));
    return fail(problem += '"');
  }
  bool cannot_parse(char letter) { return fail_directive("cannot parse", 0, letter); }

  // The format -----------------------------------------------------------------------------------

  bool read_all() {
    for (std::size_t at = 0; at < format_.size(); ++at) {
      if (format_[at] != '%') {
        if (!literal(format_[at])) return false;
        continue;
      }
      if (++at == format_.size()) return fail("stray \"%\"");
      if (format_[at] == ':') {
        if (!colon_zone(at)) return false;
      } else if (const auto parts = strftime_composite(format_[at]); !parts.empty()) {
        for (const char part : parts) {
          if (!(is_letter(part) ? directive(part) : literal(part))) return false;
        }
      } else if (!directive(format_[at])) {
        return false;
      }
    }
    if (at_ == text_.size()) return true;
    std::string problem = "unparsed string ";
    append_go_quoted(problem, text_.substr(at_));
    return fail(std::move(problem));
  }

  /// A directive of up to three colons and a z; `at` is at the first colon, left at the z.
  bool colon_zone(std::size_t& at) {
    int colons = 0;
    for (; colons < 3 && at < format_.size() && format_[at] == ':'; ++at) ++colons;
    if (at < format_.size() && format_[at] == 'z') return offset(colons);
    std::string problem = "expected 'z' after \"%";
    problem.append(static_cast<std::size_t>(colons), ':');
    return fail(problem += '"');
  }

  bool literal(char c) {
    if (at_ < text_.size() && text_[at_] == c) {
      ++at_;
      return true;
    }
    std::string problem = "expected ";
    append_quoted_byte(problem, static_cast<unsigned char>(c));
    return fail(std::move(problem));
  }

  bool directive(char letter) {
    switch (letter) {
      case 'G': iso_year_ = true; return year(letter);
      case 'Y': return year(letter);
      case 'g': iso_year_ = true; return short_year(letter);
      case 'y': return short_year(letter);
      case 'C': return century();
      case 'm': return number(month_, 2, 1, 12, letter);
      case 'B': return name(month_, 12, 16, month_at, letter);
      case 'b':
      case 'h': return name(month_, 12, 3, month_at, letter);
      case 'A': return name(weekday_, 7, 16, weekday_at, letter);
      case 'a': return name(weekday_, 7, 3, weekday_at, letter);
      case 'w': {
        int sunday_first = 0;
        if (!number(sunday_first, 1, 0, 6, letter)) return false;
        weekday_ = sunday_first + 1;
        return true;
      }
      case 'u': {
        int monday_first = 0;
        if (!number(monday_first, 1, 1, 7, letter)) return false;
        weekday_ = monday_first % 7 + 1;
        return true;
      }
      case 'V': return week(letter, WeekStart::thursday, 2);
      case 'U': return week(letter, WeekStart::sunday, 1);
      case 'W': return week(letter, WeekStart::monday, 2);
      case 'e': skip_one_space(); return number(day_, 2, 1, 31, letter);
      case 'd': return number(day_, 2, 1, 31, letter);
      case 'j': return number(yearday_, 3, 1, 366, letter);
      case 'k': skip_one_space(); return number(hour_, 2, 0, 23, letter);
      case 'H': return number(hour_, 2, 0, 23, letter);
      case 'l': skip_one_space(); return hour12(letter);
      case 'I': return hour12(letter);
      case 'P':
      case 'p': return half(letter);
      case 'M': return number(minute_, 2, 0, 59, letter);
      case 'S': return number(second_, 2, 0, 60, letter);
      case 's': return unix_seconds();
      case 'f': return microseconds();
      case 'Z': return zone_name();
      case 'z': return offset(0);
      case 't':
      case 'n': return white_space(letter);
      case '%': return literal('%');
      default: return fail_directive("unexpected format", 0, letter);
    }
  }

  // Fields ---------------------------------------------------------------------------------------

  bool sign(char c) {
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void skip_one_space() { sign(' '); }

  std::size_t digits_here(std::size_t most) const {
    std::size_t count = 0;
    while (count < most && at_ + count < text_.size() && text_[at_ + count] >= '0' &&
           text_[at_ + count] <= '9') {
      ++count;
    }
    return count;
  }

  bool number(int& out, std::size_t most_digits, int least, int most, char letter) {
    const std::size_t digits = digits_here(most_digits);
    int value = 0;
    for (std::size_t i = 0; i < digits; ++i) value = value * 10 + (text_[at_ + i] - '0');
    if (digits == 0 || value < least || value > most) return cannot_parse(letter);
    at_ += digits;
    out = value;
    return true;
  }

  static std::string_view month_at(int index) { return month_name(index + 1); }
  static std::string_view weekday_at(int index) { return weekday_name(index); }

  /// One of `count` names, cut to `size`; `out` counts from 1.
  template <typename NameAt>
  bool name(int& out, int count, std::size_t size, NameAt name_at, char letter) {
    for (int i = 0; i < count; ++i) {
      const std::string_view candidate = name_at(i).substr(0, size);
      if (text_here(candidate)) {
        at_ += candidate.size();
        out = i + 1;
        return true;
      }
    }
    return cannot_parse(letter);
  }

  bool text_here(std::string_view word) const {
    const std::string_view here = text_.substr(at_, word.size());
    return std::equal(here.begin(), here.end(), word.begin(), word.end(),
                      [](char a, char b) { return (a | 0x20) == (b | 0x20); });
  }

  bool year(char letter) {
    const bool negative = sign('-');
    int value = 0;
    if (!number(value, 4, 0, 9999, letter)) return false;
    year_ = negative ? -value : value;
    return true;
  }

  bool short_year(char letter) {
    int value = 0;
    if (!number(value, 2, 0, 99, letter)) return false;
    year_ = value + (value < 69 ? 2000 : 1900);
    return true;
  }

  bool century() {
    if (sign('-')) return fail("negative century is not supported for \"%C\"");
    return number(century_, 2, 0, 99, 'C');
  }

  enum class WeekStart : std::int8_t { none = -1, sunday = 0, monday = 1, thursday = 4 };

  bool week(char letter, WeekStart start, int default_weekday) {
    if (!number(week_, 2, start == WeekStart::thursday ? 1 : 0, 53, letter)) return false;
    week_start_ = start;
    if (weekday_ == 0) weekday_ = default_weekday;
    return true;
  }

  bool hour12(char letter) {
    if (!number(hour_, 2, 1, 12, letter)) return false;
    hour_ %= 12;
    return true;
  }

  bool half(char letter) {
    int which = 0;
    const auto half_at = [](int index) { return std::string_view(index == 0 ? "AM" : "PM"); };
    if (!name(which, 2, 2, half_at, letter)) return false;
    afternoon_ = which == 2;
    return true;
  }

  bool unix_seconds() {
    const bool negative = sign('-');
    const std::size_t digits = digits_here(19);
    if (digits == 0) return cannot_parse('s');
    std::uint64_t value = 0;  // 19 digits fit
    for (std::size_t i = 0; i < digits; ++i) {
      value = value * 10 + static_cast<std::uint64_t>(text_[at_ + i] - '0');
    }
    at_ += digits;
    const auto seconds = static_cast<std::int64_t>(negative ? 0 - value : value);
    const CivilTime clock = civil_from_unix(seconds);
    year_ = clock.year;
    month_ = clock.month;
    day_ = clock.day;
    hour_ = clock.hour;
    minute_ = clock.minute;
    second_ = clock.second;
    return true;
  }

  bool microseconds() {
    const std::size_t before = at_;
    int value = 0;
    if (!number(value, 6, 0, 999'999, 'f')) return false;
    for (std::size_t i = at_ - before; i < 6; ++i) value *= 10;
    nanosecond_ = value * 1000;
    return true;
  }

  bool white_space(char letter) {
    const std::size_t before = at_;
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
    return at_ > before || fail_directive("expected a space for", 0, letter);
  }

  // Zones ----------------------------------------------------------------------------------------

  bool zone_name() {
    std::size_t end = at_;
    while (end < text_.size() && text_[end] >= 'A' && text_[end] <= 'Z') ++end;
    const std::string_view name = text_.substr(at_, end - at_);
    at_ = end;
    const auto time = parse_time(name, "MST");
    if (!time) {
      std::string problem = "cannot parse ";
      append_go_quoted(problem, name);
      return fail(problem += " with \"%Z\"");
    }
    if (has_offset_) {
      zone_ = Zone::fixed(reference_offset().seconds, offset_of(*time).abbreviation);
    } else {
      zone_ = time->zone;
    }
    has_zone_name_ = true;
    return true;
  }

  /// The zone so far, as it was at the start of the year 2000.
  Zone::Offset reference_offset() const {
    return offset_of(time_of({.year = 2000}, zone_));
  }

  bool two_digits(int& out, int most) {
    if (digits_here(2) < 2) return false;
    const int value = (text_[at_] - '0') * 10 + (text_[at_ + 1] - '0');
    if (value > most) return false;
    out = value;
    at_ += 2;
    return true;
  }

  /// Without colons in the directive, colons in the text are taken as they come; with one or two,
  /// minutes or seconds must be there; with three, they may.
  bool offset(int colons) {
    if (sign('Z')) {
      zone_ = nullptr;
      return true;
    }
    const bool negative = sign('-');
    int hours = 0;
    if ((!negative && !sign('+')) || !two_digits(hours, 23)) {
      return fail_directive("cannot parse", colons, 'z');
    }
    int minutes = 0;
    int seconds = 0;
    const bool required = colons == 1 || colons == 2;
    const bool colon = sign(':');
    if (required && !colon) return fail_directive("expected ':' for", colons, 'z');
    const bool with_seconds = colons > 1 || (colons == 0 && colon);
    if (!two_digits(minutes, 59)) {
      if (required || (colons == 0 && colon)) return fail_directive("cannot parse", colons, 'z');
    } else if (with_seconds && !offset_seconds(colons, seconds)) {
      return false;
    }
    const int total = (hours * 60 + minutes) * 60 + seconds;
    const std::string_view name =
        has_zone_name_ ? reference_offset().abbreviation : std::string_view();
    zone_ = Zone::fixed(negative ? -total : total, name);
    has_offset_ = true;
    return true;
  }

  bool offset_seconds(int colons, int& seconds) {
    const std::size_t before = at_;
    if (!sign(':')) return colons != 2 || fail_directive("expected ':' for", colons, 'z');
    if (two_digits(seconds, 59)) return true;
    if (colons == 2) return fail_directive("cannot parse", colons, 'z');
    seconds = 0;
    at_ = before;
    return true;
  }

  // The whole ------------------------------------------------------------------------------------

  bool settle() {
    if (afternoon_) hour_ += 12;
    if (century_ >= 0) year_ = century_ * 100 + year_ % 100;
    ClockFields fields{year_, month_, day_, hour_, minute_, second_, nanosecond_};
    if (day_ == 0) {
      fields.day = 1;
      if (yearday_ > 0) {
        if (iso_year_) return fail("use \"%Y\" to parse non-ISO year for \"%j\"");
        fields.month = 1;
        fields.day = yearday_;
      } else if (week_start_ != WeekStart::none) {
        return settle_week(fields);
      }
    }
    result_ = time_of(fields, zone_);
    return true;
  }

  bool settle_week(ClockFields fields) {
    if (week_start_ == WeekStart::thursday) {
      if (!iso_year_) return fail("use \"%G\" to parse ISO year for \"%V\"");
    } else if (iso_year_) {
      return fail("use \"%Y\" to parse non-ISO year for \"%U\" or \"%W\"");
    }
    if (week_start_ != WeekStart::sunday && weekday_ == 1) ++week_;
    fields.month = 1;
    fields.day = -static_cast<int>(week_start_);
    const Timestamp before = time_of(fields, zone_);
    const int weekday = weekday_of(day_of(before.seconds, offset_of(before).seconds));
    result_ = add_date(before, 0, 0, week_ * 7 - weekday + weekday_ - 1);
    return true;
  }

  const std::string_view text_;
  const std::string_view format_;
  std::size_t at_ = 0;  ///< in the text
  std::string problem_;
  Timestamp result_;

  std::int64_t year_ = 1900;
  int month_ = 1;
  int day_ = 0;
  int hour_ = 0;
  int minute_ = 0;
  int second_ = 0;
  int nanosecond_ = 0;
  int century_ = -1;
  int yearday_ = 0;
  int week_ = 0;
  int weekday_ = 0;  ///< 1 is Sunday, 0 unknown
  WeekStart week_start_ = WeekStart::none;
  bool afternoon_ = false;
  bool iso_year_ = false;
  bool has_zone_name_ = false;
  bool has_offset_ = false;
  const Zone* zone_ = nullptr;
};

}  // namespace

Result<Timestamp> parse_strptime(std::string_view text, std::string_view format) {
  return Parser(text, format).parse();
}

}  // namespace tollgate
