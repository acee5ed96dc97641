#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "value/timestamp.h"

namespace tollgate {

// strftime and strptime in English, with these directives:
//   %Y %y %C %G %g year, of four digits, of two, century, ISO, ISO of two   %m %B %b %h month
//   %d %e %j day, space-padded, of the year   %A %a %w %u weekday   %U %W %V week
//   %H %k %I %l hour of 24, space-padded, of 12, space-padded   %M %S %f minute, second, µs
//   %p %P half of the day   %s unix seconds   %z %:z %::z %:::z %Z zone
//   %c %+ %v %r %F %D %x %T %X %R combinations   %t %n %% characters
// When formatting, flags - _ 0 ^ # and a width may stand after the %.

void append_strftime(std::string& out, const Timestamp& time, std::string_view format);

/// What `format` leaves open is 1900-01-01T00:00:00Z. Errors:
/// `failed to parse "x" with "%Y": cannot parse "%Y"`.
Result<Timestamp> parse_strptime(std::string_view text, std::string_view format);

}  // namespace tollgate
