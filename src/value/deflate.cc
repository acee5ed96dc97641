#include "value/deflate.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>
#include <vector>

#include "value/deflate_block.h"

namespace tollgate {
namespace {

constexpr std::size_t kMostStored = 65'535;
constexpr int kWindow = 32'768;
constexpr int kLongest = 258;
constexpr int kNowhere = -(1 << 24);  // farther away than any window reaches
constexpr std::uint64_t kPrime4 = 2'654'435'761;
constexpr std::uint64_t kPrime7 = 58'295'818'150'454'627;

/// The bytes to compress, as numbers and for comparison.
class Text {
 public:
  explicit Text(std::string_view bytes) : bytes_(bytes) {}
  int size() const { return static_cast<int>(bytes_.size()); }
  char operator[](int at) const { return bytes_[static_cast<std::size_t>(at)]; }
  std::string_view range(int from, int to) const {
    return bytes_.substr(static_cast<std::size_t>(from), static_cast<std::size_t>(to - from));
  }
  /// Requires: 4 bytes there.
  std::uint32_t four(int at) const { return load<std::uint32_t>(at); }
  /// Requires: 8 bytes there.
  std::uint64_t eight(int at) const { return load<std::uint64_t>(at); }
  /// How many bytes from `a` to `end` are as those from `b`, which is before it.
  int common(int a, int b, int end) const {
    int length = 0;
    while (a + length < end && (*this)[a + length] == (*this)[b + length]) ++length;
    return length;
  }

 private:
  template <typename Number>
  Number load(int at) const {
    Number number;
    std::memcpy(&number, bytes_.data() + at, sizeof number);
    return number;
  }
  std::string_view bytes_;
};

void add_literals(DeflateTokens& tokens, std::string_view bytes) {
  for (const char c : bytes) tokens.push_back({.literal = c});
}

/// A repetition of any length, in parts that deflate has codes for.
void add_repetition(DeflateTokens& tokens, int length, int distance) {
  while (length > 0) {
    // A rest is of 3 bytes at least.
    const int part = length <= kLongest ? length : length > kLongest + 3 ? kLongest : kLongest - 3;
    tokens.push_back({static_cast<std::uint16_t>(part), static_cast<std::uint16_t>(distance), 0});
    length -= part;
  }
}

/// Level 5: the last place of each 4 bytes, and the last two of each 7.
class QuickMatcher {
 public:
  explicit QuickMatcher(std::string_view bytes)
      : text_(bytes),
        last_start_(text_.size() - kMargin),
        short_(kTable, kNowhere),
        long_(kTable) {}

  /// Nothing if there are no repetitions.
  DeflateTokens run() {
    while (const auto match = find()) {
      take(*match);
      if (here_ >= last_start_) break;
      remember_within(here_ - match->length + 1, here_);
      remember_both(here_ - 1);
    }
    if (!tokens_.empty()) add_literals(tokens_, text_.range(written_, text_.size()));
    return std::move(tokens_);
  }

 private:
  static constexpr int kMargin = 11;  // so many bytes at the end start no repetition
  static constexpr std::size_t kTable = std::size_t{1} << 15;
  struct Places {
    int last = kNowhere, before = kNowhere;
  };
  struct Match {
    int at, source, length;
  };

  int& short_place(std::uint64_t bytes) {
    return short_[static_cast<std::uint32_t>(bytes * kPrime4) >> (32 - 15)];
  }
  Places& long_places(std::uint64_t bytes) { return long_[(bytes << 8) * kPrime7 >> (64 - 15)]; }

  void remember_short(std::uint64_t bytes, int at) { short_place(bytes) = at; }
  void remember_long(std::uint64_t bytes, int at) {
    Places& places = long_places(bytes);
    places = {at, places.last};
  }
  void remember_both(int at) {
    const std::uint64_t bytes = text_.eight(at);
    remember_short(bytes, at);
    remember_long(bytes, at);
  }

  bool starts_match(int at, int source) const {
    return at - source < kWindow && text_.four(at) == text_.four(source);
  }
  int length_at(int at, int source, int end) const {
    return 4 + text_.common(at + 4, source + 4, std::min(end, text_.size()));
  }
  /// Up to what one code can say.
  int one_length(int at, int source) const { return length_at(at, source, at + kLongest); }

  /// The next repetition worth having. Steps get longer the longer there was none.
  std::optional<Match> find() {
    for (int at = here_;;) {
      next_ = at + 1 + ((at - written_) >> 6);
      if (next_ > last_start_) return std::nullopt;
      const std::uint64_t bytes = text_.eight(at), following = text_.eight(next_);
      const int near = short_place(bytes);
      const Places far = long_places(bytes);
      remember_short(bytes, at);
      remember_long(bytes, at);
      const auto remember_next = [&] {
        remember_short(following, next_);
        remember_long(following, next_);
      };
      if (starts_match(at, far.last)) {
        remember_next();
        if (!starts_match(at, far.before)) return improved(whole({at, far.last, 0}));
        const int length = one_length(at, far.last), other = one_length(at, far.before);
        return improved(other > length ? whole({at, far.before, other})
                                       : whole({at, far.last, length}));
      }
      if (starts_match(at, far.before)) {
        remember_next();
        return improved(whole({at, far.before, 0}));
      }
      if (starts_match(at, near)) {
        Match match{at, near, one_length(at, near)};
        const Places candidates = long_places(following);
        remember_next();
        // One that starts at the next place is better if it is longer.
        for (const int source : {candidates.last, candidates.before}) {
          if (next_ - source >= kWindow) break;
          if (text_.four(source) != text_.four(next_)) continue;
          const int length = one_length(next_, source);
          if (length <= match.length) continue;
          match = {next_, source, length};
          break;
        }
        return improved(whole(match));
      }
      at = next_;
    }
  }

  /// Of a length that is not known yet (0), or may be but the start of it.
  Match whole(Match match) const {
    if (match.length == 0 || match.length == kLongest) {
      match.length = length_at(match.at, match.source, text_.size());
    }
    return match;
  }

  /// Another that covers the end of a short match may be longer, and all grow to the left.
  Match improved(Match match) {
    constexpr int kSkipped = 2;  // bytes at the start that may differ in the other one
    const int end = match.at + match.length;
    if (match.length < 30 && end < last_start_) {
      const int at = match.at + kSkipped;
      const int source = long_places(text_.eight(end)).last - match.length + kSkipped;
      const int distance = at - source;
      if (source >= 0 && distance > 0 && distance < kWindow) {
        const int length = text_.common(at, source, text_.size());
        if (length > match.length) match = {at, source, length};
      }
    }
    while (match.source > 0 && match.at > written_ &&
           text_[match.source - 1] == text_[match.at - 1]) {
      --match.at, --match.source, ++match.length;
    }
    return match;
  }

  void take(const Match& match) {
    add_literals(tokens_, text_.range(written_, match.at));
    add_repetition(tokens_, match.length, match.at - match.source);
    written_ = match.at + match.length;
    here_ = next_ >= written_ ? next_ + 1 : written_;
  }

  /// Some of the places inside a match.
  void remember_within(int at, int end) {
    if (at >= end - 1) return;
    const std::uint64_t bytes = text_.eight(at);
    remember_both(at);
    remember_long(bytes >> 8, at + 1);
    remember_short(bytes >> 16, at + 2);
    for (int place = at + 4; place < end - 1; place += 3) {
      const std::uint64_t there = text_.eight(place);
      remember_long(there, place);
      remember_short(there >> 8, place + 1);
    }
  }

  const Text text_;
  const int last_start_;
  std::vector<int> short_;
  std::vector<Places> long_;
  DeflateTokens tokens_;
  int here_ = 0;     // where the search goes on
  int next_ = 0;     // the place after the one that was looked at last
  int written_ = 0;  // tokens are made of what is before
};

/// Levels 7 to 9: chains of all places with the same 4 bytes. A repetition is taken only if there
/// is no longer one at the next place.
class LazyMatcher {
 public:
  LazyMatcher(std::string_view bytes, int level, DeflateWriter& writer)
      : text_(bytes),
        effort_(kEfforts[level - 7]),
        indexed_end_(text_.size() - (kShortest - 1)),
        first_(kTable, kNowhere),
        previous_(bytes.size(), kNowhere),
        writer_(writer) {
    if (effort_.chain > kPlainChain) {
      std::array<std::uint32_t, 256> frequencies{};
      for (const char c : bytes.substr(0, kMostTokens)) {
        ++frequencies[static_cast<unsigned char>(c)];
      }
      literal_cost_ = huffman_lengths(frequencies, 15);
    }
  }

  void run() {
    while (at_ < text_.size()) step();
    if (holds_byte_) add_literal(at_ - 1, false);
    if (!tokens_.empty()) flush();
  }

 private:
  struct Effort {
    int lazy;   ///< no longer one is looked for after one of this length
    int nice;   ///< nor further ones in a chain
    int chain;  ///< places of a chain that are looked at
  };
  static constexpr Effort kEfforts[] = {{12, 16, 24}, {30, 40, 64}, {258, 258, 1024}};
  static constexpr int kPlainChain = 100;  // above it, matches are chosen by the bits they save
  static constexpr int kShortest = 4;
  static constexpr std::size_t kMostTokens = 32'768;
  static constexpr std::size_t kTable = std::size_t{1} << 17;
  struct Match {
    int length = kShortest - 1, distance = 0;
  };

  int& first_place(int at) {
    return first_[static_cast<std::uint32_t>(text_.four(at) * kPrime4) >> (32 - 17)];
  }
  void remember(int at) {
    int& first = first_place(at);
    previous_[static_cast<std::size_t>(at)] = first;
    first = at;
  }
  void look_at(int at) {
    if (at >= indexed_end_) return;
    chain_ = first_place(at);
    remember(at);
  }

  void flush() {
    writer_.block(tokens_, text_.range(block_start_, at_));
    tokens_.clear();
    block_start_ = at_;
  }
  void flush_if_full() {
    if (tokens_.size() == kMostTokens) flush();
  }
  void add_literal(int at, bool may_flush = true) {
    tokens_.push_back({.literal = text_[at]});
    if (may_flush) flush_if_full();
  }

  void step() {
    look_at(at_);
    const Match before = std::exchange(match_, Match{});
    const int rest = text_.size() - at_;
    if (chain_ >= std::max(at_ - kWindow, 0) && rest > before.length &&
        before.length < effort_.lazy) {
      match_ = find(rest);
    }
    if (before.length >= kShortest && match_.length <= before.length) return take(before);
    if (match_.length >= kShortest) misses_ = 0;
    if (!holds_byte_) {
      ++at_;
      holds_byte_ = true;
      return;
    }
    ++misses_;
    add_literal(at_ - 1);
    ++at_;
    if (misses_ > effort_.chain) skip(1 + ((misses_ - effort_.chain) >> 6));
  }

  /// Where nothing repeats, places go by without a search.
  void skip(int count) {
    for (; count > 0 && at_ < text_.size() - 1; --count) {
      add_literal(at_ - 1);
      look_at(at_);
      ++at_;
    }
    add_literal(at_ - 1);
    holds_byte_ = false;
  }

  /// The best repetition that starts here.
  Match find(int rest) const {
    const int end = at_ + std::min(rest, kLongest);
    const int nice = std::min(effort_.nice, end - at_);
    const int oldest = std::max(at_ - kWindow, 0);
    const bool weighs = effort_.chain > kPlainChain;
    Match best;
    int best_gain = 4;
    int place = chain_;
    for (int tries = effort_.chain; tries > 0; --tries) {
      if (text_[at_ + best.length] == text_[place + best.length]) {
        const int length = text_.common(at_, place, end);
        const int gain = weighs && length > best.length ? saved_bits(length, at_ - place) : 0;
        if (length > best.length && (!weighs || gain > best_gain)) {
          best = {length, at_ - place};
          best_gain = gain;
          if (length >= nice) break;
        }
      }
      if (place <= oldest) break;
      place = previous_[static_cast<std::size_t>(place)];
      if (place < oldest) break;
    }
    return best.distance ? best : Match{};
  }

  int saved_bits(int length, int distance) const {
    int bits = -3;  // what a repetition costs at least
    for (const char c : text_.range(at_, at_ + length)) {
      bits += literal_cost_[static_cast<unsigned char>(c)];
    }
    // The incumbent weighs the distance one too high.
    return bits - deflate_extra_bits({static_cast<std::uint16_t>(length),
                                      static_cast<std::uint16_t>(distance + 1), 0});
  }

  /// What was found one place before this. Another that covers its end may be longer.
  void take(Match match) {
    constexpr int kSkipped = 2;  // bytes at the start that may differ in the other one
    const int start = at_ - 1;
    if (match.length < kLongest - kSkipped && start + match.length < indexed_end_) {
      const int source = first_place(start + match.length) - match.length;
      if (start - source != match.distance && source > std::max(at_ - kWindow, 0) + kSkipped) {
        const int end = start + std::min(text_.size() - at_, kLongest + kSkipped);
        const int length = text_.common(start + kSkipped, source + kSkipped, end);
        if (length > match.length) {
          match = {length, start - source};
          for (int i = kSkipped - 1; i >= 0; --i) {
            if (match.length < kLongest && text_[start + i] == text_[source + i]) {
              ++match.length;
              continue;
            }
            for (int j = 0; j <= i; ++j) {  // bytes that it does not reach
              add_literal(start + j);
              look_at(++at_);
            }
            break;
          }
        }
      }
    }
    add_repetition(tokens_, match.length, match.distance);
    const int next = at_ + match.length - 1;
    for (int at = at_ + 1; at < std::min(next, indexed_end_); ++at) remember(at);
    at_ = next;
    holds_byte_ = false;
    match_ = {};
    flush_if_full();
    misses_ = 0;
  }

  const Text text_;
  const Effort effort_;
  const int indexed_end_;  // places from here on have no 4 bytes
  std::vector<int> first_;
  std::vector<int> previous_;
  std::vector<std::uint8_t> literal_cost_;
  DeflateWriter& writer_;
  DeflateTokens tokens_;
  int block_start_ = 0;
  int at_ = 0;
  int chain_ = kNowhere;     // the newest place with the bytes of the last one looked at
  Match match_;              // found at the last place
  bool holds_byte_ = false;  // the byte before waits for whether it starts a repetition
  std::uint16_t misses_ = 0;  // bytes since the last repetition; wraps
};

}  // namespace

std::optional<std::string> deflate_as_incumbent(std::string_view bytes, int level, bool flushed) {
  constexpr int kHuffmanPenalty = 10, kQuickPenalty = 7;  // see DeflateWriter::literals()
  if (bytes.size() > (level == -2 ? std::size_t{kWindow} : kMostStored)) return std::nullopt;
  if (level == -1) level = 5;
  DeflateWriter writer;
  if (bytes.empty()) {
    // Nothing is written but the end.
  } else if (level == -2) {
    writer.literals(bytes, kHuffmanPenalty);
  } else if (level == 0 || (level < 7 && bytes.size() <= 32)) {
    writer.stored(bytes);
  } else if (level >= 7) {
    LazyMatcher(bytes, level, writer).run();
  } else if (bytes.size() < 128) {
    writer.literals(bytes, kQuickPenalty);
  } else if (level != 5) {
    return std::nullopt;
  } else {
    const DeflateTokens tokens = QuickMatcher(bytes).run();
    if (tokens.empty()) {
      writer.stored(bytes);
    } else if (tokens.size() > bytes.size() - (bytes.size() >> 4)) {
      writer.literals(bytes, kQuickPenalty);
    } else {
      writer.block(tokens, bytes);
    }
  }
  if (flushed) writer.stored({});
  return writer.finish();
}

}  // namespace tollgate
