#include "net/grpc_channel.h"

#include <algorithm>

#include "net/url.h"

namespace tollgate::grpc_client_detail {
namespace {

/// After so many refusals unseen, the caller is told.
constexpr int max_refusals = 3;

constexpr Backoff::Options reconnecting{.initial = std::chrono::milliseconds(100),
                                        .max = std::chrono::seconds(5),
                                        .factor = 1.6,
                                        .spread = 0.2};

}  // namespace

void ClientCall::on_timer() {
  if (connection != nullptr) return connection->expire(*this);
  channel->expire(*this);
}

Channel::Channel(ClientLoop& loop, const GrpcRequest& first)
    : loop_(loop),
      target_(first.target),
      secure_(first.secure),
      settings_(first.tls),
      backoff_(reconnecting) {}

void Channel::add(std::unique_ptr<ClientCall> call) {
  if (current_ == nullptr && !resolving_ && loop_.now < retry_at_) {
    return call->fail(GrpcStatus::unavailable, last_error_);
  }
  if (call->deadline <= loop_.now) {
    return call->fail(GrpcStatus::deadline_exceeded, "the deadline of the call has passed");
  }
  call->channel = this;
  if (call->deadline != Clock::time_point::max()) {
    loop_.timers.schedule(call->timer, call->deadline);
  }
  waiting_.push_back(std::move(call));
  if (current_ == nullptr) return connect();
  on_room(*current_);
}

void Channel::expire(ClientCall& call) {
  auto place = std::ranges::find(waiting_, &call, [](const auto& each) { return each.get(); });
  if (place == waiting_.end()) return;
  auto taken = std::move(*place);
  waiting_.erase(place);
  taken->fail(GrpcStatus::deadline_exceeded,
              "no connection to " + target_ + " took the call before its deadline" +
                  (last_error_.empty() ? "" : ": " + last_error_));
}

void Channel::cancel_all() {
  for (auto& connection : connections_) {
    connection->fail_all(GrpcStatus::cancelled, "the client is closed");
  }
  for (auto& call : std::exchange(waiting_, {})) {
    call->fail(GrpcStatus::cancelled, "the client is closed");
  }
}

// Connecting --------------------------------------------------------------------------------------

void Channel::connect() {
  if (resolving_) return;
  if (host_.empty()) {
    auto address = split_host_port(target_);
    if (!address) return on_connect_failed(std::string(address.error().message()));
    std::tie(host_, port_) = std::move(*address);
    if (host_.empty()) host_ = "localhost";
  }
  if (secure_ && !context_) {
    auto context = make_tls_client_context(settings_.get());
    if (!context) return on_connect_failed(std::string(context.error().message()));
    context_ = std::move(*context);
  }
  resolving_ = true;
  loop_.resolve(*this);
}

void Channel::on_resolved(Result<std::vector<Address>> addresses) {
  resolving_ = false;
  if (!addresses) return on_connect_failed(std::string(addresses.error().message()));
  connections_.push_back(std::make_unique<ClientConnection>(loop_, *this, std::move(*addresses)));
  current_ = connections_.back().get();
  current_->start();
}

void Channel::on_connect_failed(const std::string& reason) {
  last_error_ = "cannot connect to " + target_ + ": " + reason;
  retry_at_ = loop_.now + std::chrono::duration_cast<Clock::duration>(*backoff_.next(loop_.now));
  for (auto& call : std::exchange(waiting_, {})) call->fail(GrpcStatus::unavailable, last_error_);
}

// Told by connections -----------------------------------------------------------------------------

void Channel::on_room(ClientConnection& connection) {
  if (&connection != current_ || !connection.ready()) return;
  backoff_.reset();
  last_error_.clear();
  while (!waiting_.empty() && current_ == &connection && connection.has_room()) {
    auto call = std::move(waiting_.front());
    waiting_.pop_front();
    connection.submit(std::move(call));
  }
}

void Channel::on_retired(ClientConnection& connection) {
  if (&connection != current_) return;
  current_ = nullptr;
  if (!waiting_.empty()) connect();
}

void Channel::give_back(std::unique_ptr<ClientCall> call) {
  if (++call->refusals > max_refusals) {
    return call->fail(GrpcStatus::unavailable,
                      "the server refused the call unseen, again and again");
  }
  call->restart();
  waiting_.push_front(std::move(call));
  if (current_ == nullptr) return connect();
  on_room(*current_);
}

void Channel::on_ended(ClientConnection& connection, bool was_open, const std::string& reason) {
  auto place = std::ranges::find(connections_, &connection,
                                 [](const auto& each) { return each.get(); });
  loop_.ended.push_back(std::move(*place));
  connections_.erase(place);
  if (&connection != current_) return;
  current_ = nullptr;
  if (!was_open) return on_connect_failed(reason);
  if (!waiting_.empty()) connect();
}

}  // namespace tollgate::grpc_client_detail
