#pragma once

#include <array>
#include <cstdint>

namespace tollgate::bloblang {

/// The sequence that Go's math/rand gives for a seed: an additive lagged Fibonacci generator.
class GoRandom {
 public:
  explicit GoRandom(std::int64_t seed = 0);

  /// From 0 to `bound` - 1. Requires: bound > 0.
  std::int64_t below(std::int64_t bound);

 private:
  static constexpr int kLength = 607, kTap = 273;
  using State = std::array<std::uint64_t, kLength>;
  static const State& well_mixed();
  std::int64_t next();

  State state_;
  int tap_ = 0;
  int feed_ = kLength - kTap;
};

}  // namespace tollgate::bloblang
