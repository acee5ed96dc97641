#pragma once

#include <nghttp2/nghttp2.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "net/backoff.h"
#include "net/grpc_client.h"
#include "net/grpc_transport.h"
#include "net/timer_wheel.h"

/// The inside of GrpcClient. Everything here lives on the client's thread.
namespace tollgate::grpc_client_detail {

using Clock = std::chrono::steady_clock;
using Outcome = std::expected<GrpcResponse, GrpcCallError>;
using grpc_detail::Transport;

class Channel;
class ClientConnection;

/// One call, from the moment it is posted until its callback has run. It is owned by the channel's
/// queue or by the connection it is under way on, and answers as cancelled if destroyed before.
class ClientCall {
 public:
  ClientCall(GrpcRequest wanted, GrpcClient::Done callback);
  ~ClientCall();
  ClientCall(const ClientCall&) = delete;

  /// The deadline has passed.
  void on_timer();
  void finish(Outcome outcome);
  void fail(GrpcStatus status, std::string message) { fail({status, std::move(message), {}}); }
  void fail(GrpcFailure failure);

  /// Forgets a response that began, before the call is sent again.
  void restart();
  std::size_t read_request(std::uint8_t* out, std::size_t size);
  bool request_complete() const { return sent_ == sizeof prefix_ + request.message.size(); }
  void on_header(std::string_view name, std::string_view value);
  /// False when the response exceeds its limit.
  bool on_data(std::string_view bytes);
  /// Whether the server gave a status of its own.
  bool has_status() const { return has_status_; }
  /// The response has been received in full.
  void complete();

  GrpcRequest request;
  OwnedTimer<ClientCall> timer;
  Clock::time_point deadline = Clock::time_point::max();
  Clock::time_point submitted{};
  Channel* channel = nullptr;
  ClientConnection* connection = nullptr;  ///< null while it waits for one
  std::int32_t stream = 0;
  int refusals = 0;  ///< how often the server sent it back unseen

 private:
  GrpcFailure read_failure();
  std::expected<std::string, GrpcFailure> read_message();

  GrpcClient::Done done_;
  std::array<char, 5> prefix_{};
  std::size_t sent_ = 0;
  // The response as far as it has come.
  int http_status_ = 0;
  bool has_status_ = false;
  GrpcFailure failure_;
  GrpcEncoding encoding_ = GrpcEncoding::gzip;
  std::string body_;
};

struct Address {
  sockaddr_storage name{};
  socklen_t size = 0;
};

/// What the client's thread lends to channels and connections.
struct ClientLoop {
  const int epoll;
  TimerWheel timers{Clock::now()};
  Clock::time_point now = Clock::now();
  std::vector<ClientConnection*> dirty{};                  ///< to be pumped before the loop sleeps
  std::vector<std::unique_ptr<ClientConnection>> ended{};  ///< destroyed before the loop sleeps
  std::string scratch{};                                   ///< output is gathered here
  std::atomic<std::uint64_t> opened{0};                    ///< connections since the start
  /// Looks up the channel's host, later to call Channel::on_resolved().
  std::function<void(Channel&)> resolve{};
};

/// One HTTP/2 connection. It is ready for calls once the server has sent its settings, retired when
/// no further call may be put on it, and ends when it breaks or when it is retired and empty.
class ClientConnection {
 public:
  ClientConnection(ClientLoop& loop, Channel& channel, std::vector<Address> addresses);
  ~ClientConnection();
  ClientConnection(const ClientConnection&) = delete;

  void start() { connect_next("no address"); }
  void on_event(std::uint32_t events);
  void on_timer();
  /// Writes what the session has to say until the socket takes no more.
  void pump();

  bool ready() const { return state_ == State::open && !retired_; }
  bool has_room() const;
  void submit(std::unique_ptr<ClientCall> call);
  /// The call's deadline has passed.
  void expire(ClientCall& call);
  void fail_all(GrpcStatus status, const std::string& reason);

  bool dirty = false;  ///< on the loop's list for pump()

 private:
  friend struct ClientCallbacks;

  enum class State : unsigned char { connecting, handshake, settings, open, ended };

  void connect_next(std::string reason);
  void on_connected();
  void handshake();
  void open_session();
  void read();
  void on_settings();
  void on_response_end(ClientCall& call);
  void on_stream_closed(ClientCall& call, std::uint32_t code);
  void reset(ClientCall& call);
  std::unique_ptr<ClientCall> take(ClientCall& call);
  void retire();
  void end(std::string reason);
  bool write_out(std::string_view bytes);
  void watch();
  void mark_dirty();

  ClientLoop& loop_;
  Channel& channel_;
  const std::vector<Address> addresses_;
  std::size_t next_address_ = 0;
  std::optional<Transport> transport_;
  State state_ = State::connecting;
  bool retired_ = false;
  bool write_blocked_ = false;
  std::uint32_t watched_ = 0;  ///< what epoll waits for
  nghttp2_session* session_ = nullptr;
  std::unordered_map<std::int32_t, std::unique_ptr<ClientCall>> calls_;
  std::string out_;  ///< what the socket did not take
  Clock::time_point last_read_{};
  OwnedTimer<ClientConnection> timer_;  ///< until it is open
};

/// The calls to one target: a queue, and the connection they go to.
class Channel {
 public:
  Channel(ClientLoop& loop, const GrpcRequest& first);

  void add(std::unique_ptr<ClientCall> call);
  void expire(ClientCall& call);
  void cancel_all();
  void on_resolved(Result<std::vector<Address>> addresses);

  // Told by connections.
  void on_room(ClientConnection& connection);
  void on_retired(ClientConnection& connection);
  void on_ended(ClientConnection& connection, bool was_open, const std::string& reason);
  /// The server did not look at the call: it may be sent again.
  void give_back(std::unique_ptr<ClientCall> call);

  const std::string& target() const { return target_; }
  const std::string& host() const { return host_; }
  int port() const { return port_; }
  ssl_ctx_st* tls() const { return context_.get(); }

 private:
  void connect();
  void on_connect_failed(const std::string& reason);

  ClientLoop& loop_;
  const std::string target_;
  std::string host_;
  int port_ = 0;
  const bool secure_;
  const std::shared_ptr<const TlsClient> settings_;
  std::shared_ptr<ssl_ctx_st> context_;
  std::deque<std::unique_ptr<ClientCall>> waiting_;
  std::vector<std::unique_ptr<ClientConnection>> connections_;
  ClientConnection* current_ = nullptr;  ///< takes calls, now or once it is open
  bool resolving_ = false;
  Backoff backoff_;
  Clock::time_point retry_at_{};  ///< no attempt to connect before
  std::string last_error_;
};

}  // namespace tollgate::grpc_client_detail
