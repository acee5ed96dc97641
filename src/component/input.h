#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <thread>

#include "component/component.h"
#include "message/message.h"

namespace tollgate {

/// A batch on its way into the pipeline, with what must happen when all its records are settled.
struct Delivery {
  /// Makes the batch; runs on a worker, so that decoding does not hold up the network threads.
  /// An error means that the bytes cannot be read: `done` is then told one failed record.
  std::move_only_function<Result<Batch>()> open;
  /// Memory it holds until it is done; counted against the memory limit from submit to done.
  std::size_t bytes = 0;
  /// Runs exactly once, on any thread. Not used for messages that already carry receipts.
  Transaction::Done done;
  /// What runs on the batch after open(), innermost input first: metrics and input processors.
  std::vector<std::function<Result<>(Batch, std::vector<Batch>&)>> stages = {};

  static Delivery of(Batch batch, Transaction::Done done);
};

/// What an input hands its batches to.
class Intake {
 public:
  virtual ~Intake() = default;
  /// Waits for room. An error (cancelled) means that the collector is stopping and `delivery` was
  /// not taken: its `done` will not run.
  virtual Result<> submit(Delivery delivery) = 0;
  /// Takes `delivery` only if there is room now; for inputs that tell their senders to wait.
  virtual bool try_submit(Delivery& delivery) = 0;
  /// The source has no more data, though some of it may not be settled yet: nothing should wait for
  /// company any more. At most once, before ended().
  virtual void exhausted() {}
  /// The source has no more data and everything it gave is settled. Once.
  virtual void ended() = 0;
};

/// A source of batches that runs by itself.
///
/// Lifecycle: start() once, stop() once, then destroyed. After stop() returned no new delivery is
/// submitted; those under way still call back.
class Input {
 public:
  virtual ~Input() = default;
  virtual Result<> start(Intake& intake) = 0;
  virtual void stop() = 0;
  virtual bool connected() const { return true; }
};

using InputType = ComponentType<std::unique_ptr<Input>>;

/// For sources that are read: runs a thread that connects, reads, hands over, and reads failed
/// records again from what it kept (`auto_replay_nacks`), with the incumbent's back-off.
class PolledInput : public Input {
 public:
  struct Options {
    bool replay_failed = true;
    std::size_t max_outstanding = 64;  ///< batches read but not settled
  };

  explicit PolledInput(Options options);
  ~PolledInput() override;
  Result<> start(Intake& intake) final;
  void stop() final;
  bool connected() const final;

 protected:
  /// Transient errors are retried with back-off for ever; invalid ones end the input with a log line.
  virtual Result<> connect() { return {}; }
  /// The next batch; nothing at the end of the data. May wait, but must return soon after interrupt().
  virtual Result<std::optional<Batch>> read() = 0;
  /// Every record of everything read so far is settled (files may be deleted now). Reading thread.
  virtual void settled() {}
  /// Wakes a waiting read(). Any thread.
  virtual void interrupt() {}
  /// Sleeps on the reading thread; false if stop() was called meanwhile.
  bool wait_for(std::chrono::nanoseconds duration);

 private:
  struct State;
  void run();
  std::shared_ptr<State> state_;
};

}  // namespace tollgate
