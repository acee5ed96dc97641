#include "unit_tests/text_difference.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

namespace tollgate {

namespace {

// Larger texts are compared by their ends only: the table has a cell for each pair of lines.
constexpr std::size_t kMostLines = 500;

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (true) {
    const std::size_t end = text.find('\n');
    lines.push_back(text.substr(0, end));
    if (end == text.npos) return lines;
    text.remove_prefix(end + 1);
  }
}

}  // namespace

std::string line_difference(std::string_view expected, std::string_view received) {
  std::vector<std::string_view> left = lines_of(expected);
  std::vector<std::string_view> right = lines_of(received);
  if (left.size() == 1 && right.size() == 1) return "";
  const auto [left_end, right_end] = std::ranges::mismatch(left, right);
  const auto skipped = static_cast<std::size_t>(left_end - left.begin());
  left.erase(left.begin(), left_end);
  right.erase(right.begin(), right_end);
  while (!left.empty() && !right.empty() && left.back() == right.back()) {
    left.pop_back();
    right.pop_back();
  }
  std::string out = fmt::format("\n  lines that differ, from line {}:", skipped + 1);
  const auto line = [&](char sign, std::string_view text) {
    out += fmt::format("\n  {} {}", sign, text);
  };
  if (left.size() > kMostLines || right.size() > kMostLines) {
    for (const auto each : left) line('-', each);
    for (const auto each : right) line('+', each);
    return out;
  }
  // common[i][j]: how many lines left[i…] and right[j…] share in order.
  std::vector<std::vector<std::size_t>> common(left.size() + 1,
                                               std::vector<std::size_t>(right.size() + 1));
  for (std::size_t i = left.size(); i-- > 0;) {
    for (std::size_t j = right.size(); j-- > 0;) {
      common[i][j] = left[i] == right[j] ? common[i + 1][j + 1] + 1
                                         : std::max(common[i + 1][j], common[i][j + 1]);
    }
  }
  for (std::size_t i = 0, j = 0; i < left.size() || j < right.size();) {
    if (i < left.size() && j < right.size() && left[i] == right[j]) {
      line(' ', left[i]);
      ++i, ++j;
    } else if (j == right.size() || (i < left.size() && common[i + 1][j] >= common[i][j + 1])) {
      line('-', left[i++]);
    } else {
      line('+', right[j++]);
    }
  }
  return out;
}

}  // namespace tollgate
