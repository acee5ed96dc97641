#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "net/grpc_channel.h"
#include "net/listen.h"

namespace tollgate::grpc_client_detail {
namespace {

constexpr auto connect_timeout = std::chrono::seconds(10);
constexpr int unacknowledged_ms = 20'000;  ///< after which the peer is taken for dead
constexpr std::size_t output_batch = 256 << 10;

Result<FileDescriptor> begin_connect(const Address& address) {
  const int type = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
  FileDescriptor fd(::socket(address.name.ss_family, type, 0));
  if (!fd) return transient(std::strerror(errno));
  int on = 1, patience = unacknowledged_ms;
  ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::setsockopt(fd.get(), IPPROTO_TCP, TCP_USER_TIMEOUT, &patience, sizeof patience);
  const auto* name = reinterpret_cast<const sockaddr*>(&address.name);
  if (::connect(fd.get(), name, address.size) != 0 && errno != EINPROGRESS) {
    return transient(std::strerror(errno));
  }
  return fd;
}

nghttp2_nv field(std::string_view name, std::string_view value) {
  return {reinterpret_cast<std::uint8_t*>(const_cast<char*>(name.data())),
          reinterpret_cast<std::uint8_t*>(const_cast<char*>(value.data())), name.size(),
          value.size(), NGHTTP2_NV_FLAG_NONE};
}

}  // namespace

/// The glue between nghttp2's C callbacks and ClientConnection.
struct ClientCallbacks {
  static ClientConnection& connection(void* user) { return *static_cast<ClientConnection*>(user); }

  /// Null for a call that has been answered: the session may still close its stream.
  static ClientCall* call(nghttp2_session* session, std::int32_t id) {
    return static_cast<ClientCall*>(nghttp2_session_get_stream_user_data(session, id));
  }

  static int on_header(nghttp2_session* session, const nghttp2_frame* frame,
                       const std::uint8_t* name, std::size_t name_size, const std::uint8_t* value,
                       std::size_t value_size, std::uint8_t, void*) {
    if (auto* target = call(session, frame->hd.stream_id)) {
      target->on_header({reinterpret_cast<const char*>(name), name_size},
                        {reinterpret_cast<const char*>(value), value_size});
    }
    return 0;
  }

  static int on_data_chunk(nghttp2_session* session, std::uint8_t, std::int32_t id,
                           const std::uint8_t* data, std::size_t size, void* user) {
    auto* target = call(session, id);
    if (target == nullptr || target->on_data({reinterpret_cast<const char*>(data), size})) return 0;
    auto& self = connection(user);
    self.reset(*target);
    self.take(*target)->fail(GrpcStatus::resource_exhausted,
                             "grpc: received message larger than max");
    self.channel_.on_room(self);
    return 0;
  }

  static int on_frame_recv(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
    auto& self = connection(user);
    switch (frame->hd.type) {
      case NGHTTP2_SETTINGS:
        if ((frame->hd.flags & NGHTTP2_FLAG_ACK) == 0) self.on_settings();
        break;
      case NGHTTP2_GOAWAY: self.retire(); break;
      case NGHTTP2_HEADERS:
      case NGHTTP2_DATA:
        if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) break;
        if (auto* target = call(session, frame->hd.stream_id)) self.on_response_end(*target);
        break;
      default: break;
    }
    return 0;
  }

  static int on_stream_close(nghttp2_session* session, std::int32_t id, std::uint32_t code,
                             void* user) {
    if (auto* target = call(session, id)) connection(user).on_stream_closed(*target, code);
    return 0;
  }

  static ssize_t read_request(nghttp2_session* session, std::int32_t id, std::uint8_t* out,
                              std::size_t size, std::uint32_t* flags, nghttp2_data_source*, void*) {
    auto* target = call(session, id);
    if (target == nullptr) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    auto count = target->read_request(out, size);
    if (target->request_complete()) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(count);
  }

  static const nghttp2_session_callbacks* get() {
    static const nghttp2_session_callbacks* callbacks = [] {
      nghttp2_session_callbacks* made = nullptr;
      nghttp2_session_callbacks_new(&made);
      nghttp2_session_callbacks_set_on_header_callback(made, on_header);
      nghttp2_session_callbacks_set_on_data_chunk_recv_callback(made, on_data_chunk);
      nghttp2_session_callbacks_set_on_frame_recv_callback(made, on_frame_recv);
      nghttp2_session_callbacks_set_on_stream_close_callback(made, on_stream_close);
      return made;
    }();
    return callbacks;
  }
};

ClientConnection::ClientConnection(ClientLoop& loop, Channel& channel,
                                   std::vector<Address> addresses)
    : loop_(loop), channel_(channel), addresses_(std::move(addresses)), timer_(*this) {}

ClientConnection::~ClientConnection() {
  std::erase(loop_.dirty, this);
  // Frees streams without calling back.
  nghttp2_session_del(session_);
}

// Connecting --------------------------------------------------------------------------------------

void ClientConnection::connect_next(std::string reason) {
  transport_.reset();
  watched_ = 0;
  while (next_address_ < addresses_.size()) {
    const auto& address = addresses_[next_address_++];
    auto fd = begin_connect(address);
    if (!fd) {
      reason = peer_name(address.name) + ": " + std::string(fd.error().message());
      continue;
    }
    transport_.emplace(std::move(*fd), channel_.tls(), channel_.host());
    state_ = State::connecting;
    loop_.timers.schedule(timer_, loop_.now + connect_timeout);
    return watch();
  }
  end(std::move(reason));
}

void ClientConnection::on_timer() {
  auto where = peer_name(addresses_[next_address_ - 1].name);
  if (state_ == State::connecting) return connect_next(where + ": no answer within 10s");
  end(where + ": connected, but no HTTP/2 settings arrived within 10s; is it a gRPC server" +
      (channel_.tls() == nullptr ? " without TLS?" : "?"));
}

void ClientConnection::on_connected() {
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(transport_->fd(), SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) {
    auto where = peer_name(addresses_[next_address_ - 1].name);
    return connect_next(where + ": " + std::strerror(error));
  }
  state_ = State::handshake;
  if (channel_.tls() == nullptr) return open_session();
  handshake();
}

void ClientConnection::handshake() {
  auto result = transport_->handshake();
  if (result == Transport::would_block) return watch();
  if (result == Transport::closed) {
    auto error = transport_->take_error();
    if (error.empty()) error = "the server closed the connection";
    return end("TLS handshake failed: " + error);
  }
  if (!transport_->agreed_on_http2()) return end("the server does not offer HTTP/2 by ALPN");
  open_session();
}

void ClientConnection::open_session() {
  state_ = State::settings;
  nghttp2_option* option = nullptr;
  nghttp2_option_new(&option);
  nghttp2_option_set_no_closed_streams(option, 1);
  nghttp2_option_set_max_settings(option, 32);
  nghttp2_session_client_new2(&session_, ClientCallbacks::get(), this, option);
  nghttp2_option_del(option);
  const nghttp2_settings_entry settings[] = {{NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
                                             {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 1u << 20}};
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings, std::size(settings));
  nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, 16 << 20);
  mark_dirty();
  watch();
}

void ClientConnection::on_settings() {
  if (state_ == State::settings) {
    state_ = State::open;
    timer_.cancel();
    ++loop_.opened;
  }
  channel_.on_room(*this);
}

// Calls -------------------------------------------------------------------------------------------

bool ClientConnection::has_room() const {
  auto limit =
      nghttp2_session_get_remote_settings(session_, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
  return ready() && calls_.size() < limit;
}

void ClientConnection::submit(std::unique_ptr<ClientCall> call) {
  const auto& request = call->request;
  std::string timeout;
  std::vector<nghttp2_nv> head = {field(":method", "POST"),
                                  field(":scheme", request.secure ? "https" : "http"),
                                  field(":path", request.method),
                                  field(":authority", request.target),
                                  field("te", "trailers"),
                                  field("content-type", "application/grpc"),
                                  field("user-agent", "tollgate"),
                                  field("grpc-accept-encoding", "identity,deflate,gzip")};
  if (request.encoding != GrpcEncoding::identity) {
    const bool gzip = request.encoding == GrpcEncoding::gzip;
    head.push_back(field("grpc-encoding", gzip ? "gzip" : "deflate"));
  }
  if (call->deadline != Clock::time_point::max()) {
    timeout = format_grpc_timeout(std::max(call->deadline - loop_.now, Clock::duration(1)));
    head.push_back(field("grpc-timeout", timeout));
  }
  for (const auto& [name, value] : request.metadata) head.push_back(field(name, value));
  nghttp2_data_provider provider{};
  provider.read_callback = ClientCallbacks::read_request;
  auto id = nghttp2_submit_request(session_, nullptr, head.data(), head.size(), &provider,
                                   call.get());
  mark_dirty();
  if (id < 0) {
    // Stream ids have run out.
    retire();
    return channel_.give_back(std::move(call));
  }
  call->connection = this;
  call->stream = id;
  call->submitted = loop_.now;
  calls_[id] = std::move(call);
}

std::unique_ptr<ClientCall> ClientConnection::take(ClientCall& call) {
  nghttp2_session_set_stream_user_data(session_, call.stream, nullptr);
  auto node = calls_.extract(call.stream);
  call.connection = nullptr;
  return std::move(node.mapped());
}

void ClientConnection::reset(ClientCall& call) {
  nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, call.stream, NGHTTP2_CANCEL);
  mark_dirty();
}

void ClientConnection::on_response_end(ClientCall& call) {
  // An answer that came before the request was sent in full: the rest is of no use to anyone.
  if (nghttp2_session_get_stream_local_close(session_, call.stream) == 0) reset(call);
  take(call)->complete();
  mark_dirty();
  channel_.on_room(*this);
}

void ClientConnection::on_stream_closed(ClientCall& call, std::uint32_t code) {
  auto taken = take(call);
  mark_dirty();
  if (taken->has_status()) {
    taken->complete();
  } else if (code == NGHTTP2_REFUSED_STREAM) {
    channel_.give_back(std::move(taken));
  } else {
    // A reset says nothing about the message, so it may be sent again.
    taken->fail(GrpcStatus::unavailable,
                std::string("the server reset the call: ") + nghttp2_http2_strerror(code));
  }
  channel_.on_room(*this);
}

void ClientConnection::expire(ClientCall& call) {
  // Nothing at all came back meanwhile: the next calls try their luck elsewhere.
  const bool silent = last_read_ <= call.submitted;
  reset(call);
  take(call)->fail(GrpcStatus::deadline_exceeded, "the deadline of the call has passed");
  if (silent) retire();
  channel_.on_room(*this);
}

void ClientConnection::fail_all(GrpcStatus status, const std::string& reason) {
  while (!calls_.empty()) take(*calls_.begin()->second)->fail(status, reason);
}

// Bytes -------------------------------------------------------------------------------------------

void ClientConnection::on_event(std::uint32_t) {
  switch (state_) {
    case State::connecting: return on_connected();
    case State::handshake: return handshake();
    case State::settings:
    case State::open:
      read();
      if (write_blocked_ && state_ != State::ended) mark_dirty();
      return;
    case State::ended: return;
  }
}

void ClientConnection::read() {
  std::array<char, 64 << 10> buffer;
  for (int round = 0; round < 4; ++round) {
    auto count = transport_->read(buffer.data(), buffer.size());
    if (count == Transport::would_block) break;
    if (count == Transport::closed) {
      auto error = transport_->take_error();
      return end("the connection broke: " + (error.empty() ? "closed by the server" : error));
    }
    last_read_ = loop_.now;
    auto used = nghttp2_session_mem_recv(session_,
                                         reinterpret_cast<const std::uint8_t*>(buffer.data()),
                                         static_cast<std::size_t>(count));
    if (used < 0) {
      return end(std::string("the server broke the protocol: ") +
                 nghttp2_strerror(static_cast<int>(used)));
    }
    mark_dirty();
    if (static_cast<std::size_t>(count) < buffer.size() && !transport_->has_buffered_input()) break;
  }
  watch();
}

void ClientConnection::pump() {
  if (session_ == nullptr || state_ == State::ended) return;
  write_blocked_ = false;
  if (!out_.empty() && !write_out(std::exchange(out_, std::string()))) return;
  auto& batch = loop_.scratch;
  for (;;) {
    batch.clear();
    while (batch.size() < output_batch) {
      const std::uint8_t* data = nullptr;
      auto count = nghttp2_session_mem_send(session_, &data);
      if (count < 0) {
        return end(std::string("HTTP/2: ") + nghttp2_strerror(static_cast<int>(count)));
      }
      if (count == 0) break;
      batch.append(reinterpret_cast<const char*>(data), static_cast<std::size_t>(count));
    }
    if (batch.empty()) break;
    if (!write_out(batch)) return;
  }
  watch();
  const bool dead =
      nghttp2_session_want_read(session_) == 0 && nghttp2_session_want_write(session_) == 0;
  if (dead && state_ == State::settings) return end("the server does not speak HTTP/2 here");
  if ((retired_ && calls_.empty()) || dead) end("the server ended the connection");
}

/// False when the socket does not take everything; the rest is kept.
bool ClientConnection::write_out(std::string_view bytes) {
  while (!bytes.empty()) {
    auto count = transport_->write(bytes.data(), bytes.size());
    if (count == Transport::closed) {
      // Answers may have arrived before it broke.
      read();
      return false;
    }
    if (count == Transport::would_block) {
      std::string rest(bytes);
      out_ = std::move(rest);
      write_blocked_ = true;
      watch();
      return false;
    }
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

void ClientConnection::watch() {
  const bool handshaking = state_ == State::handshake;
  std::uint32_t wanted = EPOLLIN;
  if (state_ == State::connecting || write_blocked_) wanted |= EPOLLOUT;
  if (handshaking && transport_->wants_write()) wanted |= EPOLLOUT;
  if (wanted == watched_) return;
  epoll_event event{};
  event.events = wanted;
  event.data.ptr = this;
  int operation = watched_ == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
  ::epoll_ctl(loop_.epoll, operation, transport_->fd(), &event);
  watched_ = wanted;
}

void ClientConnection::mark_dirty() {
  if (dirty) return;
  dirty = true;
  loop_.dirty.push_back(this);
}

void ClientConnection::retire() {
  if (retired_ || state_ == State::ended) return;
  retired_ = true;
  mark_dirty();
  channel_.on_retired(*this);
}

void ClientConnection::end(std::string reason) {
  if (state_ == State::ended) return;
  const bool was_open = state_ == State::open;
  state_ = State::ended;
  timer_.cancel();
  transport_.reset();  // leaves epoll with its descriptor
  fail_all(GrpcStatus::unavailable, reason);
  channel_.on_ended(*this, was_open, reason);
}

}  // namespace tollgate::grpc_client_detail
