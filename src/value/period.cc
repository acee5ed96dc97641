#include <algorithm>
#include <optional>

#include "value/civil.h"
#include "value/duration.h"
#include "value/encoding.h"

namespace tollgate {

namespace {

using Decimal = Period::Decimal;

constexpr int max_precision = 19;
constexpr std::size_t max_number = 330;  // bytes

bool is_number_char(char c) { return (c >= '0' && c <= '9') || c == '.' || c == ','; }

/// Shortens `digits` by `count`, rounding half to even. `digits` may become empty, which is 0.
void drop_digits(std::string& digits, std::size_t count) {
  const std::size_t kept = digits.size() > count ? digits.size() - count : 0;
  const bool beyond = count > digits.size();
  const char first = beyond ? '0' : digits[kept];
  const bool rest = digits.find_first_not_of('0', kept + 1) != digits.npos;
  digits.resize(kept);
  const bool odd = kept > 0 && (digits.back() - '0') % 2 == 1;
  if (first < '5' || (first == '5' && !rest && !odd)) return;
  std::size_t at = kept;
  while (at > 0 && digits[at - 1] == '9') digits[--at] = '0';
  if (at == 0) {
    digits.insert(0, 1, '1');
  } else {
    ++digits[at - 1];
  }
}

/// A number of at most 19 digits, more places being rounded off. Nothing if it is malformed or its
/// whole part is longer.
std::optional<Decimal> parse_decimal(std::string_view text) {
  if (text.size() > max_number) return std::nullopt;
  Decimal result;
  if (text.starts_with('-')) {
    result.negative = true;
    text.remove_prefix(1);
  }
  std::string digits;
  bool any = false;
  bool point = false;
  for (const char c : text) {
    if (c == '.' || c == ',') {
      if (point) return std::nullopt;
      point = true;
      continue;
    }
    any = true;
    if (point) ++result.scale;
    if (!digits.empty() || c != '0') digits += c;
  }
  if (!any) return std::nullopt;
  while (static_cast<int>(digits.size()) > max_precision || result.scale > max_precision) {
    const int surplus =
        std::max(static_cast<int>(digits.size()) - max_precision, result.scale - max_precision);
    if (surplus > result.scale) return std::nullopt;
    drop_digits(digits, static_cast<std::size_t>(surplus));
    result.scale -= surplus;
  }
  for (const char c : digits) {
    result.coefficient = result.coefficient * 10 + static_cast<std::uint64_t>(c - '0');
  }
  if (result.coefficient == 0) result.negative = false;
  return result;
}

class Reader {
 public:
  Reader(std::string_view text, Period& period) : text_(text), rest_(text), period_(period) {}

  Result<> read() {
    if (text_.empty()) return invalid("cannot parse a blank string as a period");
    if (rest_.front() == '-' || rest_.front() == '+') {
      period_.negative = rest_.front() == '-';
      rest_.remove_prefix(1);
    }
    if (rest_.empty()) return invalid("cannot parse a blank string as a period");
    constexpr std::string_view zeros[] = {"P0Y", "P0M", "P0W", "P0D", "PT0H", "PT0M", "PT0S"};
    if (std::find(std::begin(zeros), std::end(zeros), rest_) != std::end(zeros)) {
      period_ = {};
      return {};
    }
    if (rest_.front() != 'P') return fail("expected 'P' period mark at the start");
    rest_.remove_prefix(1);
    while (!rest_.empty()) {
      if (rest_.front() == 'T') {
        if (clock_) return fail("'T' designator cannot occur more than once");
        clock_ = true;
        rest_.remove_prefix(1);
      } else {
        TRY(field());
      }
    }
    if (seen_.empty()) return fail("expected 'Y', 'M', 'W', 'D', 'H', 'M', or 'S' designator");
    return {};
  }

 private:
  std::unexpected<Error> fail(std::string_view what) const {
    return invalid(std::string(text_).append(": ").append(what));
  }
  /// `what` with the letters quoted in front.
  std::unexpected<Error> fail_at(char letter, std::string_view what) const {
    return fail(std::string("'").append(1, letter).append("' ").append(what));
  }

  Result<> field() {
    std::size_t size = rest_.starts_with('-') ? 1 : 0;
    while (size < rest_.size() && is_number_char(rest_[size])) ++size;
    if (size == rest_.size()) return fail("missing designator at the end");
    if (size == 0) return fail("expected a number but found " + quoted(rest_.front()));
    const auto number = parse_decimal(rest_.substr(0, size));
    if (!number) return fail("number invalid or out of range");
    const char letter = rest_[size];
    if (!std::string_view("SHDWYM").contains(letter)) {
      return fail("expected a designator Y, M, W, D, H, or S not " + quoted(letter));
    }
    rest_.remove_prefix(size + 1);
    if (fraction_of_ != '\0' && number->coefficient != 0) {
      return fail(std::string("'").append(1, fraction_of_).append("' & '").append(1, letter) +
                  "' only the last field can have a fraction");
    }
    const bool belongs_to_clock = letter == 'H' || letter == 'S' || (letter == 'M' && clock_);
    if (belongs_to_clock != clock_) return fail_at(letter, "designator cannot occur here");
    const char key = letter == 'M' && clock_ ? 'm' : letter;
    if (seen_.find(key) != seen_.npos) {
      return fail_at(letter, "designator cannot occur more than once");
    }
    seen_ += key;
    slot(key) = *number;
    if (number->scale > 0) fraction_of_ = letter;
    return {};
  }

  static std::string quoted(char letter) {
    std::string text = "'";
    append_rune(text, static_cast<unsigned char>(letter));
    return text += '\'';
  }

  Decimal& slot(char key) {
    switch (key) {
      case 'Y': return period_.years;
      case 'M': return period_.months;
      case 'W': return period_.weeks;
      case 'D': return period_.days;
      case 'H': return period_.hours;
      case 'm': return period_.minutes;
      default: return period_.seconds;
    }
  }

  const std::string_view text_;
  std::string_view rest_;
  Period& period_;
  bool clock_ = false;       ///< after the T
  char fraction_of_ = '\0';  ///< the last field with one
  std::string seen_;         ///< designators, minutes as 'm'
};

/// `field` in units of which it has `factor`, modulo 2^64.
std::uint64_t scaled(const Decimal& field, std::uint64_t factor) {
  for (int i = 0; i < field.scale; ++i) factor /= 10;
  const std::uint64_t value = field.coefficient * factor;
  return field.negative ? 0 - value : value;
}

/// The whole number, or 0 if it does not fit.
std::int64_t whole(const Decimal& field, bool negative) {
  if (field.coefficient > std::uint64_t{1} << 63 ||
      (field.coefficient == std::uint64_t{1} << 63 && !field.negative)) {
    return 0;
  }
  const bool minus = field.negative != negative;
  return static_cast<std::int64_t>(minus ? 0 - field.coefficient : field.coefficient);
}

}  // namespace

Result<Period> Period::parse(std::string_view text) {
  Period period;
  TRY(Reader(text, period).read());
  period.normalise_sign();
  return period;
}

bool Period::is_zero() const {
  const Decimal zero;
  return years == zero && months == zero && weeks == zero && days == zero && hours == zero &&
         minutes == zero && seconds == zero;
}

Period Period::negated() const {
  if (is_zero()) return {};
  Period result = *this;
  result.negative = !negative;
  return result;
}

void Period::normalise_sign() {
  Decimal* const fields[] = {&years, &months, &weeks, &days, &hours, &minutes, &seconds};
  const auto first = std::find_if(std::begin(fields), std::end(fields),
                                  [](const Decimal* field) { return field->coefficient != 0; });
  if (first == std::end(fields) || !(*first)->negative) return;
  negative = !negative;
  for (Decimal* const field : fields) {
    if (field->coefficient != 0) field->negative = !field->negative;
  }
}

std::uint64_t Period::clock_nanoseconds() const {
  return scaled(hours, 3'600'000'000'000) + scaled(minutes, 60'000'000'000) +
         scaled(seconds, 1'000'000'000);
}

std::int64_t Period::nanoseconds() const {
  constexpr std::uint64_t day = 1'000'000'000;  // billionths of a day
  constexpr std::uint64_t year = 365'242'500'000;
  const std::uint64_t billionths = scaled(days, day) + scaled(weeks, 7 * day) +
                                   scaled(months, year / 12'000 * 1000) + scaled(years, year);
  const std::uint64_t total = billionths * 86'400 + clock_nanoseconds();
  return static_cast<std::int64_t>(negative ? 0 - total : total);
}

Timestamp Period::add_to(const Timestamp& time) const {
  const Decimal zero;
  const bool calendar = years != zero || months != zero || weeks != zero || days != zero;
  const bool whole_calendar =
      years.scale == 0 && months.scale == 0 && weeks.scale == 0 && days.scale == 0;
  if (!calendar || !whole_calendar) return add_duration(time, nanoseconds());
  const std::uint64_t clock = clock_nanoseconds();
  const auto all_days = static_cast<std::int64_t>(
      static_cast<std::uint64_t>(whole(weeks, negative)) * 7 +
      static_cast<std::uint64_t>(whole(days, negative)));
  const Timestamp date = add_date(time, whole(years, negative), whole(months, negative), all_days);
  return add_duration(date, static_cast<std::int64_t>(negative ? 0 - clock : clock));
}

}  // namespace tollgate
