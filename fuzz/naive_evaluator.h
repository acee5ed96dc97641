#pragma once

#include <optional>
#include <string>
#include <string_view>

/// A second evaluator of the mapping language, written to be obviously right instead of fast: it
/// walks the tree that the parser makes, folds nothing, shares nothing and copies every value that
/// it stores. It knows the language, and the functions and methods that bind contexts; of the rest
/// of the catalogue only what makes values of each type.
namespace tollgate::fuzz {

struct NaiveOutcome {
  enum class Kind { ok, deleted, failed } kind = Kind::failed;
  std::string payload;   ///< ok: the content afterwards
  std::string metadata;  ///< ok: as JSON

  bool operator==(const NaiveOutcome&) const = default;
};

enum class Mode { mapping, mutation };

/// What `source` makes of a message with this content and the metadata {"foo":"bar"}; nullopt if it
/// doesn't parse, or is beyond what is known here (another function, the text of an error, too many
/// steps, a string that isn't ASCII where that matters).
std::optional<NaiveOutcome> evaluate_naively(std::string_view source, std::string_view content,
                                             Mode mode);

}  // namespace tollgate::fuzz
