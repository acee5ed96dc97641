#include "bloblang/functions/unicode_title.h"

#include <array>

#include "bloblang/functions/unicode_case.h"

namespace tollgate::bloblang {
namespace {

/// What a code point does to the word it is in.
enum class WordClass : std::uint8_t {
  separator,  ///< ends it
  cased,      ///< starts or continues it
  joined,     ///< leaves it as it is
  middle,     ///< leaves it as it is, unless it comes twice
};

struct ClassRange {
  char32_t first, last;
  WordClass word_class;
};
constexpr ClassRange kClasses[] = {
#include "bloblang/functions/unicode_word_class.inc"
};

/// Title forms of more than one code point.
struct Special {
  char32_t code;
  std::string_view title;
};
constexpr Special kSpecial[] = {
#include "bloblang/functions/unicode_title_special.inc"
};

constexpr char32_t kSigma = 0x3A3, kFinalSigma = 0x3C2, kDottedI = 0x130;

constexpr auto kAsciiClasses = [] {
  std::array<WordClass, 0x80> classes{};
  for (const ClassRange& range : kClasses) {
    for (char32_t code = range.first; code <= range.last && code < 0x80; ++code) {
      classes[code] = range.word_class;
    }
  }
  return classes;
}();

WordClass class_of(char32_t code) {
  if (code < 0x80) return kAsciiClasses[code];
  const auto* const above =
      std::upper_bound(std::begin(kClasses), std::end(kClasses), code,
                       [](char32_t c, const ClassRange& range) { return c < range.first; });
  if (above == std::begin(kClasses) || code > above[-1].last) return WordClass::separator;
  return above[-1].word_class;
}

void append_title(TextBuilder& out, char32_t code) {
  if (code >= 0xDF) {
    const auto* const found = std::lower_bound(
        std::begin(kSpecial), std::end(kSpecial), code,
        [](const Special& special, char32_t c) { return special.code < c; });
    if (found != std::end(kSpecial) && found->code == code) return out.append(found->title);
  }
  out.append_rune(title_rune(code));
}

/// Whether a cased letter follows before the word ends.
bool word_goes_on(const char* at, const char* end) {
  while (at < end) {
    const Rune rune = decode_rune(at, end);
    const WordClass kind = class_of(rune.code);
    if (kind == WordClass::cased) return true;
    if (kind == WordClass::separator) return false;
    at += rune.width;
  }
  return false;
}

}  // namespace

std::string_view title_text(std::string_view text, Arena& arena) {
  TextBuilder out(arena, text.size() + 8);
  bool in_word = false;
  bool after_middle = false;
  const char* const end = text.data() + text.size();
  for (const char* at = text.data(); at < end;) {
    const Rune rune = *at & 0x80 ? decode_rune(at, end) : Rune{static_cast<char32_t>(*at), 1};
    const std::string_view bytes(at, rune.width);
    const WordClass kind = class_of(rune.code);
    at += rune.width;
    if (after_middle && kind == WordClass::middle) in_word = false;
    after_middle = kind == WordClass::middle;
    if (kind != WordClass::cased) {
      out.append(bytes);
      if (kind == WordClass::separator) in_word = false;
    } else if (!in_word) {
      append_title(out, rune.code);
      in_word = true;
    } else if (rune.code == kSigma && !word_goes_on(at, end)) {
      out.append_rune(kFinalSigma);
    } else {
      out.append_rune(lower_rune(rune.code));
      if (rune.code == kDottedI) out.append_rune(0x307);
    }
  }
  return out.view();
}

}  // namespace tollgate::bloblang
