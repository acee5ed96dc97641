#pragma once

#include <functional>
#include <vector>

namespace tollgate {

/// Effects of processors that count deliveries, such as the `metric` processor.
///
/// Where a batch may be run again (the batcher isolates poison by re-running parts of it), its
/// effects are collected and happen once, when the run that counts was delivered. Anywhere else
/// they happen at once. Per thread.
class DeferredEffects {
 public:
  using Effect = std::function<void()>;

  /// While it lives, effects of this thread are collected in it.
  DeferredEffects();
  ~DeferredEffects();
  DeferredEffects(const DeferredEffects&) = delete;

  std::vector<Effect> take() { return std::move(effects_); }

  /// Runs `effect` now, or keeps it for the delivery that is being prepared on this thread.
  static void apply(Effect effect);

 private:
  std::vector<Effect> effects_;
  DeferredEffects* outer_;
};

}  // namespace tollgate
