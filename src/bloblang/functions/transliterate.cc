#include "bloblang/functions/transliterate.h"

#include <unictype.h>
#include <uninorm.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <span>
#include <vector>

#include "base/strings.h"
#include "value/encoding.h"

namespace tollgate::bloblang {
namespace {

struct Spelling {
  char32_t code;
  std::string_view ascii;
};

template <typename Use>
void each_rune(std::string_view text, Use use) {
  for (const char* at = text.data(); at < text.data() + text.size();) {
    const Rune rune = decode_rune(at, text.data() + text.size());
    use(rune.code);
    at += rune.width;
  }
}

// Alphabets ---------------------------------------------------------------------------------------

/// Letters and signs that do not decompose into ASCII and marks. Sorted.
constexpr Spelling kSpellings[] = {
    {0xA1, "!"},     {0xA2, "C/"},    {0xA3, "PS"},    {0xA4, "$?"},   {0xA5, "Y="},
    {0xA7, "SS"},    {0xA9, "(c)"},   {0xAB, "<<"},    {0xAC, "!"},    {0xAE, "(r)"},
    {0xB0, "deg"},   {0xB1, "+-"},    {0xB4, "'"},     {0xB5, "u"},    {0xB6, "P"},
    {0xB7, "*"},     {0xBB, ">>"},    {0xC6, "AE"},    {0xD0, "D"},    {0xD7, "x"},
    {0xD8, "O"},     {0xDE, "Th"},    {0xDF, "ss"},    {0xE6, "ae"},   {0xF0, "d"},
    {0xF7, "/"},     {0xF8, "o"},     {0xFE, "th"},    {0x110, "D"},   {0x111, "d"},
    {0x126, "H"},    {0x127, "h"},    {0x131, "i"},    {0x138, "k"},   {0x141, "L"},
    {0x142, "l"},    {0x14A, "NG"},   {0x14B, "ng"},   {0x152, "OE"},  {0x153, "oe"},
    {0x166, "T"},    {0x167, "t"},    {0x17F, "s"},    {0x180, "b"},   {0x18F, "@"},
    {0x192, "f"},    {0x197, "I"},    {0x19A, "l"},    {0x1B5, "Z"},   {0x1B6, "z"},
    {0x1DD, "@"},    {0x23A, "A"},    {0x23B, "C"},    {0x23C, "c"},   {0x23D, "L"},
    {0x243, "B"},    {0x246, "E"},    {0x247, "e"},    {0x259, "@"},   {0x268, "i"},
    // Greek
    {0x391, "A"},    {0x392, "B"},    {0x393, "G"},    {0x394, "D"},   {0x395, "E"},
    {0x396, "Z"},    {0x397, "E"},    {0x398, "Th"},   {0x399, "I"},   {0x39A, "K"},
    {0x39B, "L"},    {0x39C, "M"},    {0x39D, "N"},    {0x39E, "Ks"},  {0x39F, "O"},
    {0x3A0, "P"},    {0x3A1, "R"},    {0x3A3, "S"},    {0x3A4, "T"},   {0x3A5, "U"},
    {0x3A6, "Ph"},   {0x3A7, "Kh"},   {0x3A8, "Ps"},   {0x3A9, "O"},   {0x3B1, "a"},
    {0x3B2, "b"},    {0x3B3, "g"},    {0x3B4, "d"},    {0x3B5, "e"},   {0x3B6, "z"},
    {0x3B7, "e"},    {0x3B8, "th"},   {0x3B9, "i"},    {0x3BA, "k"},   {0x3BB, "l"},
    {0x3BC, "m"},    {0x3BD, "n"},    {0x3BE, "x"},    {0x3BF, "o"},   {0x3C0, "p"},
    {0x3C1, "r"},    {0x3C2, "s"},    {0x3C3, "s"},    {0x3C4, "t"},   {0x3C5, "u"},
    {0x3C6, "ph"},   {0x3C7, "kh"},   {0x3C8, "ps"},   {0x3C9, "o"},
    // Cyrillic
    {0x401, "Io"},   {0x402, "Dj"},   {0x403, "Gj"},   {0x404, "Ie"},  {0x405, "Dz"},
    {0x406, "I"},    {0x407, "Yi"},   {0x408, "J"},    {0x409, "Lj"},  {0x40A, "Nj"},
    {0x40B, "Tsh"},  {0x40C, "Kj"},   {0x40E, "U"},    {0x40F, "Dzh"}, {0x410, "A"},
    {0x411, "B"},    {0x412, "V"},    {0x413, "G"},    {0x414, "D"},   {0x415, "E"},
    {0x416, "Zh"},   {0x417, "Z"},    {0x418, "I"},    {0x419, "I"},   {0x41A, "K"},
    {0x41B, "L"},    {0x41C, "M"},    {0x41D, "N"},    {0x41E, "O"},   {0x41F, "P"},
    {0x420, "R"},    {0x421, "S"},    {0x422, "T"},    {0x423, "U"},   {0x424, "F"},
    {0x425, "Kh"},   {0x426, "Ts"},   {0x427, "Ch"},   {0x428, "Sh"},  {0x429, "Shch"},
    {0x42A, "'"},    {0x42B, "Y"},    {0x42C, "'"},    {0x42D, "E"},   {0x42E, "Iu"},
    {0x42F, "Ia"},   {0x430, "a"},    {0x431, "b"},    {0x432, "v"},   {0x433, "g"},
    {0x434, "d"},    {0x435, "e"},    {0x436, "zh"},   {0x437, "z"},   {0x438, "i"},
    {0x439, "i"},    {0x43A, "k"},    {0x43B, "l"},    {0x43C, "m"},   {0x43D, "n"},
    {0x43E, "o"},    {0x43F, "p"},    {0x440, "r"},    {0x441, "s"},   {0x442, "t"},
    {0x443, "u"},    {0x444, "f"},    {0x445, "kh"},   {0x446, "ts"},  {0x447, "ch"},
    {0x448, "sh"},   {0x449, "shch"}, {0x44A, "'"},    {0x44B, "y"},   {0x44C, "'"},
    {0x44D, "e"},    {0x44E, "iu"},   {0x44F, "ia"},   {0x451, "io"},  {0x452, "dj"},
    {0x453, "gj"},   {0x454, "ie"},   {0x455, "dz"},   {0x456, "i"},   {0x457, "yi"},
    {0x458, "j"},    {0x459, "lj"},   {0x45A, "nj"},   {0x45B, "tsh"}, {0x45C, "kj"},
    {0x45E, "u"},    {0x45F, "dzh"},  {0x490, "G'"},   {0x491, "g'"},   {0x49A, "K'"},  {0x49B, "k'"},
    // Hebrew
    {0x5D0, ""},     {0x5D1, "b"},    {0x5D2, "g"},    {0x5D3, "d"},   {0x5D4, "h"},
    {0x5D5, "v"},    {0x5D6, "z"},    {0x5D7, "kh"},   {0x5D8, "t"},   {0x5D9, "y"},
    {0x5DA, "k"},    {0x5DB, "k"},    {0x5DC, "l"},    {0x5DD, "m"},   {0x5DE, "m"},
    {0x5DF, "n"},    {0x5E0, "n"},    {0x5E1, "s"},    {0x5E2, "`"},   {0x5E3, "p"},
    {0x5E4, "p"},    {0x5E5, "ts"},   {0x5E6, "ts"},   {0x5E7, "q"},   {0x5E8, "r"},
    {0x5E9, "sh"},   {0x5EA, "t"},
    // Arabic
    {0x627, ""},     {0x628, "b"},    {0x629, "@"},    {0x62A, "t"},   {0x62B, "th"},
    {0x62C, "j"},    {0x62D, "H"},    {0x62E, "kh"},   {0x62F, "d"},   {0x630, "dh"},
    {0x631, "r"},    {0x632, "z"},    {0x633, "s"},    {0x634, "sh"},  {0x635, "S"},
    {0x636, "D"},    {0x637, "T"},    {0x638, "Z"},    {0x639, "`"},   {0x63A, "G"},
    {0x641, "f"},    {0x642, "q"},    {0x643, "k"},    {0x644, "l"},   {0x645, "m"},
    {0x646, "n"},    {0x647, "h"},    {0x648, "w"},    {0x649, "~"},   {0x64A, "y"},
    // General punctuation and signs
    {0x1E9E, "Ss"},  {0x2010, "-"},   {0x2011, "-"},   {0x2012, "-"},  {0x2013, "-"},
    {0x2014, "--"},  {0x2015, "--"},  {0x2018, "'"},   {0x2019, "'"},  {0x201A, ","},
    {0x201C, "\""},  {0x201D, "\""},  {0x201E, ",,"},  {0x2020, "+"},  {0x2022, "*"},
    {0x2028, "\n"}, {0x2029, "\n"}, {0x2030, "%0"},  {0x2039, "<"},   {0x203A, ">"},   {0x2044, "/"},   {0x20AC, "EU"}, {0x2116, ""},   {0x2122, ""},   {0x2190, "-"},
    {0x2192, "-"},   {0x2212, "-"},   {0x3001, ", "},  {0x3002, ". "}, {0x3007, "0"},
    {0x300C, "["},
    {0x300D, "] "},  {0x30FB, "*"},   {0x30FC, ""},
};

// Alphabets without letter case ---------------------------------------------------------------------

/// Spellings of letters that follow each other in Unicode.
struct Alphabet {
  char32_t first;
  std::span<const std::string_view> spellings;
};

/// Consonants alone; their vowels are written by signs of their own, the inherent one is not.
constexpr std::string_view kDevanagari[] = {
    "a",  "aa", "i",  "ii",  "u",  "uu",  "R",  "L",  "eN", "e",  "e",   "ai", "oN", "o",  "o",
    "au", "k",  "kh", "g",   "gh", "ng",  "c",  "ch", "j",  "jh", "ny",  "tt", "tth", "dd", "ddh",
    "nn", "t",  "th", "d",   "dh", "n",   "nnn", "p", "ph", "b",  "bh",  "m",  "y",  "r",  "rr",
    "l",  "ll", "lll", "v",  "sh", "ss",  "s",  "h",  "",   "",   "'",   "'",  "aa", "i",  "ii",
    "u",  "uu", "R",  "RR",  "eN", "e",   "e",  "ai", "oN", "o",  "o",   "au", ""};
constexpr std::string_view kThai[] = {
    "k",  "kh", "kh", "kh", "kh", "kh", "ng", "cch", "ch", "ch", "ch", "ch", "y",  "d",  "t",  "th",
    "th", "th", "n",  "d",  "t",  "th", "th", "th",  "n",  "b",  "p",  "ph", "f",  "ph", "f",  "ph",
    "m",  "y",  "r",  "R",  "l",  "L",  "w",  "s",   "s",  "s",  "h",  "l",  "`",  "h",  "~",  "a",
    "a",  "aa", "am", "i",  "ii", "ue", "uue", "u",  "uu", "'"};
constexpr std::string_view kThaiVowels[] = {"e", "ae", "o", "ai", "ai"};
constexpr std::string_view kGeorgian[] = {
    "a", "b", "g", "d", "e", "v", "z",  "t'", "i",  "k",  "l",  "m",   "n",   "o", "p", "zh", "r",
    "s", "t", "u", "p'", "k'", "gh", "q", "sh", "ch'", "ts'", "dz", "ts", "ch", "kh", "j", "h"};
constexpr std::string_view kArmenian[] = {
    "a", "b", "g",  "d",  "e",  "z", "e", "e",  "t'", "zh", "i", "l", "kh", "ts", "k", "h", "dz", "gh",
    "ch", "m", "y", "n",  "sh", "o", "ch'", "p", "j", "rr", "s", "v", "t",  "r",  "ts'", "w", "p'", "k'",
    "o", "f"};
constexpr Alphabet kAlphabets[] = {{0x905, kDevanagari}, {0xE01, kThai},    {0xE40, kThaiVowels},
                                   {0x10D0, kGeorgian},  {0x531, kArmenian}, {0x561, kArmenian}};

bool append_alphabetic(std::string& out, char32_t code) {
  for (const Alphabet& alphabet : kAlphabets) {
    if (code < alphabet.first || code - alphabet.first >= alphabet.spellings.size()) continue;
    out += alphabet.spellings[code - alphabet.first];
    return true;
  }
  return false;
}

// Japanese and Korean -----------------------------------------------------------------------------

/// The syllables of hiragana from U+3041 on; those of katakana are 0x60 further.
constexpr std::string_view kKana[] = {
    "a",  "a",  "i",  "i",  "u",  "u",  "e",  "e",  "o",  "o",  "ka", "ga", "ki",  "gi", "ku",
    "gu", "ke", "ge", "ko", "go", "sa", "za", "shi", "zi", "su", "zu", "se", "ze", "so", "zo",
    "ta", "da", "chi", "di", "tsu", "tsu", "du", "te", "de", "to", "do", "na", "ni", "nu", "ne",
    "no", "ha", "ba", "pa", "hi", "bi", "pi", "hu", "bu", "pu", "he", "be", "pe", "ho", "bo",
    "po", "ma", "mi", "mu", "me", "mo", "ya", "ya", "yu", "yu", "yo", "yo", "ra", "ri", "ru",
    "re", "ro", "wa", "wa", "wi", "we", "wo", "n",  "vu"};

constexpr std::string_view kHangulInitials[] = {"g", "gg", "n", "d", "dd", "r", "m",
                                                "b", "bb", "s", "ss", "",  "j", "jj",
                                                "c", "k",  "t", "p", "h"};
constexpr std::string_view kHangulVowels[] = {"a",  "ae", "ya", "yae", "eo", "e",  "yeo",
                                              "ye", "o",  "wa", "wae", "oe", "yo", "u",
                                              "weo", "we", "wi", "yu",  "eu", "yi", "i"};
constexpr std::string_view kHangulFinals[] = {"",   "g",  "gg", "gs", "n",  "nj", "nh",
                                              "d",  "l",  "lg", "lm", "lb", "ls", "lt",
                                              "lp", "lh", "m",  "b",  "bs", "s",  "ss",
                                              "ng", "j",  "c",  "k",  "t",  "p",  "h"};

bool append_east_asian(std::string& out, char32_t code) {
  constexpr char32_t kHiragana = 0x3041, kKatakana = 0x30A1, kSyllables = 0xAC00;
  const char32_t kana = code >= kKatakana ? code - kKatakana : code - kHiragana;
  if (code >= kHiragana && code < kKatakana + std::size(kKana) && kana < std::size(kKana)) {
    out += kKana[kana];
    return true;
  }
  if (code < kSyllables || code > 0xD7A3) return false;
  const char32_t at = code - kSyllables, finals = std::size(kHangulFinals);
  out += kHangulInitials[at / finals / std::size(kHangulVowels)];
  out += kHangulVowels[at / finals % std::size(kHangulVowels)];
  out += kHangulFinals[at % finals];
  return true;
}

// Chinese, one word a character.

struct HanReading {
  std::string_view ascii;
  std::string_view characters;
};

constexpr HanReading kHanReadings[] = {
#include "bloblang/functions/han_readings.inc"
};

constexpr char32_t kFirstHan = 0x4E00, kLastHan = 0x9FFF;

/// Of each character from kFirstHan its place in kHanReadings, from 1.
const std::vector<std::uint16_t>& han_places() {
  static const std::vector<std::uint16_t> kPlaces = [] {
    std::vector<std::uint16_t> places(kLastHan - kFirstHan + 1);
    std::uint16_t place = 0;
    for (const HanReading& reading : kHanReadings) {
      ++place;
      each_rune(reading.characters, [&](char32_t code) { places[code - kFirstHan] = place; });
    }
    return places;
  }();
  return kPlaces;
}

bool append_han(std::string& out, char32_t code) {
  if (code < kFirstHan || code > kLastHan) return false;
  const auto place = han_places()[code - kFirstHan];
  if (place == 0) return false;
  const std::string_view reading = kHanReadings[place - 1].ascii;
  out += static_cast<char>(reading[0] - 'a' + 'A');
  out += reading.substr(1);
  out += ' ';
  return true;
}

// All ---------------------------------------------------------------------------------------------

const Spelling* find_spelling(std::span<const Spelling> sorted, char32_t code) {
  const auto found = std::ranges::lower_bound(sorted, code, {}, &Spelling::code);
  return found != sorted.end() && found->code == code ? &*found : nullptr;
}

/// False if the code has none.
bool append_spelling(std::string& out, char32_t code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
    return true;
  }
  if (const Spelling* spelling = find_spelling(kSpellings, code)) {
    out += spelling->ascii;
    return true;
  }
  return append_alphabetic(out, code) || append_east_asian(out, code) || append_han(out, code);
}

void append_ascii(std::string& out, char32_t code) {
  constexpr char32_t kCircled = 0x2460, kCircledEnd = 0x24FF;  // symbols, not letters
  if (append_spelling(out, code) || (code >= kCircled && code <= kCircledEnd)) return;
  std::uint32_t parts[18];  // the longest decomposition of any character
  std::size_t count = std::size(parts);
  const auto whole = static_cast<std::uint32_t>(code);
  const auto* const decomposed = u32_normalize(UNINORM_NFKD, &whole, 1, parts, &count);
  if (!decomposed || (count == 1 && decomposed[0] == whole)) return;
  for (std::size_t i = 0; i < count; ++i) append_spelling(out, decomposed[i]);
}

// Slugs -------------------------------------------------------------------------------------------

struct Language {
  std::string_view names[6];
  std::string_view ampersand, at;
  std::span<const Spelling> letters = {};  // sorted
};

constexpr Spelling kGerman[] = {{0xC4, "ae"}, {0xD6, "oe"}, {0xDC, "ue"},
                                {0xE4, "ae"}, {0xF6, "oe"}, {0xFC, "ue"}};
constexpr Spelling kNorwegian[] = {{0xC5, "aa"}, {0xC6, "ae"}, {0xD8, "oe"},
                                   {0xE5, "aa"}, {0xE6, "ae"}, {0xF8, "oe"}};
constexpr Spelling kSlovene[] = {{0x110, "dz"}, {0x111, "dz"}};
constexpr Spelling kGreek[] = {
    {0x389, "i"}, {0x38A, "i"}, {0x38E, "y"}, {0x38F, "o"}, {0x390, "i"}, {0x392, "v"},
    {0x397, "i"}, {0x399, "i"}, {0x39E, "x"}, {0x3A5, "y"}, {0x3A6, "f"}, {0x3A7, "ch"},
    {0x3A9, "o"}, {0x3AA, "i"}, {0x3AB, "y"}, {0x3AE, "i"}, {0x3AF, "i"}, {0x3B0, "y"},
    {0x3B2, "v"}, {0x3B7, "i"}, {0x3B9, "i"}, {0x3BE, "x"}, {0x3C5, "y"}, {0x3C6, "f"},
    {0x3C7, "ch"}, {0x3C9, "o"}, {0x3CA, "i"}, {0x3CB, "y"}, {0x3CD, "y"}, {0x3CE, "o"}};
constexpr Spelling kKazakh[] = {{0x492, "g"}, {0x493, "g"}, {0x49A, "q"}, {0x49B, "q"},
                                {0x4A2, "n"}, {0x4A3, "n"}, {0x4B0, "u"}, {0x4B1, "u"},
                                {0x4D8, "a"}, {0x4D9, "a"}, {0x4E8, "o"}, {0x4E9, "o"}};
constexpr Spelling kBulgarian[] = {
    {0x419, "y"},   {0x425, "h"}, {0x429, "sht"}, {0x42A, "a"}, {0x42C, "y"},   {0x42E, "yu"},
    {0x42F, "ya"},  {0x439, "y"}, {0x445, "h"},   {0x449, "sht"}, {0x44A, "a"}, {0x44C, "y"},
    {0x44E, "yu"},  {0x44F, "ya"}};

constexpr Language kLanguages[] = {
    {{"en", "eng"}, "and", "at"},
    {{"bg", "bgr"}, "&", "@", kBulgarian},
    {{"cs", "ces"}, "a", "zavinac"},
    {{"de", "deu"}, "und", "an", kGerman},
    {{"es", "spa"}, "y", "en"},
    {{"fi", "fin"}, "ja", "at"},
    {{"fr", "fra"}, "et", "arobase"},
    {{"gr", "el", "ell"}, "kai", "@", kGreek},
    {{"hu", "hun"}, "&", "@"},
    {{"id", "idn", "ind"}, "dan", "@"},
    {{"it", "ita"}, "e", "chiocciola"},
    {{"kz", "kk", "kaz"}, "jane", "@", kKazakh},
    {{"nb", "nob", "nn", "nno"}, "og", "at", kNorwegian},
    {{"nl", "nld"}, "en", "at"},
    {{"pl", "pol"}, "i", "na"},
    {{"pt", "prt", "pt-br", "br", "bra", "por"}, "e", "em"},
    {{"ro", "rou"}, "si", "@"},
    {{"sl", "slv"}, "in", "@", kSlovene},
    {{"sv", "swe"}, "och", "snabel a"},
    {{"tr", "tur"}, "ve", "et"},
};

const Language& language_named(std::string_view name) {
  const std::string wanted = to_lower(name);
  for (const Language& language : kLanguages) {
    if (!wanted.empty() && std::ranges::find(language.names, wanted) != std::end(language.names)) {
      return language;
    }
  }
  return kLanguages[0];
}

/// Quotation marks that are left out, dashes that separate.
std::optional<std::string_view> common_spelling(char32_t code) {
  if (code == '"' || code == '\'' || code == 0x2019) return "";
  if (code >= 0x2012 && code <= 0x2015) return "-";
  return std::nullopt;
}

}  // namespace

std::string to_ascii(std::string_view text) {
  std::string out;
  each_rune(text, [&out](char32_t code) { append_ascii(out, code); });
  return out;
}

std::string slug_of(std::string_view text, std::string_view language_name) {
  const Language& language = language_named(language_name);
  std::string spelled;
  each_rune(text, [&](char32_t code) {
    if (const auto common = common_spelling(code)) {
      spelled += *common;
    } else if (code == '&') {
      spelled += language.ampersand;
    } else if (code == '@') {
      spelled += language.at;
    } else if (const Spelling* letter = find_spelling(language.letters, code)) {
      spelled += letter->ascii;
    } else {
      append_ascii(spelled, code);
    }
  });
  std::string slug;
  for (const char c : to_lower(spelled)) {
    const bool stays = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    if (stays) {
      slug += c;
    } else if (!slug.ends_with('-')) {
      slug += '-';
    }
  }
  const auto from = slug.find_first_not_of("-_");
  if (from == slug.npos) return {};
  return slug.substr(from, slug.find_last_not_of("-_") + 1 - from);
}

}  // namespace tollgate::bloblang
