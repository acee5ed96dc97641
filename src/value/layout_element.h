#pragma once

#include <cstdint>
#include <string_view>

namespace tollgate {

/// What a piece of a reference layout stands for.
enum class LayoutElement : std::uint8_t {
  none,  ///< the layout ends
  long_month,
  month,
  number_month,
  zero_month,
  long_weekday,
  weekday,
  day,
  under_day,
  zero_day,
  under_yearday,
  zero_yearday,
  hour,
  hour12,
  zero_hour12,
  minute,
  zero_minute,
  second,
  zero_second,
  long_year,
  year,
  upper_pm,
  lower_pm,
  zone_name,
  zone_offset,       ///< its form is in OffsetForm
  fraction,          ///< .000: as many digits as given
  trimmed_fraction,  ///< .999: without trailing zeros
};

/// How a zone's offset is written.
struct OffsetForm {
  bool z_for_utc = false;
  bool colons = false;
  std::uint8_t fields = 2;  ///< 1: hours, 2: and minutes, 3: and seconds
};

/// The next element of a layout, and the literal text before it.
struct LayoutPiece {
  std::string_view before;
  std::string_view text;  ///< the element as the layout spells it
  std::string_view after;
  LayoutElement element = LayoutElement::none;
  OffsetForm offset;
};

LayoutPiece next_piece(std::string_view layout);

}  // namespace tollgate
