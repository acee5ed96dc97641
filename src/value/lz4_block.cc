#include "value/lz4_block.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <vector>

namespace tollgate {
namespace {

constexpr int kShortest = 4;
constexpr int kMargin = 14;  // bytes at the end in which no repetition starts
constexpr int kNowhere = -(1 << 16);

class Lz4Block {
 public:
  explicit Lz4Block(std::string_view bytes)
      : bytes_(bytes), last_start_(static_cast<int>(bytes.size()) - kMargin) {}

  std::optional<std::string> run() {
    while (at_ < last_start_) {
      const int distance = find();
      if (distance == 0) continue;
      take(distance);
      if (at_ < last_start_) remember(hash(eight(at_ - 2)), at_ - 2);
    }
    put_lengths(size() - written_, 0);
    if (static_cast<int>(out_.size()) >= written_) return std::nullopt;
    out_ += bytes_.substr(static_cast<std::size_t>(written_));
    if (out_.size() > bytes_.size()) return std::nullopt;
    return std::move(out_);
  }

 private:
  int size() const { return static_cast<int>(bytes_.size()); }
  std::uint64_t eight(int at) const {
    std::uint64_t number;
    std::memcpy(&number, bytes_.data() + at, sizeof number);
    return number;
  }
  std::uint32_t four(int at) const {
    std::uint32_t number;
    std::memcpy(&number, bytes_.data() + at, sizeof number);
    return number;
  }

  /// Of the first 6 bytes.
  static std::size_t hash(std::uint64_t bytes) {
    return (bytes << 16) * 227'718'039'650'203 >> (64 - 16);
  }
  /// Before `at`; a place that was never remembered is the start.
  int place(std::size_t hash, int at) const {
    const int found = places_[hash];
    return found < at ? found : kNowhere;
  }
  void remember(std::size_t hash, int at) { places_[hash] = static_cast<std::uint16_t>(at); }

  /// Whether the 4 bytes at `at` are those at `source`.
  bool repeats(int at, int source) const {
    return source != kNowhere && four(at) == four(source);
  }

  /// Looks at three places. Moves to the one where a repetition starts and gives its distance, else
  /// moves on, farther the longer there was none, and gives 0.
  int find() {
    const std::uint64_t bytes = eight(at_);
    const std::size_t hashes[] = {hash(bytes), hash(bytes >> 8), hash(bytes >> 16)};
    const int first = place(hashes[0], at_), second = place(hashes[1], at_ + 1);
    remember(hashes[0], at_);
    remember(hashes[1], at_ + 1);
    if (repeats(at_, first)) return at_ - first;
    const int third = place(hashes[2], at_ + 2);
    ++at_;
    if (repeats(at_, second)) return at_ - second;
    ++at_;
    remember(hashes[2], at_);
    if (repeats(at_, third)) return at_ - third;
    at_ += 2 + ((at_ - written_) >> 7);
    return 0;
  }

  void take(int distance) {
    int start = at_;
    while (start > written_ && start > distance &&
           bytes_[static_cast<std::size_t>(start - 1)] ==
               bytes_[static_cast<std::size_t>(start - 1 - distance)]) {
      --start;
    }
    at_ += kShortest;
    while (at_ + 8 <= last_start_) {  // by eights, so that ends near the margin are not seen
      const std::uint64_t differing = eight(at_) ^ eight(at_ - distance);
      at_ += differing ? std::countr_zero(differing) >> 3 : 8;
      if (differing) break;
    }
    const int literals = start - written_, length = at_ - start - kShortest;
    put_lengths(literals, length);
    out_ += bytes_.substr(static_cast<std::size_t>(written_), static_cast<std::size_t>(literals));
    out_ += static_cast<char>(distance);
    out_ += static_cast<char>(distance >> 8);
    put_rest(length);
    written_ = at_;
  }

  void put_lengths(int literals, int length) {
    out_ += static_cast<char>(std::min(literals, 15) << 4 | std::min(length, 15));
    put_rest(literals);
  }
  void put_rest(int length) {
    if (length < 15) return;
    for (length -= 15; length >= 255; length -= 255) out_ += '\xFF';
    out_ += static_cast<char>(length);
  }

  const std::string_view bytes_;
  const int last_start_;
  std::vector<std::uint16_t> places_ = std::vector<std::uint16_t>(std::size_t{1} << 16);
  std::string out_;
  int at_ = 0;
  int written_ = 0;  // sequences are made of what is before
};

}  // namespace

std::optional<std::string> lz4_block_as_incumbent(std::string_view bytes) {
  return Lz4Block(bytes).run();
}

}  // namespace tollgate
