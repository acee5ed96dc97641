#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "component/build_context.h"
#include "component/intake_tools.h"
#include "net/backoff.h"

namespace tollgate {

/// The series of every buffer, and what it submits to, which counts what leaves.
class BufferMetrics final : public Intake {
 public:
  explicit BufferMetrics(BuildContext& context);
  void set_downstream(Intake& downstream) { downstream_ = &downstream; }

  /// A batch that the buffer took responsibility for.
  void count_received(std::size_t messages) const;

  Result<> submit(Delivery delivery) override;
  bool try_submit(Delivery& delivery) override;
  void exhausted() override { downstream_->exhausted(); }
  void ended() override { downstream_->ended(); }

 private:
  void observe(Delivery& delivery) const;

  Counter &received_, &batches_received_, &sent_, &batches_sent_;
  Timer& latency_;
  Intake* downstream_ = nullptr;
};

/// Answers the senders of a batch that was stored or not: what can never be stored is refused for
/// its size, anything else may be sent again.
void settle_stored(HeldReceipts& held, const Result<>& stored);

/// A batch that a buffer keeps, on its way to the stream.
struct StoredBatch {
  std::shared_ptr<const std::string> content;  ///< as append_batch() made it
  std::uint32_t messages = 0;                  ///< in `content`
  std::vector<bool> settled;                   ///< by message: not to be delivered; empty: none is
  /// These messages, by index, need not be delivered any more. Any thread, in turn.
  std::move_only_function<void(std::span<const std::uint32_t>)> settle;
  /// It cannot be understood and is given up. Any thread.
  std::move_only_function<void(const Error&)> unreadable;
};

/// What stands between a buffer's store and the stream: a thread that hands stored batches on,
/// oldest first, as many as fit in memory, and of those that failed the failed messages again, after
/// waits that grow, until every message is settled.
///
/// Owned by a buffer. The source's functions run on the pump's thread; nothing of the buffer is
/// called after the destructor, though deliveries may be under way then.
class BufferPump {
 public:
  class Source {
   public:
    virtual ~Source() = default;
    /// The next batch that was not given yet; nothing if there is none just now. After an error it
    /// is asked again a second later.
    virtual Result<std::optional<StoredBatch>> next() = 0;
    /// Nothing that was written to the buffer is still to become readable.
    virtual bool idle() const { return true; }
  };

  struct Options {
    /// Of contents handed on and not settled; one batch always goes.
    std::uint64_t max_bytes_under_way = std::numeric_limits<std::uint64_t>::max();
    Backoff::Options backoff = {.initial = std::chrono::milliseconds(100),
                                .max = std::chrono::seconds(5)};
  };

  BufferPump(Source& source, Intake& downstream, Logger logger, Options options);
  ~BufferPump();
  BufferPump(const BufferPump&) = delete;

  void start();
  /// There may be more to read. Any thread, not while holding a lock that idle() takes.
  void wake();
  /// No more will be written: once all is read and settled the stream is told that it ended.
  void end_of_input();
  /// Waits until all that can be read was read and is settled, or the stream takes nothing any more.
  void wait_drained();
  /// Hands on nothing more.
  void stop();

 private:
  struct Shared;
  struct Kept;
  void run();
  bool read_next();
  void hand_on(std::shared_ptr<Kept> kept);
  static Delivery delivery_of(const std::shared_ptr<Shared>& shared, std::shared_ptr<Kept> kept);

  Source& source_;
  Intake& downstream_;
  const Logger logger_;
  const Options options_;
  const std::shared_ptr<Shared> shared_;
  std::thread thread_;
};

}  // namespace tollgate
