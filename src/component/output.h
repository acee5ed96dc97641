#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "component/component.h"
#include "message/message.h"

namespace tollgate {

/// What became of messages that an output was given.
struct WriteStatus {
  Outcome outcome = Outcome::delivered;
  std::optional<Error> error;  ///< the reason, if outcome is failed, dropped or dead_lettered
  Refusal refusal = Refusal::none;
};

/// What became of a whole batch: one status for all but the listed exceptions.
struct WriteResult {
  WriteStatus status;
  std::vector<std::pair<std::uint32_t, WriteStatus>> exceptions;  ///< by message index, ascending

  static WriteResult delivered() { return {}; }
  static WriteResult failed(Error error, Refusal refusal = Refusal::none) {
    return {{Outcome::failed, std::move(error), refusal}, {}};
  }
  bool ok() const;  ///< nothing failed
  const WriteStatus& of(std::uint32_t message) const;
};

/// The place of a write among those that its output has under way at once. A write that only waits,
/// for its next attempt, lets others have its place meanwhile. Any thread; no effect after the ack.
class Slot {
 public:
  virtual ~Slot() = default;
  /// An attempt failed; nothing is sent for this write until resume() lets it.
  virtual void pause() = 0;
  /// Runs `go_on` as soon as there is a place for the write again: at once, or later on another
  /// thread. Dropped if the output closes before. Requires: paused.
  virtual void resume(std::move_only_function<void()> go_on) = 0;
};

/// Tells how a write ended; called exactly once. Destroyed uncalled it reports a transient failure
/// and asserts in debug builds.
class Ack {
 public:
  using Callback = std::move_only_function<void(WriteResult)>;
  Ack() = default;
  explicit Ack(Callback callback, std::shared_ptr<Slot> slot = nullptr)
      : callback_(std::move(callback)), slot_(std::move(slot)) {}
  Ack(Ack&&) = default;
  Ack& operator=(Ack&&) = default;
  ~Ack();
  explicit operator bool() const { return static_cast<bool>(callback_); }
  void operator()(WriteResult result) { std::exchange(callback_, nullptr)(std::move(result)); }
  /// Null if nobody limits the writes.
  const std::shared_ptr<Slot>& slot() const { return slot_; }

 private:
  Callback callback_;
  std::shared_ptr<Slot> slot_;
};

/// Settles one message's receipt as an output said. A failure that came without a reason gets one.
void settle(Receipt& receipt, const WriteStatus& status);

using SharedBatch = std::shared_ptr<const Batch>;

/// Delivers batches to a destination.
///
/// Threads: write() may be called from any thread, also from inside another output's ack; it never
/// waits for the destination. Batches are constant and their messages have bytes; whoever wants to
/// send them again keeps the pointer. Messages carry no receipts any more: the ack speaks for them.
class Output {
 public:
  virtual ~Output() = default;

  /// Opens what must be open before the first write. Trouble with the destination is no error:
  /// it shows in connected() and in acks.
  virtual Result<> start() { return {}; }

  /// Takes responsibility for answering `ack` exactly once.
  virtual void write(SharedBatch batch, Ack ack) = 0;

  /// True while more writes would only queue up inside. Callers that may wait (workers) do so.
  virtual bool saturated() const { return false; }

  virtual bool connected() const { return true; }

  /// Whether it reads nothing of a message but bytes and metadata before it copies them: documents
  /// need not be kept for it.
  virtual bool reads_bytes_alone() const { return false; }

  /// No more input will come: nothing is held back for company from now on.
  virtual void flush() {}

  /// Finishes what was written, until `deadline`; then answers the rest as cancelled.
  virtual void close(std::chrono::steady_clock::time_point deadline) { (void)deadline; }
};

using OutputType = ComponentType<std::unique_ptr<Output>>;

/// Hands `batch` to `output`: makes every message's bytes, takes the receipts off the messages and
/// settles them as the ack says.
void deliver(Output& output, Batch batch);

/// One receipt for each of `messages`; when all are settled `ack` is told how.
std::vector<Receipt> receipts_for(std::uint32_t messages, Ack ack);

/// A batch of some messages of `batch`, sharing its memory. Requires: indexes ascending.
SharedBatch subset(const SharedBatch& batch, const std::vector<std::uint32_t>& indexes);

}  // namespace tollgate
