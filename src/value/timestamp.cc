#include "value/timestamp.h"

#include <algorithm>
#include <cstdlib>

#include "value/civil.h"
#include "value/number.h"

namespace tollgate {

namespace {

char* write_two(char* to, int number) {
  to[0] = static_cast<char>('0' + number / 10);
  to[1] = static_cast<char>('0' + number % 10);
  return to + 2;
}

char* write_year(char* to, std::int64_t year) {
  if (year >= 0 && year <= 9999) {
    to = write_two(to, static_cast<int>(year / 100));
    return write_two(to, static_cast<int>(year % 100));
  }
  if (year < 0) {
    *to++ = '-';
    year = -year;
  }
  for (std::int64_t limit = 1000; limit > year && limit > 1; limit /= 10) *to++ = '0';
  return write_int(to, year);
}

char* write_fraction(char* to, std::int32_t nanoseconds) {
  *to++ = '.';
  for (int place = 100'000'000; nanoseconds > 0; place /= 10) {
    *to++ = static_cast<char>('0' + nanoseconds / place);
    nanoseconds %= place;
  }
  return to;
}

/// ±hh:mm; seconds of an offset are left out.
char* write_offset(char* to, std::int32_t seconds) {
  *to++ = seconds / 60 < 0 ? '-' : '+';
  const int minutes = std::abs(seconds / 60);
  to = minutes / 60 < 100 ? write_two(to, minutes / 60) : write_int(to, minutes / 60);
  *to++ = ':';
  return write_two(to, minutes % 60);
}

void append(std::string& out, const Timestamp& time, const CivilTime& clock, std::int32_t offset) {
  char text[64];
  char* to = write_year(text, clock.year);
  *to++ = '-';
  to = write_two(to, clock.month);
  *to++ = '-';
  to = write_two(to, clock.day);
  *to++ = 'T';
  to = write_two(to, clock.hour);
  *to++ = ':';
  to = write_two(to, clock.minute);
  *to++ = ':';
  to = write_two(to, clock.second);
  if (time.nanoseconds != 0) to = write_fraction(to, time.nanoseconds);
  if (offset == 0) {
    *to++ = 'Z';
  } else {
    to = write_offset(to, offset);
  }
  out.append(text, to);
}

}  // namespace

void append_rfc3339(std::string& out, const Timestamp& time) {
  const std::int32_t offset = time.zone ? time.zone->at(time.seconds).seconds : 0;
  append(out, time, civil_from_unix(time.seconds, offset), offset);
}

bool append_strict_rfc3339(std::string& out, const Timestamp& time) {
  const std::int32_t offset = time.zone ? time.zone->at(time.seconds).seconds : 0;
  const CivilTime clock = civil_from_unix(time.seconds, offset);
  if (clock.year < 0 || clock.year > 9999 || std::abs(offset) >= 86'400) return false;
  append(out, time, clock, offset);
  return true;
}

}  // namespace tollgate
