#pragma once

// What tests of outputs share: a destination with a script, and a way to wait for acks.

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>

#include "component/testing.h"
#include "pipeline/gate.h"
#include "runtime/executor.h"
#include "runtime/timer_queue.h"

namespace tollgate::pipeline_test {

using Clock = std::chrono::steady_clock;

/// Answers each write as a function says.
class ScriptedOutput final : public Output {
 public:
  using Script = std::function<void(const SharedBatch&, Ack)>;
  explicit ScriptedOutput(Script script) : script_(std::move(script)) {}
  void write(SharedBatch batch, Ack ack) override { script_(batch, std::move(ack)); }

 private:
  const Script script_;
};

inline std::vector<std::string> texts_of(const Batch& batch) {
  std::vector<std::string> texts;
  for (const Message& message : batch) texts.emplace_back(message.bytes());
  return texts;
}

inline Batch batch_of(const std::vector<std::string>& payloads) {
  Batch batch;
  for (const auto& payload : payloads) batch.add().set_bytes(batch.arena().copy(payload));
  return batch;
}

/// A write under way.
class Written {
 public:
  Written(Output& output, const std::vector<std::string>& payloads)
      : Written(output, batch_of(payloads)) {}
  Written(Output& output, Batch batch) : state_(std::make_shared<State>()) {
    batch.encode();
    output.write(std::make_shared<const Batch>(std::move(batch)),
                 Ack([state = state_](WriteResult result) {
                   std::lock_guard lock(state->lock);
                   state->result = std::move(result);
                   state->changed.notify_all();
                 }));
  }
  WriteResult wait() {
    std::unique_lock lock(state_->lock);
    const bool answered = state_->changed.wait_for(lock, std::chrono::seconds(60),
                                                   [&] { return state_->result.has_value(); });
    EXPECT_TRUE(answered) << "the write was not answered";
    return state_->result.value_or(WriteResult{});
  }
  bool answered() {
    std::lock_guard lock(state_->lock);
    return state_->result.has_value();
  }

 private:
  struct State {
    std::mutex lock;
    std::condition_variable changed;
    std::optional<WriteResult> result;
  };
  std::shared_ptr<State> state_;
};

/// Waits for a condition that others make true.
template <typename Condition>
bool eventually(Condition&& condition) {
  const auto deadline = Clock::now() + std::chrono::seconds(60);
  while (!condition()) {
    if (Clock::now() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

}  // namespace tollgate::pipeline_test
