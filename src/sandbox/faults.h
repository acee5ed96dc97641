#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

#include "base/result.h"

namespace tollgate {

/// How the sandbox misbehaves on purpose towards requests with events.
struct FaultSettings {
  std::uint64_t fail_every = 0;   ///< every Nth request is answered with `status`; 0: none
  int status = 500;
  bool fail_after_store = false;  ///< failures and resets come after the events were stored
  std::chrono::nanoseconds delay{};
  std::uint64_t reset_every = 0;  ///< every Nth connection is closed without an answer; 0: none

  /// A change to these settings: JSON with the names above, a delay such as "100ms". Keys that are
  /// left out stay.
  Result<FaultSettings> changed_by(std::string_view json) const;
  std::string json() const;
};

/// Decides the fate of each request. Any thread.
class Faults {
 public:
  enum class Fate : unsigned char { serve, fail, reset };
  struct Plan {
    Fate fate = Fate::serve;
    FaultSettings settings;
  };

  explicit Faults(FaultSettings settings) : settings_(settings) {}

  /// The fate of the next request.
  Plan next();
  FaultSettings settings() const;
  /// Also starts counting anew.
  void set(const FaultSettings& settings);
  std::uint64_t failures() const;
  std::uint64_t resets() const;

 private:
  mutable std::mutex lock_;
  FaultSettings settings_;      // lock_
  std::uint64_t seen_ = 0;      // lock_
  std::uint64_t failures_ = 0;  // lock_
  std::uint64_t resets_ = 0;    // lock_
};

}  // namespace tollgate
