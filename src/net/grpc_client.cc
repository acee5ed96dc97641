#include "net/grpc_client.h"

#include <netdb.h>
#include <sys/epoll.h>

#include <condition_variable>
#include <cstring>
#include <map>
#include <mutex>
#include <thread>
#include <tuple>

#include "base/thread_name.h"
#include "net/grpc_channel.h"
#include "net/url.h"
#include "net/wakeup.h"
#include "runtime/executor.h"

namespace tollgate {

using namespace grpc_client_detail;

namespace {

Result<std::vector<Address>> look_up(const std::string& host, int port, int flags) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  // Without a name the loopback addresses are meant, which localhost is even where no file says so
  // (RFC 6761, 6.3).
  const char* const name = host == "localhost" ? nullptr : host.c_str();
  int code = ::getaddrinfo(name, std::to_string(port).c_str(), &hints, &found);
  if (code != 0) return transient(host + ": " + ::gai_strerror(code));
  std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> infos(found, ::freeaddrinfo);
  std::vector<Address> addresses;
  for (const auto* info = found; info != nullptr; info = info->ai_next) {
    Address address;
    std::memcpy(&address.name, info->ai_addr, info->ai_addrlen);
    address.size = info->ai_addrlen;
    addresses.push_back(address);
  }
  return addresses;
}

}  // namespace

/// The client's thread and what other threads hand to it.
class GrpcClient::Impl {
 public:
  Impl() : epoll_(::epoll_create1(EPOLL_CLOEXEC)), loop_{.epoll = epoll_.get()} {
    epoll_event event{};
    event.events = EPOLLIN;
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wakeup_.fd(), &event);
    loop_.resolve = [this](Channel& channel) { resolve(channel); };
    thread_ = std::thread([this] { run(); });
  }

  void post(std::unique_ptr<ClientCall> call);
  void close(Clock::time_point deadline);
  Stats stats() const { return {under_way_.load(), loop_.opened.load()}; }
  void on_done() {
    if (--under_way_ > 0) return;
    std::lock_guard lock(mutex_);
    idle_.notify_all();
  }
  void on_posted() { ++under_way_; }

 private:
  struct Resolved {
    Channel* channel;
    Result<std::vector<Address>> addresses;
  };

  void run();
  bool take_posted();
  void settle();
  void resolve(Channel& channel);
  void post(Resolved resolved);
  Channel& channel_of(const GrpcRequest& request);

  FileDescriptor epoll_;
  Wakeup wakeup_;
  // The thread's own.
  ClientLoop loop_;
  std::map<std::tuple<std::string, bool, const TlsClient*>, std::unique_ptr<Channel>> channels_;
  std::unique_ptr<Executor> resolver_;  ///< made when a name must be looked up

  std::atomic<std::size_t> under_way_{0};
  std::mutex mutex_;
  std::condition_variable idle_;
  std::vector<std::unique_ptr<ClientCall>> posted_;  // guarded by mutex_
  std::vector<Resolved> resolved_;                   // guarded by mutex_
  bool stop_ = false;                                // guarded by mutex_
  std::once_flag closed_;
  std::thread thread_;
};

void GrpcClient::Impl::post(std::unique_ptr<ClientCall> call) {
  {
    std::lock_guard lock(mutex_);
    if (!stop_) {
      posted_.push_back(std::move(call));
      if (posted_.size() > 1) return;  // the first one wakes
    }
  }
  if (call) return call->fail(GrpcStatus::cancelled, "the client is closed");
  wakeup_.notify();
}

void GrpcClient::Impl::post(Resolved resolved) {
  {
    std::lock_guard lock(mutex_);
    resolved_.push_back(std::move(resolved));
  }
  wakeup_.notify();
}

void GrpcClient::Impl::close(Clock::time_point deadline) {
  std::call_once(closed_, [&] {
    {
      std::unique_lock lock(mutex_);
      idle_.wait_until(lock, deadline, [this] { return under_way_ == 0; });
      stop_ = true;
    }
    wakeup_.notify();
    thread_.join();
    resolver_.reset();
  });
}

void GrpcClient::Impl::resolve(Channel& channel) {
  auto numeric = look_up(channel.host(), channel.port(), AI_NUMERICHOST);
  if (numeric) return channel.on_resolved(std::move(numeric));
  if (!resolver_) resolver_ = std::make_unique<Executor>();
  resolver_->post([this, to = &channel, host = channel.host(), port = channel.port()] {
    post(Resolved{to, look_up(host, port, AI_ADDRCONFIG)});
  });
}

Channel& GrpcClient::Impl::channel_of(const GrpcRequest& request) {
  auto& channel = channels_[{request.target, request.secure, request.tls.get()}];
  if (!channel) channel = std::make_unique<Channel>(loop_, request);
  return *channel;
}

/// False when the client is to stop.
bool GrpcClient::Impl::take_posted() {
  std::vector<std::unique_ptr<ClientCall>> calls;
  std::vector<Resolved> resolved;
  bool stop = false;
  {
    std::lock_guard lock(mutex_);
    calls.swap(posted_);
    resolved.swap(resolved_);
    stop = stop_;
  }
  if (stop) return false;
  for (auto& each : resolved) each.channel->on_resolved(std::move(each.addresses));
  for (auto& call : calls) {
    auto& channel = channel_of(call->request);
    channel.add(std::move(call));
  }
  return true;
}

/// Everything that events have led to.
void GrpcClient::Impl::settle() {
  for (std::size_t i = 0; i < loop_.dirty.size(); ++i) {
    loop_.dirty[i]->dirty = false;
    loop_.dirty[i]->pump();
  }
  loop_.dirty.clear();
  loop_.ended.clear();
}

void GrpcClient::Impl::run() {
  name_thread("grpc client");
  block_sigpipe();
  std::array<epoll_event, 64> events;
  while (take_posted()) {
    loop_.timers.advance(loop_.now);
    settle();
    auto wait = loop_.timers.wait_ms(Clock::now());
    int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), wait);
    loop_.now = Clock::now();
    for (int i = 0; i < count; ++i) {
      if (events[i].data.ptr == nullptr) {
        wakeup_.clear();
      } else {
        static_cast<ClientConnection*>(events[i].data.ptr)->on_event(events[i].events);
      }
    }
  }
  for (auto& [key, channel] : channels_) channel->cancel_all();
  settle();
}

GrpcClient::GrpcClient() : impl_(std::make_unique<Impl>()) {}

GrpcClient::~GrpcClient() { close(Clock::time_point()); }

void GrpcClient::close(Clock::time_point deadline) { impl_->close(deadline); }

GrpcClient::Stats GrpcClient::stats() const { return impl_->stats(); }

void GrpcClient::call(GrpcRequest request, Done done) {
  impl_->on_posted();
  // Counted until the callback has run, so that what it starts follows without a gap.
  impl_->post(std::make_unique<ClientCall>(
      std::move(request), [impl = impl_.get(), done = std::move(done)](Outcome outcome) mutable {
        done(std::move(outcome));
        impl->on_done();
      }));
}

std::expected<GrpcResponse, GrpcCallError> GrpcClient::invoke(GrpcRequest request) {
  struct Waiter {
    std::mutex mutex;
    std::condition_variable ready;
    std::optional<Outcome> outcome;
  };
  auto waiter = std::make_shared<Waiter>();
  call(std::move(request), [waiter](Outcome outcome) {
    std::lock_guard lock(waiter->mutex);
    waiter->outcome = std::move(outcome);
    waiter->ready.notify_one();
  });
  std::unique_lock lock(waiter->mutex);
  waiter->ready.wait(lock, [&] { return waiter->outcome.has_value(); });
  return std::move(*waiter->outcome);
}

}  // namespace tollgate
