#include "net/grpc_connection.h"

#include <algorithm>

namespace tollgate::grpc_server_detail {
namespace {

constexpr std::string_view preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
constexpr std::size_t output_batch = 256 << 10;

/// The first line of what a peer sent, fit for a log.
std::string first_line(std::string_view bytes) {
  bytes = bytes.substr(0, std::min({bytes.find('\r'), bytes.find('\n'), std::size_t{100}}));
  std::string shown;
  for (char c : bytes) shown += c >= 0x20 && c < 0x7f ? c : '?';
  return shown;
}

bool looks_like_http1(std::string_view bytes) {
  auto letters = std::min(bytes.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ"), bytes.size());
  if (letters == 0 || letters > 10) return false;
  return letters == bytes.size() || bytes[letters] == ' ';
}

}  // namespace

Connection::Connection(LoopContext& loop, std::uint64_t id, FileDescriptor fd, std::string peer)
    : loop_(loop),
      server_(loop.server),
      id_(id),
      transport_(std::move(fd), loop.server.tls ? loop.server.tls->context().get() : nullptr),
      peer_(std::move(peer)),
      state_(loop.server.tls ? State::handshake : State::preface),
      control_budget_(loop.server.options.control_frame_budget),
      budget_time_(loop.now),
      created_(loop.now),
      last_read_(loop.now),
      last_call_(loop.now),
      timer_(*this) {
  server_.connections.fetch_add(1, std::memory_order_relaxed);
  schedule_timer();
}

Connection::~Connection() {
  for (auto& [id, stream] : streams_) {
    release(*stream);
    leave_dispatched(*stream);
  }
  // Frees streams without calling back.
  nghttp2_session_del(session_);
  server_.connections.fetch_sub(1, std::memory_order_relaxed);
}

// Bytes -------------------------------------------------------------------------------------------

bool Connection::wants_read() const { return state_ == State::lingering || !write_blocked_; }

bool Connection::wants_write() const {
  return write_blocked_ || (state_ == State::handshake && transport_.wants_write());
}

bool Connection::handshake() {
  auto result = transport_.handshake();
  if (result == Transport::would_block) return false;
  if (result == 0) {
    state_ = State::preface;
    subject_ = transport_.subject();
    return true;
  }
  done_ = true;
  auto error = transport_.take_error();
  if (error.empty()) return false;
  server_.misuse.report(explain_failed_handshake("gRPC", peer_, error));
  return false;
}

void Connection::on_readable(char* buffer, std::size_t size) {
  if (done_ || (state_ == State::handshake && !handshake())) return;
  for (int round = 0; round < 4 && !done_; ++round) {
    auto count = transport_.read(buffer, size);
    if (count == Transport::would_block) return;
    if (count < 0) {
      done_ = true;
      return;
    }
    last_read_ = loop_.now;
    ping_waiting_ = false;
    if (state_ == State::lingering) continue;
    auto bytes = std::string_view(buffer, static_cast<std::size_t>(count));
    if (state_ == State::preface && !check_preface(bytes)) return;
    feed(bytes);
    if (bytes.size() < size && !transport_.has_buffered_input()) return;
  }
}

bool Connection::check_preface(std::string_view bytes) {
  auto wanted = preface.substr(preface_seen_, bytes.size());
  if (bytes.substr(0, wanted.size()) != wanted) {
    explain_garbage(std::string(preface.substr(0, preface_seen_)).append(bytes.substr(0, 200)));
    return false;
  }
  preface_seen_ += wanted.size();
  if (session_ == nullptr) open_session();
  if (preface_seen_ == preface.size()) {
    state_ = State::open;
    if (draining_) {
      draining_ = false;
      drain();
    }
  }
  return true;
}

void Connection::explain_garbage(std::string_view bytes) {
  if (looks_like_tls(bytes)) {
    server_.misuse.report("TLS handshake from " + peer_ +
                          " on the plaintext gRPC port: set tls.cert_file and tls.key_file here, or "
                          "make the sender insecure (http://)");
    done_ = true;
    return;
  }
  if (!looks_like_http1(bytes)) {
    server_.misuse.report("bytes from " + peer_ + " on the gRPC port that are not HTTP/2");
    done_ = true;
    return;
  }
  server_.misuse.report("HTTP/1 request '" + first_line(bytes) + "' from " + peer_ +
                        " on the gRPC port: point OTLP/HTTP senders to the HTTP port (4318 by "
                        "default), or use the gRPC protocol");
  std::string text = "This port speaks gRPC (HTTP/2). Point OTLP/HTTP senders to the HTTP port.\n";
  std::string answer = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: " +
                       std::to_string(text.size()) + "\r\nConnection: close\r\n\r\n" + text;
  transport_.write(answer.data(), answer.size());
  linger();
}

void Connection::feed(std::string_view bytes) {
  auto used = nghttp2_session_mem_recv(
      session_, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  if (used < 0) {
    // Nothing sensible can be said any more, but the GOAWAY already queued should go out.
    give_up_ = true;
  }
  mark_dirty();
}

void Connection::mark_dirty() {
  if (dirty) return;
  dirty = true;
  loop_.dirty.push_back(this);
}

/// False when the socket does not take everything; the rest is kept.
bool Connection::write_out(std::string_view bytes) {
  while (!bytes.empty()) {
    auto count = transport_.write(bytes.data(), bytes.size());
    if (count < 0) {
      if (count == Transport::closed) {
        done_ = true;
      } else {
        std::string rest(bytes);
        out_ = std::move(rest);
        write_blocked_ = true;
      }
      return false;
    }
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

void Connection::pump() {
  if (done_ || session_ == nullptr || state_ == State::lingering) return;
  write_blocked_ = false;
  if (!out_.empty()) {
    std::string kept = std::exchange(out_, std::string());
    if (!write_out(kept)) return;
  }
  auto& batch = loop_.scratch;
  for (;;) {
    batch.clear();
    while (batch.size() < output_batch) {
      const std::uint8_t* data = nullptr;
      auto count = nghttp2_session_mem_send(session_, &data);
      if (count < 0) done_ = true;
      if (count <= 0) break;
      batch.append(reinterpret_cast<const char*>(data), static_cast<std::size_t>(count));
    }
    if (batch.empty() || !write_out(batch)) break;
  }
  if (write_blocked_) return;
  if (give_up_ ||
      (nghttp2_session_want_read(session_) == 0 && nghttp2_session_want_write(session_) == 0)) {
    linger();
  }
}

/// Ends the connection so that the peer gets to read everything: closing with unread input would
/// reset it under the last answer.
void Connection::linger() {
  transport_.finish_writing();
  state_ = State::lingering;
  linger_until_ = loop_.now + std::chrono::seconds(1);
  schedule_timer();
}

// Answers -----------------------------------------------------------------------------------------

void Connection::answer(Answer& answer) {
  if (session_ == nullptr) return;
  auto* stream = static_cast<Stream*>(nghttp2_session_get_stream_user_data(session_, answer.stream));
  if (stream == nullptr || stream->phase != Stream::Phase::dispatched) return;
  leave_dispatched(*stream);
  stream->timer.cancel();
  last_call_ = loop_.now;
  control_budget_ = std::min(control_budget_ + 1, double(server_.options.control_frame_budget));
  if (answer.failure) {
    refuse(*stream, std::move(*answer.failure));
  } else {
    submit_response(*stream, std::move(answer.response));
  }
  mark_dirty();
}

void Connection::leave_dispatched(Stream& stream) {
  if (stream.phase != Stream::Phase::dispatched) return;
  stream.phase = Stream::Phase::receiving;
  server_.under_way.fetch_sub(1, std::memory_order_relaxed);
  // Without effect on a call that has been answered.
  if (auto call = std::move(stream.call)) call->cancel();
}

void Connection::on_stream_closed(Stream& stream) {
  release(stream);
  leave_dispatched(stream);
  last_call_ = loop_.now;
  streams_.erase(stream.id);
}

void Stream::on_timer() { connection.on_stream_timer(*this); }

void Connection::on_stream_timer(Stream& stream) {
  using std::chrono::seconds;
  if (stream.phase == Stream::Phase::answered) return;
  mark_dirty();
  if (stream.deadline != Clock::time_point() && loop_.now >= stream.deadline) {
    leave_dispatched(stream);
    refuse(stream, {GrpcStatus::deadline_exceeded, "the deadline of the call has passed", {}});
    return;
  }
  if (stream.phase == Stream::Phase::dispatched) {
    loop_.timers.schedule(stream.timer, stream.deadline);
    return;
  }
  auto patience = server_.options.slow_sender_timeout + seconds(stream.message.size() >> 16);
  auto end = stream.started + patience;
  if (loop_.now < end) {
    loop_.timers.schedule(stream.timer, stream.deadline == Clock::time_point()
                                            ? end
                                            : std::min(end, stream.deadline));
    return;
  }
  refuse(stream, {GrpcStatus::deadline_exceeded,
                  "the request did not arrive in full within " +
                      std::to_string(std::chrono::ceil<seconds>(patience).count()) + "s",
                  {}});
}

// The connection's own life -----------------------------------------------------------------------

void Connection::on_control_frame(const nghttp2_frame& frame) {
  bool ack = (frame.hd.flags & NGHTTP2_FLAG_ACK) != 0;
  switch (frame.hd.type) {
    case NGHTTP2_PING:
      // The client has seen the notice of drain(): what it sends from now on it sends knowingly.
      if (ack && draining_) submit_final_goaway();
      if (!ack) spend_control_budget();
      break;
    case NGHTTP2_SETTINGS:
      if (!ack) spend_control_budget();
      break;
    case NGHTTP2_WINDOW_UPDATE:
    case NGHTTP2_GOAWAY: break;
    default: spend_control_budget();
  }
}

void Connection::spend_control_budget() {
  double limit = server_.options.control_frame_budget;
  double elapsed = std::chrono::duration<double>(loop_.now - budget_time_).count();
  budget_time_ = loop_.now;
  control_budget_ = std::min(control_budget_ + elapsed * limit / 20, limit) - 1;
  if (control_budget_ >= 0 || give_up_) return;
  server_.misuse.report("client " + peer_ +
                        " floods its connection with control frames or resets; disconnected");
  nghttp2_session_terminate_session(session_, NGHTTP2_ENHANCE_YOUR_CALM);
  give_up_ = true;
}

void Connection::drain() {
  if (draining_ || done_ || state_ == State::lingering) return;
  draining_ = true;
  drain_started_ = loop_.now;
  // During the handshake and the preface there is nobody to tell yet.
  if (state_ != State::open) {
    if (preface_seen_ == 0) done_ = true;
    return;
  }
  nghttp2_submit_shutdown_notice(session_);
  nghttp2_submit_ping(session_, NGHTTP2_FLAG_NONE, nullptr);
  schedule_timer();
  mark_dirty();
}

void Connection::submit_final_goaway() {
  if (std::exchange(goaway_sent_, true)) return;
  nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE,
                        nghttp2_session_get_last_proc_stream_id(session_), NGHTTP2_NO_ERROR, nullptr,
                        0);
  mark_dirty();
}

void Connection::on_timer() {
  const auto& options = server_.options;
  auto now = loop_.now;
  bool unopened = state_ == State::handshake || state_ == State::preface;
  if (unopened && now - created_ >= options.handshake_timeout) done_ = true;
  if (state_ == State::lingering && now >= linger_until_) done_ = true;
  if (state_ == State::open) {
    if (draining_ && now - drain_started_ >= std::chrono::seconds(1)) submit_final_goaway();
    bool idle = options.idle_timeout.count() > 0 && streams_.empty() &&
                now - last_call_ >= options.idle_timeout;
    bool old = options.max_connection_age.count() > 0 && now - created_ >= options.max_connection_age;
    if (idle || old) drain();
    keep_alive();
  }
  mark_dirty();
  if (!done_) schedule_timer();
}

void Connection::keep_alive() {
  const auto& options = server_.options;
  if (options.keepalive_time.count() <= 0) return;
  if (ping_waiting_) {
    if (loop_.now - ping_sent_ >= options.keepalive_timeout) done_ = true;
  } else if (loop_.now - last_read_ >= options.keepalive_time) {
    nghttp2_submit_ping(session_, NGHTTP2_FLAG_NONE, nullptr);
    ping_waiting_ = true;
    ping_sent_ = loop_.now;
  }
}

void Connection::schedule_timer() {
  const auto& options = server_.options;
  auto next = Clock::time_point::max();
  auto consider = [&](bool applies, Clock::time_point when) {
    if (applies) next = std::min(next, when);
  };
  consider(state_ == State::handshake || state_ == State::preface,
           created_ + options.handshake_timeout);
  consider(state_ == State::lingering, linger_until_);
  // The connection opens without passing here, so these count from the start.
  consider(draining_ && !goaway_sent_, drain_started_ + std::chrono::seconds(1));
  consider(options.idle_timeout.count() > 0 && !draining_, last_call_ + options.idle_timeout);
  consider(options.max_connection_age.count() > 0 && !draining_, created_ + options.max_connection_age);
  consider(options.keepalive_time.count() > 0,
           ping_waiting_ ? ping_sent_ + options.keepalive_timeout : last_read_ + options.keepalive_time);
  if (next == Clock::time_point::max()) return;
  // An idle time that calls keep pushing on is looked at again at its end, not in every tick.
  loop_.timers.schedule(timer_, std::max(next, loop_.now + std::chrono::milliseconds(100)));
}

}  // namespace tollgate::grpc_server_detail
