#pragma once

#include <nghttp2/nghttp2.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "net/grpc_call.h"
#include "net/grpc_server.h"
#include "net/grpc_transport.h"
#include "net/misuse.h"
#include "net/timer_wheel.h"
#include "net/tls_listener.h"

namespace tollgate::grpc_server_detail {

using Clock = std::chrono::steady_clock;
using grpc_detail::Transport;

struct PathHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};

/// Handlers by path. Fixed once the server has started.
using MethodTable =
    std::unordered_map<std::string, GrpcServer::Handler, PathHash, std::equal_to<>>;

/// What all io threads of a server share.
struct ServerContext {
  explicit ServerContext(GrpcServerOptions wanted)
      : options(std::move(wanted)), misuse(options.on_misuse) {}

  const GrpcServerOptions options;
  MethodTable methods;
  std::shared_ptr<TlsListener> tls;  ///< null: plain text
  MisuseReporter misuse;
  std::atomic<std::size_t> buffered{0};  ///< of the requests still arriving: headers, capacity
  std::atomic<std::size_t> connections{0};
  std::atomic<std::size_t> under_way{0};
  std::atomic<std::uint64_t> calls{0};
  std::atomic<std::uint64_t> refused{0};
};

class Connection;

/// What an io thread lends to its connections.
struct LoopContext {
  ServerContext& server;
  std::shared_ptr<Mailbox> mailbox;
  TimerWheel& timers;
  Clock::time_point now;
  std::vector<Connection*> dirty;  ///< to be pumped before the loop sleeps
  std::string scratch;             ///< output is gathered here
};

/// One call from its first header to its last byte. Belongs to its Connection.
struct Stream {
  Stream(Connection& owner, std::int32_t stream_id)
      : timer(*this), connection(owner), id(stream_id) {}

  void on_timer();

  enum class Phase : unsigned char { headers, receiving, dispatched, answered };

  OwnedTimer<Stream> timer;  ///< of the sender's slowness first, of the deadline afterwards
  Connection& connection;
  const std::int32_t id;
  Phase phase = Phase::headers;
  bool remote_closed = false;
  bool is_post = false;
  bool is_grpc = false;
  bool bad_timeout = false;
  bool message_compressed = false;
  std::array<char, 5> prefix{};
  std::uint8_t prefix_size = 0;
  std::size_t header_bytes = 0;
  std::size_t expected = 0;  ///< size of the message according to its prefix
  std::size_t charged = 0;   ///< our part of ServerContext::buffered for the message
  std::size_t charged_headers = 0;  ///< and for the headers
  const MethodTable::value_type* method = nullptr;
  std::string unknown_path;
  std::string content_type;
  GrpcEncoding encoding = GrpcEncoding::identity;
  std::string unknown_encoding;
  GrpcMetadata metadata;
  Clock::time_point started;
  Clock::time_point deadline{};  ///< the epoch when there is none
  std::string message;
  std::shared_ptr<CallState> call;
  std::string response;  ///< with its 5 byte prefix
  std::size_t sent = 0;
};

/// One client: its transport, its HTTP/2 session and its streams. Lives on one io thread.
///
/// The loop calls on_readable() and on_writable(), pump() after anything that may have produced
/// output, and removes the connection once done() is true.
class Connection {
 public:
  Connection(LoopContext& loop, std::uint64_t id, FileDescriptor fd, std::string peer);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void on_readable(char* buffer, std::size_t size);
  /// Writes what the session has to say until the socket takes no more.
  void pump();
  void answer(Answer& answer);
  /// Announces the end: new calls are to go elsewhere, those under way are answered.
  void drain();
  void on_timer();
  bool done() const { return done_; }
  /// What epoll should wait for.
  bool wants_read() const;
  bool wants_write() const;
  int fd() const { return transport_.fd(); }
  std::uint64_t id() const { return id_; }

  std::uint32_t armed_events = 0;  ///< what epoll waits for; kept by the loop
  bool dirty = false;              ///< on the loop's list for pump()

 private:
  friend struct SessionCallbacks;
  friend struct Stream;

  enum class State : unsigned char { handshake, preface, open, lingering };

  bool handshake();
  bool check_preface(std::string_view bytes);
  void explain_garbage(std::string_view bytes);
  void open_session();
  void feed(std::string_view bytes);

  // Frames, called by SessionCallbacks.
  void on_header(Stream& stream, std::string_view name, std::string_view value);
  void on_headers_complete(Stream& stream);
  void on_data(Stream& stream, std::string_view bytes);
  void on_request_complete(Stream& stream);
  void on_stream_closed(Stream& stream);
  void on_control_frame(const nghttp2_frame& frame);

  bool start_message(Stream& stream);
  void reserve(Stream& stream, std::size_t size);
  void dispatch(Stream& stream);
  void submit_response(Stream& stream, std::string response);
  void refuse(Stream& stream, GrpcFailure failure, int http_status = 200);
  void release(Stream& stream);
  void leave_dispatched(Stream& stream);
  void on_stream_timer(Stream& stream);
  void mark_dirty();
  void spend_control_budget();
  void submit_final_goaway();
  void keep_alive();
  void linger();
  void schedule_timer();
  bool write_out(std::string_view bytes);

  LoopContext& loop_;
  ServerContext& server_;
  const std::uint64_t id_;
  Transport transport_;
  const std::string peer_;
  std::string subject_;
  State state_ = State::preface;
  bool done_ = false;
  bool draining_ = false;
  bool goaway_sent_ = false;
  bool ping_waiting_ = false;
  bool give_up_ = false;  ///< done as soon as the output is written
  bool write_blocked_ = false;
  std::size_t preface_seen_ = 0;
  nghttp2_session* session_ = nullptr;
  std::unordered_map<std::int32_t, std::unique_ptr<Stream>> streams_;
  std::string out_;  ///< what the socket did not take
  double control_budget_;
  Clock::time_point budget_time_;
  Clock::time_point created_;
  Clock::time_point linger_until_{};
  Clock::time_point last_read_;
  Clock::time_point last_call_;
  Clock::time_point drain_started_{};
  Clock::time_point ping_sent_{};
  OwnedTimer<Connection> timer_;
};

/// The nghttp2 callbacks, made once.
const nghttp2_session_callbacks* session_callbacks();

}  // namespace tollgate::grpc_server_detail
