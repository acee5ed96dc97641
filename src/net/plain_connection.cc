#include "net/plain_connection.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cerrno>

namespace tollgate {
namespace {

constexpr std::size_t read_size = 64 << 10;

/// How many reads in a row one connection may have before others get their turn.
constexpr int reads_a_turn = 16;

iovec piece(std::string_view bytes) { return {const_cast<char*>(bytes.data()), bytes.size()}; }

}  // namespace

PlainConnection::PlainConnection(FileDescriptor fd, int epoll, std::uint64_t tag, std::string target)
    : fd_(std::move(fd)), epoll_(epoll), tag_(tag), target_(std::move(target)) {
  watched_ = EPOLLIN;
  epoll_event event{};
  event.events = watched_;
  event.data.u64 = tag_;
  ended_ = ::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd_.get(), &event) != 0;
}

PlainConnection::ExchangePtr PlainConnection::begin(ExchangePtr exchange,
                                                    const HttpClient::Options& options) {
  std::string head = exchange->plain_head(options);
  std::lock_guard lock(mutex_);
  if (ended_) return exchange;
  reader_.emplace(exchange->is_head(),
                  HttpResponseReader::Limits{.body_bytes = exchange->max_response_bytes()});
  keep_ = !exchange->asks_to_close();
  exchange_ = std::move(exchange);
  head_ = std::move(head);
  sent_ = 0;
  write();
  return nullptr;
}

/// Writes until all is sent or the socket takes no more. A failure is left to the network thread,
/// which is told by the socket.
void PlainConnection::write() {
  const std::string_view head = head_, body = exchange_->plain_body();
  const std::size_t total = head.size() + body.size();
  while (sent_ < total) {
    std::array<iovec, 2> pieces{};
    std::size_t count = 0;
    if (sent_ < head.size()) pieces[count++] = piece(head.substr(sent_));
    if (!body.empty()) pieces[count++] = piece(body.substr(sent_ < head.size() ? 0 : sent_ - head.size()));
    msghdr message{};
    message.msg_iov = pieces.data();
    message.msg_iovlen = count;
    const auto written = ::sendmsg(fd_.get(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (written >= 0) {
      sent_ += static_cast<std::size_t>(written);
    } else if (errno != EINTR) {
      if (errno == EAGAIN || errno == EWOULDBLOCK) return watch(EPOLLIN | EPOLLOUT);
      const bool peer_ended = errno == EPIPE || errno == ECONNRESET;
      write_error_ = system_error(errno);
      // The server may have answered before it closed: what there is to read decides.
      if (!peer_ended) ::shutdown(fd_.get(), SHUT_RDWR);
      return watch(EPOLLIN);
    }
  }
  watch(EPOLLIN);
}

void PlainConnection::watch(std::uint32_t events) {
  if (watched_ == events) return;
  watched_ = events;
  epoll_event event{};
  event.events = events;
  event.data.u64 = tag_;
  ::epoll_ctl(epoll_, EPOLL_CTL_MOD, fd_.get(), &event);
}

PlainConnection::Ended PlainConnection::on_event(std::uint32_t events, std::string& buffer) {
  std::lock_guard lock(mutex_);
  if (ended_) return {};
  if ((events & EPOLLOUT) != 0 && exchange_ && write_error_.empty()) write();
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) == 0) return {};
  return read(buffer);
}

PlainConnection::Ended PlainConnection::read(std::string& buffer) {
  if (buffer.size() < read_size) buffer.resize(read_size);
  for (int turn = 0; turn < reads_a_turn; ++turn) {
    const auto count = ::recv(fd_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (count < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN || errno == EWOULDBLOCK) return {};
      return fail((write_error_.empty() ? "read: " : "write: ") + system_error(errno), true);
    }
    // Bytes that nobody asked for make the connection useless, just as its end does.
    if (!exchange_) return fail("", false);
    if (count == 0) {
      const auto end = reader_->end_of_input();
      if (end) return finish(std::move(reader_->response()));
      const bool written = write_error_.empty();
      return fail(written ? std::string(end.error().message()) : "write: " + write_error_, true);
    }
    const std::string_view bytes(buffer.data(), static_cast<std::size_t>(count));
    const auto taken = reader_->feed(bytes);
    if (!taken) return fail(std::string(taken.error().message()), false);
    if (reader_->done()) {
      // What follows would be the answer to a request that was not sent.
      keep_ = keep_ && *taken == bytes.size();
      return finish(std::move(reader_->response()));
    }
    if (bytes.size() < buffer.size()) return {};
  }
  return {};
}

PlainConnection::Ended PlainConnection::finish(Result<HttpResponse> outcome) {
  const bool sent = sent_ == head_.size() + exchange_->plain_body().size();
  ended_ = !outcome || !keep_ || !sent || !reader_->keeps_alive();
  served_before_ = true;
  reader_.reset();
  return {std::move(exchange_), std::move(outcome)};
}

PlainConnection::Ended PlainConnection::fail(std::string why, bool may_be_unseen) {
  ended_ = true;
  if (!exchange_) return {};
  const bool unseen = may_be_unseen && served_before_ && !reader_->started();
  Ended ended = finish(transient(std::move(why)));
  ended.unseen = unseen;
  return ended;
}

PlainConnection::Ended PlainConnection::on_time(Clock::time_point now) {
  std::lock_guard lock(mutex_);
  if (!exchange_ || exchange_->deadline() > now) return {};
  return fail(exchange_->explain_timeout(reader_->response().status != 0), false);
}

void PlainConnection::expire() {
  std::lock_guard lock(mutex_);
  if (!exchange_) ended_ = true;
}

PlainConnection::Ended PlainConnection::abandon() {
  std::lock_guard lock(mutex_);
  return fail("the connection was given up", false);
}

bool PlainConnection::alive() {
  std::lock_guard lock(mutex_);
  return !ended_;
}

std::optional<PlainConnection::Clock::time_point> PlainConnection::deadline() {
  std::lock_guard lock(mutex_);
  if (!exchange_) return std::nullopt;
  return exchange_->deadline();
}

}  // namespace tollgate
