#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "net/http_client.h"
#include "net/http_exchange.h"
#include "net/http_response_reader.h"
#include "net/wakeup.h"

namespace tollgate {

/// An HTTP/1.1 connection in the clear, which carries one exchange after another. Internal to
/// HttpClient.
///
/// The thread that sends writes the request itself, as much as the socket takes at once; the network
/// thread writes the rest and reads. Between two exchanges it rests in the client's list, from which
/// one thread at a time takes it.
class PlainConnection {
 public:
  using Clock = HttpExchange::Clock;
  using ExchangePtr = std::unique_ptr<HttpExchange>;

  /// What became of a hop: its response, or why there is none.
  struct Ended {
    ExchangePtr exchange;  ///< null while it is under way
    Result<HttpResponse> outcome{HttpResponse()};
    /// The server closed the connection while it rested: the hop is to be sent on another one.
    bool unseen = false;
  };

  /// `fd` is connected and non-blocking. `epoll` gets to know it under `tag`.
  PlainConnection(FileDescriptor fd, int epoll, std::uint64_t tag, std::string target);
  PlainConnection(const PlainConnection&) = delete;

  /// Begins a hop. Returns the exchange if the connection has ended in the meantime. Any thread.
  ExchangePtr begin(ExchangePtr exchange, const HttpClient::Options& options);

  // The network thread only.

  /// Reads and writes what can be. `buffer` is lent.
  Ended on_event(std::uint32_t events, std::string& buffer);
  /// Ends the hop if its deadline has passed.
  Ended on_time(Clock::time_point now);
  /// Ends the connection unless an exchange is under way.
  void expire();
  /// Ends the connection and gives up what is under way.
  Ended abandon();

  /// Whether it can take another exchange, now or later.
  bool alive();
  /// Of the hop under way; nothing if there is none.
  std::optional<Clock::time_point> deadline();

  const std::string& target() const { return target_; }
  std::uint64_t tag() const { return tag_; }

  /// Since when it rests, and whether it does. Guarded by the client's lock.
  Clock::time_point resting_since{};
  bool resting = false;

 private:
  void write();
  Ended finish(Result<HttpResponse> outcome);
  Ended fail(std::string why, bool may_be_unseen);
  Ended read(std::string& buffer);
  void watch(std::uint32_t events);

  const FileDescriptor fd_;
  const int epoll_;
  const std::uint64_t tag_;
  const std::string target_;

  std::mutex mutex_;  // guards what follows
  bool ended_ = false;
  bool served_before_ = false;  ///< an exchange before this one
  bool keep_ = true;            ///< our own request does not ask for the end
  std::uint32_t watched_ = 0;
  ExchangePtr exchange_;
  std::string head_;
  std::size_t sent_ = 0;  ///< of head and body
  std::string write_error_;
  std::optional<HttpResponseReader> reader_;
};

}  // namespace tollgate
