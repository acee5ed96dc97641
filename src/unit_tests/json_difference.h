#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tollgate {

/// How a JSON document compares with the one that was expected.
struct JsonDifference {
  enum class Verdict : std::uint8_t {
    equal,
    superset,  ///< has all that was expected, and more: members, or items at the end of lists
    different,
    not_json,  ///< one of the two is no JSON
  };
  Verdict verdict = Verdict::equal;
  /// The document with what differs coloured, over several lines, as the incumbent prints it; what
  /// is wrong if one of the two is no JSON.
  std::string rendered;
  /// A line for each place that differs ("  .user.age: expected 5, received 6"), at most 20. Empty
  /// if nothing does. A superset's additions are no differences.
  std::string places;
};

/// Numbers are equal if they are written alike. Only the first document of each text counts.
JsonDifference compare_json(std::string_view received, std::string_view expected);

}  // namespace tollgate
