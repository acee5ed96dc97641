#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>

#include "component/build_context.h"
#include "component/input.h"

namespace tollgate {

/// Gathers what child inputs submit into batches by a policy, and submits those. The messages of a
/// batch are settled one by one for the batches they came in.
///
/// Lifecycle: start(), then children use intake(); stop() after they were stopped. May be started
/// again.
class InputBatcher {
 public:
  /// Requires: `policy` is active.
  static Result<std::unique_ptr<InputBatcher>> build(const BatchPolicyConfig& policy,
                                                     BuildContext& context);
  ~InputBatcher();

  void start(Intake& downstream);
  /// For the children. Its ended() and exhausted() are the owner's to call, once for all.
  Intake& intake();
  void stop();

 private:
  class Feeder;
  class Front;

  InputBatcher() = default;

  Feeder* feeder_ = nullptr;  // in output_
  std::unique_ptr<Output> output_;
  std::unique_ptr<Front> front_;
};

}  // namespace tollgate
