#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tollgate::bloblang {

/// The flags of one verb of a format.
struct PrintFlags {
  bool plus = false, minus = false, sharp = false, space = false, zero = false;
  bool plus_v = false, sharp_v = false;
  int width = -1;      ///< -1: not given
  int precision = -1;  ///< -1: not given
};

/// `text` padded to the width, which counts runes.
void append_padded(std::string& out, std::string_view text, const PrintFlags& flags);

struct PrintInteger {
  std::uint64_t magnitude;
  bool negative;
};

/// An integer in base 2, 8, 10 or 16. `verb` is the letter asked for: X gives upper case, O the 0o.
void append_printed(std::string& out, PrintInteger number, int base, char verb,
                    const PrintFlags& flags);
/// %c, %q and %U of an integer.
void append_character(std::string& out, PrintInteger number, char verb, const PrintFlags& flags);
/// Verbs v b g G x X f F e E.
void append_printed(std::string& out, double number, char verb, const PrintFlags& flags);

}  // namespace tollgate::bloblang
