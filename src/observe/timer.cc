#include <time.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <memory>

#include "observe/metrics.h"

namespace tollgate {

namespace {

// Buckets: each octave (power of two) of nanoseconds has 32 equal ones, so a bucket is at most 1/32
// wide. Durations below 32 ns have one bucket each.
constexpr unsigned kStepBits = 5;
constexpr unsigned kSteps = 1u << kStepBits;
constexpr unsigned kOctaves = 64 - kStepBits;

constexpr unsigned octave_of(std::uint64_t ns) {
  const auto width = static_cast<unsigned>(std::bit_width(ns));
  return width <= kStepBits ? 0 : width - kStepBits;
}
constexpr unsigned step_of(std::uint64_t ns, unsigned octave) {
  return static_cast<unsigned>(octave == 0 ? ns : ns >> (octave - 1)) & (kSteps - 1);
}
/// The least duration of a bucket.
double start_of(unsigned octave, unsigned step) {
  if (octave == 0) return step;
  return std::ldexp(kSteps + step, static_cast<int>(octave) - 1);
}
double width_of(unsigned octave) {
  return octave == 0 ? 1 : std::ldexp(1, static_cast<int>(octave) - 1);
}

using Counts = std::array<std::array<std::uint64_t, kSteps>, kOctaves>;

/// Counts per bucket; an octave takes memory once something falls into it.
class Histogram {
 public:
  Histogram() = default;
  Histogram(const Histogram&) = delete;
  Histogram& operator=(const Histogram&) = delete;
  ~Histogram() {
    for (auto& octave : octaves_) delete octave.load();
  }

  void add(std::uint64_t ns) {
    const unsigned octave = octave_of(ns);
    Octave* cells = octaves_[octave].load(std::memory_order_acquire);
    if (!cells) [[unlikely]] cells = make(octave);
    (*cells)[step_of(ns, octave)].fetch_add(1, std::memory_order_release);
  }

  void clear() {
    for (auto& octave : octaves_) {
      Octave* cells = octave.load(std::memory_order_acquire);
      if (!cells) continue;
      for (auto& cell : *cells) cell.store(0, std::memory_order_relaxed);
    }
  }

  void sum_into(Counts& counts) const {
    for (unsigned octave = 0; octave < kOctaves; ++octave) {
      const Octave* cells = octaves_[octave].load(std::memory_order_acquire);
      if (!cells) continue;
      for (unsigned step = 0; step < kSteps; ++step) {
        counts[octave][step] += (*cells)[step].load(std::memory_order_acquire);
      }
    }
  }

 private:
  using Octave = std::array<std::atomic<std::uint64_t>, kSteps>;

  Octave* make(unsigned octave) {
    auto fresh = std::make_unique<Octave>();
    Octave* present = nullptr;
    if (octaves_[octave].compare_exchange_strong(present, fresh.get())) return fresh.release();
    return present;
  }

  std::array<std::atomic<Octave*>, kOctaves> octaves_{};
};

void lower(std::atomic<std::uint64_t>& least, std::uint64_t value) {
  auto present = least.load(std::memory_order_relaxed);
  while (value < present && !least.compare_exchange_weak(present, value)) {
  }
}
void raise(std::atomic<std::uint64_t>& most, std::uint64_t value) {
  auto present = most.load(std::memory_order_relaxed);
  while (value > present && !most.compare_exchange_weak(present, value)) {
  }
}

/// Two minutes of the window.
struct Slice {
  static constexpr std::int64_t kNever = -1, kClearing = -2;
  std::atomic<std::int64_t> number{kNever};  // which two minutes; negative: holds nothing
  std::atomic<std::uint64_t> least{~0ull};
  std::atomic<std::uint64_t> most{0};
  Histogram histogram;
};

constexpr std::size_t kSlices = 5;
constexpr std::int64_t kSliceSeconds = 120;

/// The number of the current slice.
std::int64_t current_slice() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);  // a read of shared memory; slices are long
  return now.tv_sec / kSliceSeconds;
}

}  // namespace

struct Timer::State {
  std::vector<double> bounds;
  std::vector<std::atomic<std::uint64_t>> at_most;  // how many fell between bound i-1 and bound i
  std::atomic<std::uint64_t> count{0};
  std::atomic<double> sum{0};
  Histogram all;
  std::array<Slice, kSlices> slices;

  Slice* slice() {
    const std::int64_t now = current_slice();
    Slice& slice = slices[static_cast<std::size_t>(now) % kSlices];
    auto number = slice.number.load(std::memory_order_acquire);
    if (number == now) return &slice;
    // The first to come clears it. Whoever records meanwhile is left out of the quantiles only.
    if (number == Slice::kClearing ||
        !slice.number.compare_exchange_strong(number, Slice::kClearing)) {
      return nullptr;
    }
    slice.histogram.clear();
    slice.least.store(~0ull, std::memory_order_relaxed);
    slice.most.store(0, std::memory_order_relaxed);
    slice.number.store(now, std::memory_order_release);
    return &slice;
  }
};

Timer::Timer(std::vector<double> bounds) : state_(std::make_unique<State>()) {
  state_->at_most = std::vector<std::atomic<std::uint64_t>>(bounds.size());
  state_->bounds = std::move(bounds);
}

Timer::~Timer() = default;

void Timer::record(std::chrono::nanoseconds duration) {
  const auto ns = static_cast<std::uint64_t>(std::max<std::int64_t>(0, duration.count()));
  // The total goes first: what a reader finds in a bucket is in the total it reads afterwards.
  state_->count.fetch_add(1, std::memory_order_relaxed);
  state_->sum.fetch_add(static_cast<double>(ns), std::memory_order_relaxed);
  const auto bound = std::ranges::lower_bound(state_->bounds, static_cast<double>(ns));
  if (bound != state_->bounds.end()) {
    state_->at_most[static_cast<std::size_t>(bound - state_->bounds.begin())].fetch_add(
        1, std::memory_order_release);
  }
  state_->all.add(ns);
  if (Slice* slice = state_->slice()) {
    lower(slice->least, ns);
    raise(slice->most, ns);
    slice->histogram.add(ns);
  }
}

std::uint64_t Timer::count() const { return state_->count.load(std::memory_order_acquire); }

double Timer::sum_ns() const { return state_->sum.load(std::memory_order_acquire); }

double Timer::quantile_ns(double q) const {
  auto counts = std::make_unique<Counts>();
  const std::int64_t now = current_slice();
  std::uint64_t least = ~0ull, most = 0;
  for (const Slice& slice : state_->slices) {
    const auto number = slice.number.load(std::memory_order_acquire);
    if (number < 0 || number + static_cast<std::int64_t>(kSlices) <= now) continue;
    slice.histogram.sum_into(*counts);
    least = std::min(least, slice.least.load(std::memory_order_relaxed));
    most = std::max(most, slice.most.load(std::memory_order_relaxed));
  }
  std::uint64_t total = 0;
  for (const auto& octave : *counts) {
    for (const auto count : octave) total += count;
  }
  if (total == 0 || std::isnan(q)) return std::numeric_limits<double>::quiet_NaN();
  const double share = std::clamp(q, 0.0, 1.0) * static_cast<double>(total);
  const double rank = std::max(1.0, std::ceil(share));
  double before = 0;
  for (unsigned octave = 0; octave < kOctaves; ++octave) {
    for (unsigned step = 0; step < kSteps; ++step) {
      const auto count = static_cast<double>((*counts)[octave][step]);
      if (before + count >= rank) {
        // Spreads the bucket's content evenly; a bucket below 32 ns holds one value.
        const double into = octave == 0 ? 0 : (rank - before - 0.5) / count;
        const double estimate = start_of(octave, step) + std::floor(into * width_of(octave));
        return std::clamp(estimate, static_cast<double>(least), static_cast<double>(most));
      }
      before += count;
    }
  }
  return static_cast<double>(most);
}

std::uint64_t Timer::count_below(double bound_ns) const {
  const auto& bounds = state_->bounds;
  const auto exact = std::ranges::lower_bound(bounds, bound_ns);
  if (exact != bounds.end() && *exact == bound_ns) {
    std::uint64_t total = 0;
    for (auto i = exact - bounds.begin(); i >= 0; --i) {
      total += state_->at_most[static_cast<std::size_t>(i)].load(std::memory_order_acquire);
    }
    return total;
  }
  auto counts = std::make_unique<Counts>();
  state_->all.sum_into(*counts);
  double total = 0;
  for (unsigned octave = 0; octave < kOctaves; ++octave) {
    for (unsigned step = 0; step < kSteps; ++step) {
      const double into = (bound_ns + 1 - start_of(octave, step)) / width_of(octave);
      total += static_cast<double>((*counts)[octave][step]) * std::clamp(into, 0.0, 1.0);
    }
  }
  return static_cast<std::uint64_t>(total);
}

}  // namespace tollgate
