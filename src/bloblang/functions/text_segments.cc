#include "bloblang/functions/text_segments.h"

#include <unictype.h>
#include <unigbrk.h>
#include <uniwbrk.h>

#include <algorithm>
#include <iterator>

#include "value/encoding.h"

// The rules are named as in the annex: GB9, WB4, SB8 …

namespace tollgate::bloblang {
namespace {

struct Character {
  char32_t code;
  std::size_t at;  // in the text
};

std::vector<Character> characters_of(std::string_view text) {
  std::vector<Character> all;
  all.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const Rune rune = decode_rune(text.data() + at, text.data() + text.size());
    all.push_back({rune.code, at});
    at += rune.width;
  }
  return all;
}

// Graphemes ---------------------------------------------------------------------------------------

class GraphemeRules {
 public:
  /// Whether there is a boundary before this character, which is not the first.
  bool breaks_before(char32_t code) {
    const int before = last_;
    const bool pictographic = uc_is_property_extended_pictographic(code);
    const bool joins = joiner_ && pictographic;                       // GB11
    const bool pairs = flags_ % 2 == 1;
    take(code);
    const int now = last_;
    if (before == GBP_CR && now == GBP_LF) return false;              // GB3
    if (is_control(before) || is_control(now)) return true;           // GB4, GB5
    if (before == GBP_L && (now == GBP_L || now == GBP_V || now == GBP_LV || now == GBP_LVT)) {
      return false;                                                   // GB6
    }
    if ((before == GBP_LV || before == GBP_V) && (now == GBP_V || now == GBP_T)) return false;
    if ((before == GBP_LVT || before == GBP_T) && now == GBP_T) return false;
    if (now == GBP_EXTEND || now == GBP_ZWJ || now == GBP_SPACINGMARK) return false;  // GB9
    if (before == GBP_PREPEND || joins) return false;                 // GB9b, GB11
    return !(now == GBP_RI && before == GBP_RI && pairs);             // GB12, GB13
  }

  void take(char32_t code) {
    last_ = uc_graphemeclusterbreak_property(code);
    flags_ = last_ == GBP_RI ? flags_ + 1 : 0;
    joiner_ = last_ == GBP_ZWJ && pictographic_;
    if (last_ != GBP_EXTEND && last_ != GBP_ZWJ) {
      pictographic_ = uc_is_property_extended_pictographic(code);
    }
  }

 private:
  static bool is_control(int property) {
    return property == GBP_CR || property == GBP_LF || property == GBP_CONTROL;
  }

  int last_ = GBP_OTHER;
  std::size_t flags_ = 0;      // regional indicators in a row
  bool pictographic_ = false;  // a pictograph, then extenders only
  bool joiner_ = false;        // … and then a joiner, the last character
};

void find_graphemes(const std::vector<Character>& text, std::vector<std::size_t>& starts) {
  GraphemeRules rules;
  rules.take(text[0].code);
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (rules.breaks_before(text[i].code)) starts.push_back(text[i].at);
  }
}

// Words -------------------------------------------------------------------------------------------

bool is_line_end(int property) {
  return property == WBP_CR || property == WBP_LF || property == WBP_NEWLINE;
}
bool is_ignorable(int property) {
  return property == WBP_EXTEND || property == WBP_FORMAT || property == WBP_ZWJ;
}
bool is_letter(int property) { return property == WBP_ALETTER || property == WBP_HL; }
bool joins_letters(int property) {
  return property == WBP_MIDLETTER || property == WBP_MIDNUMLET || property == WBP_SQ;
}
bool joins_digits(int property) {
  return property == WBP_MIDNUM || property == WBP_MIDNUMLET || property == WBP_SQ;
}
bool extends(int property) {
  return is_letter(property) || property == WBP_NUMERIC || property == WBP_KATAKANA;
}

class WordRules {
 public:
  explicit WordRules(const std::vector<Character>& text) : text_(text) {
    properties_.reserve(text.size());
    for (const Character& character : text) {
      properties_.push_back(uc_wordbreak_property(character.code));
    }
    advance(0);
  }

  /// Whether there is a boundary before character `i`. To be asked for 1, 2, 3 …
  bool breaks_before(std::size_t i) {
    const bool answer = decide(i);
    advance(i);
    return answer;
  }

 private:
  bool decide(std::size_t i) const {
    const int previous = properties_[i - 1], now = properties_[i];
    if (previous == WBP_CR && now == WBP_LF) return false;              // WB3
    if (is_line_end(previous) || is_line_end(now)) return true;         // WB3a, WB3b
    if (previous == WBP_ZWJ && uc_is_property_extended_pictographic(text_[i].code)) return false;
    if (previous == WBP_WSS && now == WBP_WSS) return false;            // WB3d
    if (is_ignorable(now)) return false;                                // WB4
    const int left = left_;
    if (is_letter(left) && is_letter(now)) return false;                // WB5
    if (is_letter(left) && joins_letters(now) && is_letter(after(i))) return false;   // WB6
    if (is_letter(before_left_) && joins_letters(left) && is_letter(now)) return false;  // WB7
    if (left == WBP_HL && now == WBP_SQ) return false;                  // WB7a
    if (left == WBP_HL && now == WBP_DQ && after(i) == WBP_HL) return false;             // WB7b
    if (before_left_ == WBP_HL && left == WBP_DQ && now == WBP_HL) return false;         // WB7c
    if (now == WBP_NUMERIC && (left == WBP_NUMERIC || is_letter(left))) return false;    // WB8, WB9
    if (left == WBP_NUMERIC && is_letter(now)) return false;            // WB10
    if (before_left_ == WBP_NUMERIC && joins_digits(left) && now == WBP_NUMERIC) return false;
    if (left == WBP_NUMERIC && joins_digits(now) && after(i) == WBP_NUMERIC) return false;  // WB12
    if (left == WBP_KATAKANA && now == WBP_KATAKANA) return false;      // WB13
    if (now == WBP_EXTENDNUMLET && (extends(left) || left == WBP_EXTENDNUMLET)) return false;
    if (left == WBP_EXTENDNUMLET && extends(now)) return false;         // WB13b
    return !(left == WBP_RI && now == WBP_RI && flags_ % 2 == 1);       // WB15, WB16
  }

  /// What follows character `i`, without what WB4 ignores.
  int after(std::size_t i) const {
    for (++i; i < properties_.size(); ++i) {
      if (!is_ignorable(properties_[i])) return properties_[i];
    }
    return WBP_OTHER;
  }

  void advance(std::size_t i) {
    const int now = properties_[i];
    if (is_ignorable(now) && i > 0 && !is_line_end(properties_[i - 1])) return;
    before_left_ = left_;
    left_ = now;
    flags_ = now == WBP_RI ? flags_ + 1 : 0;
  }

  const std::vector<Character>& text_;
  std::vector<int> properties_;
  int left_ = WBP_OTHER, before_left_ = WBP_OTHER;  // the last two, without what WB4 ignores
  std::size_t flags_ = 0;                           // regional indicators in a row
};

void find_words(const std::vector<Character>& text, std::vector<std::size_t>& starts) {
  WordRules rules(text);
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (rules.breaks_before(i)) starts.push_back(text[i].at);
  }
}

// Sentences ---------------------------------------------------------------------------------------

enum class Role : std::uint8_t {
  other, cr, lf, separator, extend, format, space, lower, upper, letter, numeric, full_stop,
  terminator, close, go_on
};

constexpr char32_t kFullStops[] = {0x2E, 0x2024, 0xFE52, 0xFF0E};
constexpr char32_t kGoingOn[] = {0x2C,   0x2D,   0x3A,   0x55D,  0x60C,  0x60D,  0x7F8,
                                 0x1802, 0x1808, 0x2013, 0x2014, 0x3001, 0xFE10, 0xFE11,
                                 0xFE13, 0xFE31, 0xFE32, 0xFE50, 0xFE51, 0xFE55, 0xFE58,
                                 0xFE63, 0xFF0C, 0xFF0D, 0xFF1A, 0xFF64};

template <std::size_t n>
bool among(const char32_t (&sorted)[n], char32_t code) {
  return std::binary_search(std::begin(sorted), std::end(sorted), code);
}

/// Quotation marks beside those whose category says so.
bool is_quotation(char32_t code) {
  return code == 0x22 || code == 0x27 || (code >= 0x275B && code <= 0x2760) ||
         (code >= 0x2E00 && code <= 0x2E0D) || (code >= 0x1F676 && code <= 0x1F678);
}

bool has_category(char32_t code, uc_general_category_t category) {
  return uc_is_general_category(code, category);
}

Role role_of(char32_t code) {
  if (code == '\r') return Role::cr;
  if (code == '\n') return Role::lf;
  if (code == 0x85 || code == 0x2028 || code == 0x2029) return Role::separator;
  if (uc_is_property_grapheme_extend(code) || has_category(code, UC_COMBINING_SPACING_MARK) ||
      code == 0x200D) {
    return Role::extend;
  }
  if (has_category(code, UC_FORMAT)) return Role::format;
  if (uc_is_property_white_space(code) && code != 0xA0) return Role::space;
  if (uc_is_property_lowercase(code)) return Role::lower;
  if (uc_is_property_uppercase(code) || has_category(code, UC_TITLECASE_LETTER)) {
    return Role::upper;
  }
  if (uc_is_property_alphabetic(code) || code == 0xA0 || code == 0x5F3) return Role::letter;
  if (uc_wordbreak_property(code) == WBP_NUMERIC) return Role::numeric;
  if (among(kFullStops, code)) return Role::full_stop;
  if (uc_is_property_sentence_terminal(code)) return Role::terminator;
  if (has_category(code, UC_OPEN_PUNCTUATION) || has_category(code, UC_CLOSE_PUNCTUATION) ||
      has_category(code, UC_INITIAL_QUOTE_PUNCTUATION) ||
      has_category(code, UC_FINAL_QUOTE_PUNCTUATION) || is_quotation(code)) {
    return Role::close;
  }
  return among(kGoingOn, code) ? Role::go_on : Role::other;
}

bool ends_paragraph(Role role) {
  return role == Role::cr || role == Role::lf || role == Role::separator;
}

class SentenceRules {
 public:
  explicit SentenceRules(const std::vector<Character>& text) {
    roles_.reserve(text.size());
    for (const Character& character : text) roles_.push_back(role_of(character.code));
    advance(0);
  }

  /// Whether there is a boundary before character `i`. To be asked for 1, 2, 3 …
  bool breaks_before(std::size_t i) {
    const bool answer = decide(i);
    advance(i);
    return answer;
  }

 private:
  /// How far an end of a sentence has got: `. ) ␣`.
  enum class End : std::uint8_t { none, mark, closed, spaced };

  bool decide(std::size_t i) const {
    const Role now = roles_[i];
    if (roles_[i - 1] == Role::cr && now == Role::lf) return false;       // SB3
    if (ends_paragraph(roles_[i - 1])) return true;                       // SB4
    if (now == Role::extend || now == Role::format) return false;         // SB5
    if (end_ == End::none) return false;                                  // SB998
    if (by_full_stop_) {
      if (end_ == End::mark && now == Role::numeric) return false;        // SB6
      if (end_ == End::mark && after_cased_ && now == Role::upper) return false;  // SB7
      if (leads_to_lower(i)) return false;                                // SB8
    }
    if (now == Role::go_on || now == Role::full_stop || now == Role::terminator) return false;
    if (now == Role::close && end_ != End::spaced) return false;          // SB9
    return now != Role::space && !ends_paragraph(now);                    // SB9 to SB11
  }

  bool leads_to_lower(std::size_t i) const {
    for (; i < roles_.size(); ++i) {
      switch (roles_[i]) {
        case Role::lower: return true;
        case Role::letter:
        case Role::upper:
        case Role::cr:
        case Role::lf:
        case Role::separator:
        case Role::full_stop:
        case Role::terminator: return false;
        default: break;
      }
    }
    return false;
  }

  void advance(std::size_t i) {
    const Role now = roles_[i];
    if ((now == Role::extend || now == Role::format) && i > 0 && !ends_paragraph(roles_[i - 1])) {
      return;
    }
    if (now == Role::full_stop || now == Role::terminator) {
      end_ = End::mark;
      by_full_stop_ = now == Role::full_stop;
      after_cased_ = last_ == Role::upper || last_ == Role::lower;
    } else if (now == Role::close && (end_ == End::mark || end_ == End::closed)) {
      end_ = End::closed;
    } else if (now == Role::space && end_ != End::none) {
      end_ = End::spaced;
    } else {
      end_ = End::none;
    }
    last_ = now;
  }

  std::vector<Role> roles_;
  End end_ = End::none;
  bool by_full_stop_ = false;  // the end began with one
  bool after_cased_ = false;   // … right after a cased letter
  Role last_ = Role::other;    // without what SB5 ignores
};

void find_sentences(const std::vector<Character>& text, std::vector<std::size_t>& starts) {
  SentenceRules rules(text);
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (rules.breaks_before(i)) starts.push_back(text[i].at);
  }
}

}  // namespace

std::vector<std::string_view> segments(std::string_view text, Segment kind) {
  if (text.empty()) return {};
  const std::vector<Character> characters = characters_of(text);
  std::vector<std::size_t> starts = {0};
  switch (kind) {
    case Segment::grapheme: find_graphemes(characters, starts); break;
    case Segment::word: find_words(characters, starts); break;
    case Segment::sentence: find_sentences(characters, starts); break;
  }
  std::vector<std::string_view> pieces;
  pieces.reserve(starts.size());
  for (std::size_t i = 0; i < starts.size(); ++i) {
    const std::size_t end = i + 1 < starts.size() ? starts[i + 1] : text.size();
    pieces.push_back(text.substr(starts[i], end - starts[i]));
  }
  return pieces;
}

}  // namespace tollgate::bloblang
