#include "value/tzif.h"

#include <algorithm>

#include "value/civil.h"

namespace tollgate {

// POSIX TZ strings --------------------------------------------------------------------------------

class PosixZone::Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  bool read(PosixZone& zone) {
    std::int32_t west = 0;
    if (!name(zone.standard_name_) || !duration(west)) return false;
    zone.standard_offset_ = -west;
    if (rest_.empty() || rest_.front() == ',') return true;
    if (!name(zone.summer_name_)) return false;
    zone.summer_offset_ = zone.standard_offset_ + 3600;
    if (!rest_.empty() && rest_.front() != ',') {
      if (!duration(west)) return false;
      zone.summer_offset_ = -west;
    }
    if (rest_.empty()) rest_ = ",M3.2.0,M11.1.0";
    return take(',') && change(zone.start_) && take(',') && change(zone.end_) && rest_.empty();
  }

 private:
  bool take(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  bool name(std::string& out) {
    std::size_t size = 0;
    if (take('<')) {
      size = rest_.find('>');
      if (size == rest_.npos) return false;
      out = rest_.substr(0, size);
      rest_.remove_prefix(size + 1);
      return !out.empty();
    }
    while (size < rest_.size() && !std::string_view("0123456789,+-").contains(rest_[size])) ++size;
    out = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return size >= 3;
  }

  bool number(int& out, int least, int most) {
    std::size_t size = 0;
    out = 0;
    while (size < rest_.size() && rest_[size] >= '0' && rest_[size] <= '9' && out <= most) {
      out = out * 10 + (rest_[size++] - '0');
    }
    rest_.remove_prefix(size);
    return size > 0 && out >= least && out <= most;
  }

  /// [+-]h[:m[:s]]
  bool duration(std::int32_t& seconds) {
    const bool negative = take('-');
    if (!negative) take('+');
    int hours = 0;
    int minutes = 0;
    int rest = 0;
    if (!number(hours, 0, 24 * 7)) return false;
    if (take(':')) {
      if (!number(minutes, 0, 59)) return false;
      if (take(':') && !number(rest, 0, 59)) return false;
    }
    seconds = (hours * 60 + minutes) * 60 + rest;
    if (negative) seconds = -seconds;
    return true;
  }

  bool change(Change& out) {
    if (take('J')) {
      out.form = Change::Form::julian;
      if (!number(out.day, 1, 365)) return false;
    } else if (take('M')) {
      out.form = Change::Form::month_week;
      if (!number(out.month, 1, 12) || !take('.') || !number(out.week, 1, 5) || !take('.') ||
          !number(out.day, 0, 6)) {
        return false;
      }
    } else if (!number(out.day, 0, 365)) {
      return false;
    }
    return !take('/') || duration(out.seconds);
  }

  std::string_view rest_;
};

std::optional<PosixZone> PosixZone::parse(std::string_view text) {
  PosixZone zone;
  if (!Reader(text).read(zone)) return std::nullopt;
  return zone;
}

std::int64_t PosixZone::Change::day_in(std::int64_t year) const {
  const std::int64_t first = days_from_civil(year, 1, 1);
  if (form == Form::day) return first + day;
  if (form == Form::julian) return first + day - 1 + (is_leap(year) && day >= 60 ? 1 : 0);
  const std::int64_t month_start = days_from_civil(year, month, 1);
  int of_month = (day - weekday_of(month_start) + 7) % 7 + (week - 1) * 7;
  if (of_month >= days_in_month(year, month)) of_month -= 7;
  return month_start + of_month;
}

Zone::Offset PosixZone::at(std::int64_t unix_seconds) const {
  const Zone::Offset standard{standard_offset_, standard_name_, false};
  if (summer_name_.empty()) return standard;
  // Within the UTC year, counted from its start so that nothing overflows.
  const std::int64_t day = day_of(unix_seconds);
  const std::int64_t year = civil_from_days(day).year;
  const std::int64_t first = days_from_civil(year, 1, 1);
  const std::int64_t now = (day - first) * 86'400 + (unix_seconds % 86'400 + 86'400) % 86'400;
  const auto moment = [&](const Change& change, std::int32_t offset) {
    return (change.day_in(year) - first) * 86'400 + change.seconds - offset;
  };
  const std::int64_t start = moment(start_, standard_offset_);
  const std::int64_t end = moment(end_, summer_offset_);
  const bool summer = start <= end ? now >= start && now < end : now < end || now >= start;
  return summer ? Zone::Offset{summer_offset_, summer_name_, true} : standard;
}

// TZif files --------------------------------------------------------------------------------------

namespace {

constexpr std::size_t header_size = 44;

std::int64_t big_endian(std::string_view text, std::size_t at, std::size_t width) {
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < width; ++i) {
    number = number << 8 | static_cast<unsigned char>(text[at + i]);
  }
  if (width == 4) return static_cast<std::int32_t>(static_cast<std::uint32_t>(number));
  return static_cast<std::int64_t>(number);
}

}  // namespace

struct TzFile::Header {
  char version = 0;
  std::size_t utc_marks = 0;
  std::size_t standard_marks = 0;
  std::size_t leaps = 0;
  std::size_t times = 0;
  std::size_t types = 0;
  std::size_t name_bytes = 0;

  static std::optional<Header> parse(std::string_view text) {
    if (text.size() < header_size || !text.starts_with("TZif")) return std::nullopt;
    const auto count = [text](std::size_t i) {
      return static_cast<std::size_t>(static_cast<std::uint32_t>(big_endian(text, 20 + i * 4, 4)));
    };
    Header header{text[4], count(0), count(1), count(2), count(3), count(4), count(5)};
    if (header.types == 0 || header.types > 256 || header.name_bytes > 256) return std::nullopt;
    return header;
  }

  std::size_t block_size(std::size_t time_width) const {
    return times * (time_width + 1) + types * 6 + name_bytes + leaps * (time_width + 4) +
           standard_marks + utc_marks;
  }
};

std::optional<TzFile> TzFile::parse(std::string_view content) {
  auto header = Header::parse(content);
  if (!header) return std::nullopt;
  std::string_view block = content.substr(header_size);
  std::size_t width = 4;
  if (header->version >= '2') {
    const std::size_t first = header->block_size(4);
    if (block.size() < first) return std::nullopt;
    block.remove_prefix(first);
    header = Header::parse(block);
    if (!header) return std::nullopt;
    block.remove_prefix(header_size);
    width = 8;
  }
  const std::size_t size = header->block_size(width);
  TzFile file;
  if (block.size() < size || !file.read_block(block.substr(0, size), *header, width)) {
    return std::nullopt;
  }
  const std::string_view footer = block.substr(size);
  if (width == 8 && footer.size() > 2 && footer.front() == '\n') {
    const std::size_t end = footer.find('\n', 1);
    if (end != footer.npos && end > 1) file.after_ = PosixZone::parse(footer.substr(1, end - 1));
  }
  return file;
}

bool TzFile::read_block(std::string_view block, const Header& header, std::size_t time_width) {
  std::size_t at = 0;
  for (std::size_t i = 0; i < header.times; ++i, at += time_width) {
    times_.push_back(big_endian(block, at, time_width));
  }
  for (std::size_t i = 0; i < header.times; ++i, ++at) {
    time_types_.push_back(static_cast<std::uint8_t>(block[at]));
    if (time_types_.back() >= header.types) return false;
  }
  for (std::size_t i = 0; i < header.types; ++i, at += 6) {
    types_.push_back({static_cast<std::int32_t>(big_endian(block, at, 4)), block[at + 4] != 0,
                      static_cast<std::uint8_t>(block[at + 5])});
    if (types_.back().name >= header.name_bytes) return false;
    if (types_.back().offset > 10 * 86'400 || types_.back().offset < -10 * 86'400) return false;
  }
  names_ = block.substr(at, header.name_bytes);
  return std::is_sorted(times_.begin(), times_.end());
}

/// The type before the first change: the first one if no change leads to it, else the one before
/// the summer time that the first change begins, else the first standard time.
std::size_t TzFile::first_type() const {
  if (std::find(time_types_.begin(), time_types_.end(), 0) == time_types_.end()) return 0;
  const auto standard = [](const Type& type) { return !type.summer; };
  if (!time_types_.empty() && types_[time_types_[0]].summer) {
    for (std::size_t i = time_types_[0]; i-- > 0;) {
      if (standard(types_[i])) return i;
    }
  }
  const auto found = std::find_if(types_.begin(), types_.end(), standard);
  return found == types_.end() ? 0 : static_cast<std::size_t>(found - types_.begin());
}

Zone::Offset TzFile::describe(const Type& type) const {
  return {type.offset, std::string_view(names_.c_str() + type.name), type.summer};
}

Zone::Offset TzFile::at(std::int64_t unix_seconds) const {
  if (times_.empty() || unix_seconds < times_.front()) return describe(types_[first_type()]);
  if (unix_seconds >= times_.back()) {
    return after_ ? after_->at(unix_seconds) : describe(types_[time_types_.back()]);
  }
  const auto next = std::upper_bound(times_.begin(), times_.end(), unix_seconds);
  return describe(types_[time_types_[static_cast<std::size_t>(next - times_.begin()) - 1]]);
}

std::optional<std::int32_t> TzFile::find_offset(std::string_view abbreviation,
                                                std::int64_t local_seconds) const {
  std::optional<std::int32_t> any;
  for (const Type& type : types_) {
    if (describe(type).abbreviation != abbreviation) continue;
    if (!any) any = type.offset;
    const Zone::Offset then = at(local_seconds - type.offset);
    if (then.abbreviation == abbreviation) return then.seconds;
  }
  return any;
}

}  // namespace tollgate
