#pragma once

// What the tests of this room share: an intake that keeps what it is given.

#include <gtest/gtest.h>

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>

#include "component/intake_tools.h"
#include "component/testing.h"
#include "components/manifest.h"

namespace tollgate::inputs_test {

/// Opens every delivery at once and settles its messages as a function says.
class Collector final : public Intake {
 public:
  /// Nothing: the message is delivered.
  using Verdict = std::function<std::optional<Error>(Message&)>;
  explicit Collector(Verdict verdict = [](Message&) { return std::nullopt; })
      : verdict_(std::move(verdict)) {}

  Result<> submit(Delivery delivery) override {
    if (closed) return cancelled("the collector is stopping");
    for (Batch& batch : open_fully(std::move(delivery))) {
      std::vector<std::string> texts;
      for (Message& message : batch) {
        texts.emplace_back(message.bytes());
        std::lock_guard lock(lock_);
        for (const char* key : {"path", "header", "benthos_read_until", "schedule_interval", "q"}) {
          if (const Value* value = message.metadata(key); value && value->is(Kind::string)) {
            metadata_[texts.back() + "." + key] = value->as_text();
          }
        }
      }
      for (Message& message : batch) {
        if (const auto error = verdict_(message)) {
          message.receipt.fail(*error);
        } else {
          message.receipt.resolve(Outcome::delivered);
        }
      }
      std::lock_guard lock(lock_);
      batches_.push_back(std::move(texts));
      changed_.notify_all();
    }
    return {};
  }
  bool try_submit(Delivery& delivery) override {
    if (full) return false;
    return submit(std::move(delivery)).has_value();
  }
  void ended() override {
    std::lock_guard lock(lock_);
    ended_ = true;
    changed_.notify_all();
  }

  bool wait_ended() {
    std::unique_lock lock(lock_);
    return changed_.wait_for(lock, std::chrono::seconds(10), [&] { return ended_; });
  }
  bool wait_batches(std::size_t count) {
    std::unique_lock lock(lock_);
    return changed_.wait_for(lock, std::chrono::seconds(10),
                             [&] { return batches_.size() >= count; });
  }
  std::vector<std::vector<std::string>> batches() {
    std::lock_guard lock(lock_);
    return batches_;
  }
  std::vector<std::string> texts() {
    std::vector<std::string> all;
    for (const auto& batch : batches()) all.insert(all.end(), batch.begin(), batch.end());
    return all;
  }
  std::string metadata(const std::string& text_and_key) {
    std::lock_guard lock(lock_);
    return metadata_[text_and_key];
  }

  std::atomic<bool> full{false};    // try_submit() takes nothing
  std::atomic<bool> closed{false};  // nor does submit()

 private:
  const Verdict verdict_;
  std::mutex lock_;
  std::condition_variable changed_;
  std::vector<std::vector<std::string>> batches_;  // guarded by lock_
  std::map<std::string, std::string> metadata_;    // guarded by lock_
  bool ended_ = false;                             // guarded by lock_
};

}  // namespace tollgate::inputs_test
