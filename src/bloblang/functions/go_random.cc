#include "bloblang/functions/go_random.h"

#include <algorithm>
#include <bit>

namespace tollgate::bloblang {
namespace {

constexpr std::int64_t kModulus = 2'147'483'647;  // 2^31 - 1

/// The linear congruential generator that spreads a seed over the state.
class Spreader {
 public:
  explicit Spreader(std::int64_t seed) : x_(seed % kModulus) {
    if (x_ < 0) x_ += kModulus;
    if (x_ == 0) x_ = 89'482'311;
    for (int i = 0; i < 20; ++i) next();
  }
  /// Three numbers side by side, `shift` bits apart.
  std::uint64_t next_wide(int shift) {
    const std::uint64_t high = next() << 2 * shift;
    const std::uint64_t middle = next() << shift;
    return high ^ middle ^ next();
  }

 private:
  std::uint64_t next() {
    x_ = 48'271 * x_ % kModulus;
    return static_cast<std::uint64_t>(x_);
  }
  std::int64_t x_;
};

}  // namespace

/// The state after 7.8e12 steps from seed 1, into which every seed is mixed. A step is linear, so
/// they are not taken one by one: x^n modulo the generator's polynomial, x^607 = x^334 + 1, tells
/// how the state after n steps is made of the first one. All modulo 2^64.
const GoRandom::State& GoRandom::well_mixed() {
  static const State kMixed = [] {
    constexpr std::uint64_t kSteps = 7'800'000'000'000;
    constexpr int kMiddle = kLength - kTap;
    // Numbers are written from place 333 downwards, in a ring.
    const auto place = [](std::int64_t number) {
      return static_cast<std::size_t>(((kMiddle - number) % kLength + kLength) % kLength);
    };
    State first;
    Spreader spreader(1);
    for (auto& number : first) number = spreader.next_wide(10);

    State power{1};  // x^n, as coefficients
    const auto multiply_by_x = [&power] {
      const std::uint64_t carried = power.back();
      std::shift_right(power.begin(), power.end(), 1);
      power[0] = carried;
      power[kMiddle] += carried;
    };
    for (int bit = std::bit_width(kSteps) - 1; bit >= 0; --bit) {
      std::array<std::uint64_t, 2 * kLength> square{};
      for (int i = 0; i < kLength; ++i) {
        for (int j = 0; j < kLength; ++j) square[i + j] += power[i] * power[j];
      }
      for (int i = 2 * kLength - 1; i >= kLength; --i) {
        square[i - kLength] += square[i];
        square[i - kLength + kMiddle] += square[i];
      }
      std::copy_n(square.begin(), kLength, power.begin());
      if (kSteps >> bit & 1) multiply_by_x();
    }
    State mixed;
    for (int i = 0; i < kLength; ++i) {
      std::uint64_t number = 0;
      for (int j = 0; j < kLength; ++j) number += power[j] * first[place(j - (kLength - 1))];
      mixed[place(static_cast<std::int64_t>(kSteps) - (kLength - 1) + i)] = number;
      multiply_by_x();
    }
    return mixed;
  }();
  return kMixed;
}

GoRandom::GoRandom(std::int64_t seed) : state_(well_mixed()) {
  Spreader spreader(seed);
  for (auto& number : state_) number ^= spreader.next_wide(20);
}

std::int64_t GoRandom::next() {
  tap_ = (tap_ + kLength - 1) % kLength;
  feed_ = (feed_ + kLength - 1) % kLength;
  state_[feed_] += state_[tap_];
  return static_cast<std::int64_t>(state_[feed_] & INT64_MAX);
}

std::int64_t GoRandom::below(std::int64_t bound) {
  const auto wide = static_cast<std::uint64_t>(bound);
  if (std::has_single_bit(wide)) return next() & (bound - 1);
  // Of the numbers at the end, which do not make a whole range, none is taken.
  const auto last = static_cast<std::int64_t>(INT64_MAX - (std::uint64_t{1} << 63) % wide);
  std::int64_t number = next();
  while (number > last) number = next();
  return number % bound;
}

}  // namespace tollgate::bloblang
