#include "value/layout_element.h"

namespace tollgate {

namespace {

using enum LayoutElement;

struct Spelling {
  std::string_view text;
  LayoutElement element;
  OffsetForm offset = {};
  bool whole_word = false;  ///< no lower case letter may follow
};

// Of two spellings where one begins the other, the longer comes first.
constexpr Spelling spellings[] = {
    {"January", long_month},
    {"Jan", month, {}, true},
    {"Monday", long_weekday},
    {"Mon", weekday, {}, true},
    {"MST", zone_name},
    {"01", zero_month},
    {"02", zero_day},
    {"03", zero_hour12},
    {"04", zero_minute},
    {"05", zero_second},
    {"06", year},
    {"002", zero_yearday},
    {"15", hour},
    {"1", number_month},
    {"2006", long_year},
    {"2", day},
    {"_2", under_day},
    {"__2", under_yearday},
    {"3", hour12},
    {"4", minute},
    {"5", second},
    {"PM", upper_pm},
    {"pm", lower_pm},
    {"-070000", zone_offset, {false, false, 3}},
    {"-07:00:00", zone_offset, {false, true, 3}},
    {"-0700", zone_offset, {false, false, 2}},
    {"-07:00", zone_offset, {false, true, 2}},
    {"-07", zone_offset, {false, false, 1}},
    {"Z070000", zone_offset, {true, false, 3}},
    {"Z07:00:00", zone_offset, {true, true, 3}},
    {"Z0700", zone_offset, {true, false, 2}},
    {"Z07:00", zone_offset, {true, true, 2}},
    {"Z07", zone_offset, {true, false, 1}},
};

bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// The size of a fraction (".000", ",999") at the start of `text`, or 0: no other digit may follow.
std::size_t fraction_size(std::string_view text) {
  if (text.size() < 2 || (text[1] != '0' && text[1] != '9')) return 0;
  std::size_t size = text.find_first_not_of(text[1], 1);
  if (size == text.npos) size = text.size();
  return size < text.size() && is_digit(text[size]) ? 0 : size;
}

LayoutPiece piece_at(std::string_view layout, std::size_t at, std::size_t size,
                     LayoutElement element, OffsetForm offset = {}) {
  return {layout.substr(0, at), layout.substr(at, size), layout.substr(at + size), element, offset};
}

}  // namespace

LayoutPiece next_piece(std::string_view layout) {
  for (std::size_t at = 0; at < layout.size(); ++at) {
    const std::string_view rest = layout.substr(at);
    const char first = rest.front();
    if (first == '.' || first == ',') {
      const std::size_t size = fraction_size(rest);
      if (size) return piece_at(layout, at, size, rest[1] == '0' ? fraction : trimmed_fraction);
      continue;
    }
    if (rest.starts_with("_2006")) continue;  // an underscore and then the year
    for (const Spelling& spelling : spellings) {
      if (spelling.text.front() != first || !rest.starts_with(spelling.text)) continue;
      const std::size_t size = spelling.text.size();
      if (spelling.whole_word && rest.size() > size && is_lower(rest[size])) continue;
      return piece_at(layout, at, size, spelling.element, spelling.offset);
    }
  }
  return {.before = layout};
}

}  // namespace tollgate
