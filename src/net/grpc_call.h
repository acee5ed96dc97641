#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "net/grpc_server.h"
#include "net/wakeup.h"

namespace tollgate::grpc_server_detail {

/// An answer on its way to the io thread that owns the connection.
struct Answer {
  std::uint64_t connection;
  std::int32_t stream;
  std::string response;
  std::unique_ptr<GrpcFailure> failure;  ///< null: the response counts
};

/// How other threads reach one io thread. Outlives it: late answers are dropped.
class Mailbox {
 public:
  void post(Answer answer);
  /// Wakes the io thread whether or not there is an answer.
  void wake();

  // For the io thread.
  int fd() const { return wakeup_.fd(); }
  void clear_wakeup() { wakeup_.clear(); }
  /// Moves what has come into `answers`, which must be empty.
  void take(std::vector<Answer>& answers);
  /// False when something has come in the meantime. If true, the next post() wakes.
  bool fall_asleep();
  void awake();
  void close();

 private:
  Wakeup wakeup_;
  std::mutex mutex_;
  std::vector<Answer> answers_;  // guarded by mutex_
  bool sleeping_ = false;        // guarded by mutex_
  bool closed_ = false;          // guarded by mutex_
};

/// What a GrpcReply and the io thread know of one call. Answered or cancelled, whichever is first.
struct CallState {
  CallState(std::shared_ptr<Mailbox> box, std::uint64_t connection_id, std::int32_t stream_id)
      : mailbox(std::move(box)), connection(connection_id), stream(stream_id) {}

  enum Phase : unsigned char { open, answered, cancelled };

  void answer(std::string response, std::unique_ptr<GrpcFailure> failure);
  /// By the io thread.
  void cancel();
  void on_cancel(std::move_only_function<void()> wanted);

  const std::shared_ptr<Mailbox> mailbox;
  const std::uint64_t connection;
  const std::int32_t stream;
  std::atomic<unsigned char> phase{open};
  std::mutex mutex;
  std::move_only_function<void()> callback;  // guarded by mutex
};

}  // namespace tollgate::grpc_server_detail
