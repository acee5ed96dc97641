#include "value/strftime.h"

#include <algorithm>
#include <cstdlib>

#include "value/civil.h"
#include "value/number.h"
#include "value/strftime_composite.h"
#include "value/time_layout.h"

namespace tollgate {

namespace {

constexpr int max_width = 1024;

enum class Padding : std::uint8_t { unset, none, zero, space };

/// What stands between the % and its letter.
struct Modifiers {
  Padding padding = Padding::unset;
  int width = 0;
  bool upper = false;
  bool swap = false;
};

bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }

class Formatter {
 public:
  Formatter(std::string& out, const Timestamp& time)
      : out_(out),
        time_(time),
        zone_(offset_of(time)),
        days_(day_of(time.seconds, zone_.seconds)),
        weekday_(weekday_of(days_)),
        clock_(civil_from_unix(time.seconds, zone_.seconds)) {}

  void append(std::string_view format) {
    while (!format.empty()) {
      const std::size_t percent = std::min(format.find('%'), format.size());
      out_ += format.substr(0, percent);
      format.remove_prefix(percent);
      if (!format.empty()) format.remove_prefix(directive(format));
    }
  }

 private:
  /// Formats the directive that `format` begins with; returns its size.
  std::size_t directive(std::string_view format) {
    Modifiers modifiers;
    std::size_t at = 1;
    if (at == format.size()) {
      out_ += '%';
      return at;
    }
    read_modifiers(format, at, modifiers);
    if (at == format.size()) {  // nothing to format: stands for itself
      text(format, modifiers);
      return at;
    }
    if (format[at] == ':') return colons(format, at, modifiers);
    if (!field(format[at], modifiers)) {
      --modifiers.width;
      text(format.substr(0, at), modifiers);
      out_ += format[at];
    }
    return at + 1;
  }

  static void read_modifiers(std::string_view format, std::size_t& at, Modifiers& modifiers) {
    for (; at < format.size(); ++at) {
      const bool last = at + 1 == format.size();  // a flag with nothing after it has no effect
      switch (last ? 'a' : format[at]) {
        case '-': modifiers.padding = Padding::none; continue;
        case '_': modifiers.padding = Padding::space; continue;
        case '0': modifiers.padding = Padding::zero; continue;
        case '^': modifiers.upper = true; continue;
        case '#': modifiers.swap = true; continue;
        default: break;
      }
      if (last && std::string_view("-_0^#").contains(format[at])) continue;
      if (format[at] < '1' || format[at] > '9') return;
      modifiers.width = 0;
      for (; at < format.size() && format[at] >= '0' && format[at] <= '9'; ++at) {
        modifiers.width = std::min(modifiers.width * 10 + (format[at] - '0'), max_width);
      }
      --at;
      if (modifiers.padding == Padding::none) modifiers.padding = Padding::space;
    }
  }

  std::size_t colons(std::string_view format, std::size_t at, const Modifiers& modifiers) {
    int count = 0;
    for (; at < format.size() && format[at] == ':'; ++at) ++count;
    const bool zone = at < format.size() && format[at] == 'z';
    if (zone && count <= 3) {
      offset(count, modifiers);
      return at + 1;
    }
    if (zone) ++at;
    text(format.substr(0, at), modifiers);
    return at;
  }

  /// False for a letter that is no directive.
  bool field(char letter, Modifiers modifiers) {
    const int two = std::max(modifiers.width, 2);
    const int four = modifiers.width ? modifiers.width : 4;
    switch (letter) {
      case 'Y': return number(clock_.year, four, modifiers);
      case 'y': return number(std::abs(clock_.year % 100), two, modifiers);
      case 'C': return century(two, modifiers);
      case 'G': return number(iso_week_of(days_).year, four, modifiers);
      case 'g': return number(std::abs(iso_week_of(days_).year % 100), two, modifiers);
      case 'm': return number(clock_.month, two, modifiers);
      case 'B': return text(month_name(clock_.month), modifiers);
      case 'b':
      case 'h': return text(month_name(clock_.month).substr(0, 3), modifiers);
      case 'A': return text(weekday_name(weekday_), modifiers);
      case 'a': return text(weekday_name(weekday_).substr(0, 3), modifiers);
      case 'w': return number(weekday_, modifiers.width, modifiers);
      case 'u': return number(weekday_ ? weekday_ : 7, modifiers.width, modifiers);
      case 'V': return number(iso_week_of(days_).week, two, modifiers);
      case 'U': return number((yearday_of(days_) + 6 - weekday_) / 7, two, modifiers);
      case 'W': return number((yearday_of(days_) + 6 - (weekday_ + 6) % 7) / 7, two, modifiers);
      case 'd': return number(clock_.day, two, modifiers);
      case 'e': return number(clock_.day, two, modifiers, ' ');
      case 'j': return number(yearday_of(days_), std::max(modifiers.width, 3), modifiers);
      case 'H': return number(clock_.hour, two, modifiers);
      case 'k': return number(clock_.hour, two, modifiers, ' ');
      case 'I': return number((clock_.hour + 11) % 12 + 1, two, modifiers);
      case 'l': return number((clock_.hour + 11) % 12 + 1, two, modifiers, ' ');
      case 'P': modifiers.swap = !modifiers.upper && !modifiers.swap; [[fallthrough]];
      case 'p': return text(clock_.hour < 12 ? "AM" : "PM", modifiers);
      case 'M': return number(clock_.minute, two, modifiers);
      case 'S': return number(clock_.second, two, modifiers);
      case 's': return number(time_.seconds, modifiers.width, modifiers, ' ');
      case 'f':
        return number(time_.nanoseconds / 1000, modifiers.width ? modifiers.width : 6, modifiers);
      case 'Z':
        if (zone_.abbreviation.empty()) return offset(0, modifiers);
        return text(zone_.abbreviation, modifiers);
      case 'z': return offset(0, modifiers);
      case 't': return plain("\t", modifiers);
      case 'n': return plain("\n", modifiers);
      case '%': return plain("%", modifiers);
      default: return composite(letter, modifiers);
    }
  }

  bool composite(char letter, const Modifiers& modifiers) {
    const std::string_view parts = strftime_composite(letter);
    if (parts.empty()) return false;
    for (const char part : parts) {
      if (is_upper(part) || is_lower(part)) {
        field(part, {.upper = modifiers.upper});
      } else {
        out_ += part;
      }
    }
    return true;
  }

  void pad(int count, char c) {
    if (count > 0) out_.append(static_cast<std::size_t>(count), c);
  }

  static char padding_of(Padding padding, char otherwise) {
    if (padding == Padding::unset) return otherwise;
    return padding == Padding::zero ? '0' : ' ';
  }

  bool number(std::int64_t value, int width, const Modifiers& modifiers, char otherwise = '0') {
    char digits[number_width];
    aligned(std::string_view(digits, write_int(digits, value)), width, modifiers, otherwise);
    return true;
  }

  /// A number already written, its sign in front of zeros that pad it.
  void aligned(std::string_view written, int width, const Modifiers& modifiers, char otherwise) {
    if (modifiers.padding == Padding::none) width = 0;
    const char padding = padding_of(modifiers.padding, otherwise);
    const int missing = width - static_cast<int>(written.size());
    if (padding == '0' && (written[0] == '-' || written[0] == '+')) {
      out_ += written[0];
      written.remove_prefix(1);
    }
    pad(missing, padding);
    out_ += written;
  }

  bool century(int width, const Modifiers& modifiers) {
    const std::int64_t value = clock_.year / 100;
    if (clock_.year < 0 && value == 0) {
      aligned("-0", width, modifiers, '0');
      return true;
    }
    return number(value, width, modifiers);
  }

  bool plain(std::string_view content, const Modifiers& modifiers) {
    return text(content, {.padding = modifiers.padding, .width = modifiers.width});
  }

  bool text(std::string_view content, const Modifiers& modifiers) {
    if (modifiers.padding != Padding::none) {
      pad(modifiers.width - static_cast<int>(content.size()), padding_of(modifiers.padding, ' '));
    }
    // "#" makes what is all capitals small, and all else capital.
    const bool to_lower = modifiers.swap && content.size() > 1 && !is_lower(content[1]);
    for (const char c : content) {
      if (to_lower && is_upper(c)) {
        out_ += static_cast<char>(c | 0x20);
      } else if (!to_lower && (modifiers.upper || modifiers.swap) && is_lower(c)) {
        out_ += static_cast<char>(c & ~0x20);
      } else {
        out_ += c;
      }
    }
    return true;
  }

  /// `colons` is how many stand in the directive: none for +hhmm, one for +hh:mm, two for
  /// +hh:mm:ss, three for as much of that as is needed.
  bool offset(int colons, const Modifiers& modifiers) {
    const int seconds = std::abs(zone_.seconds);
    const int hours = seconds / 3600;
    std::string written;
    const auto two = [&written](int value) {
      written += static_cast<char>('0' + value / 10 % 10);
      written += static_cast<char>('0' + value % 10);
    };
    const char sign = zone_.seconds < 0 ? '-' : '+';
    if (hours < 10 && modifiers.padding == Padding::space) written += ' ';
    written += sign;
    if (hours >= 10 || padding_of(modifiers.padding, '0') == '0') {
      append_hours(written, hours, modifiers.padding == Padding::none ? 1 : 2);
    } else {
      append_int(written, hours);
    }
    if (colons <= 2 || seconds % 3600 != 0) {
      if (colons > 0) written += ':';
      two(seconds / 60 % 60);
      if (colons == 2 || (colons == 3 && seconds % 60 != 0)) {
        written += ':';
        two(seconds % 60);
      }
    }
    aligned(written, modifiers.width, modifiers, '0');
    return true;
  }

  static void append_hours(std::string& out, int hours, int width) {
    if (hours < 10 && width == 2) out += '0';
    append_int(out, hours);
  }

  std::string& out_;
  const Timestamp& time_;
  const Zone::Offset zone_;
  const std::int64_t days_;
  const int weekday_;
  const CivilTime clock_;
};

}  // namespace

std::string_view strftime_composite(char letter) {
  switch (letter) {
    case 'c': return "a b e H:M:S Y";
    case '+': return "a b e H:M:S Z Y";
    case 'v': return "e-b-Y";
    case 'r': return "I:M:S p";
    case 'F': return "Y-m-d";
    case 'D':
    case 'x': return "m/d/y";
    case 'T':
    case 'X': return "H:M:S";
    case 'R': return "H:M";
    default: return {};
  }
}

void append_strftime(std::string& out, const Timestamp& time, std::string_view format) {
  Formatter(out, time).append(format);
}

}  // namespace tollgate
