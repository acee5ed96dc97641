#include "net/http_client.h"

#include <curl/curl.h>
#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "net/http_exchange.h"
#include "net/wakeup.h"

namespace tollgate {
namespace {

using Clock = std::chrono::steady_clock;

void start_curl() {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
}

}  // namespace

std::string HttpResponse::status_line() const {
  return reason.empty() ? std::to_string(status) : std::to_string(status) + " " + reason;
}

/// The network thread: epoll in front of libcurl's socket interface, and a pool of its handles.
class HttpClient::Loop {
 public:
  explicit Loop(Options options);
  ~Loop();

  void send(std::unique_ptr<HttpExchange> exchange);
  void close();
  Stats stats() const;

 private:
  using ExchangePtr = std::unique_ptr<HttpExchange>;

  void run();
  void start_queued();
  void start(ExchangePtr exchange);
  void wait_and_drive();
  void reap();
  void finish(HttpExchange& exchange, CURLcode code);
  ExchangePtr detach(HttpExchange& exchange);
  void cancel_all();
  int wait_time() const;

  static int on_socket(CURL*, curl_socket_t socket, int what, void* self, void* known);
  static int on_timer(CURLM*, long milliseconds, void* self);

  const Options options_;
  const ProxyEnvironment proxies_ = ProxyEnvironment::read();
  FileDescriptor epoll_{::epoll_create1(EPOLL_CLOEXEC)};
  Wakeup wakeup_;

  // Network thread only.
  CURLM* multi_ = nullptr;
  Clock::time_point timer_ = Clock::time_point::max();
  std::vector<CURL*> pool_;
  std::vector<ExchangePtr> active_;

  std::atomic<std::size_t> in_flight_{0};
  std::atomic<std::size_t> finished_{0};
  std::atomic<std::size_t> opened_{0};

  std::mutex mutex_;
  std::vector<ExchangePtr> queue_;  // guarded by mutex_
  bool sleeping_ = false;           // guarded by mutex_
  bool closed_ = false;             // guarded by mutex_

  std::mutex close_mutex_;
  std::thread thread_;  // last: started when everything else is ready
};

HttpClient::Loop::Loop(Options options) : options_(std::move(options)) {
  start_curl();
  multi_ = curl_multi_init();
  curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &Loop::on_socket);
  curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
  curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &Loop::on_timer);
  curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
  curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, static_cast<long>(options_.max_idle_connections));
  curl_multi_setopt(multi_, CURLMOPT_MAX_HOST_CONNECTIONS,
                    static_cast<long>(options_.max_connections_per_host));
  curl_multi_setopt(multi_, CURLMOPT_MAX_CONCURRENT_STREAMS, 1000L);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = wakeup_.fd();
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wakeup_.fd(), &event);
  thread_ = std::thread([this] { run(); });
}

HttpClient::Loop::~Loop() {
  close();
  for (CURL* easy : pool_) curl_easy_cleanup(easy);
  curl_multi_cleanup(multi_);
}

void HttpClient::Loop::send(ExchangePtr exchange) {
  bool wake = false;
  {
    std::lock_guard lock(mutex_);
    if (!closed_) {
      in_flight_.fetch_add(1, std::memory_order_relaxed);
      queue_.push_back(std::move(exchange));
      wake = std::exchange(sleeping_, false);
    }
  }
  if (exchange) exchange->fail(Error(Fault::cancelled, "the HTTP client is closed"));
  if (wake) wakeup_.notify();
}

void HttpClient::Loop::close() {
  std::lock_guard closing(close_mutex_);
  {
    std::lock_guard lock(mutex_);
    closed_ = true;
    sleeping_ = false;
  }
  wakeup_.notify();
  if (thread_.joinable()) thread_.join();
}

HttpClient::Stats HttpClient::Loop::stats() const {
  return {in_flight_.load(), finished_.load(), opened_.load()};
}

void HttpClient::Loop::run() {
  block_sigpipe();
  for (;;) {
    start_queued();
    {
      std::lock_guard lock(mutex_);
      if (closed_) break;
      sleeping_ = queue_.empty();
    }
    wait_and_drive();
    reap();
  }
  cancel_all();
}

void HttpClient::Loop::start_queued() {
  std::vector<ExchangePtr> batch;
  {
    std::lock_guard lock(mutex_);
    if (closed_) return;  // cancel_all() answers what is queued
    batch.swap(queue_);
  }
  for (auto& exchange : batch) start(std::move(exchange));
}

void HttpClient::Loop::start(ExchangePtr exchange) {
  auto& target = *exchange;
  target.index = active_.size();
  active_.push_back(std::move(exchange));
  if (target.easy == nullptr) {
    if (pool_.empty()) {
      target.easy = curl_easy_init();
    } else {
      target.easy = pool_.back();
      pool_.pop_back();
    }
  }
  Result<> ready = target.easy == nullptr ? Result<>(transient("out of memory")) : target.check();
  if (ready) ready = target.configure(target.easy, options_, proxies_);
  if (ready && curl_multi_add_handle(multi_, target.easy) != CURLM_OK) ready = transient("out of memory");
  if (!ready) {
    auto owned = detach(target);
    owned->fail(std::move(ready).error());
  }
}

int HttpClient::Loop::wait_time() const {
  if (timer_ == Clock::time_point::max()) return -1;
  auto left = std::chrono::ceil<std::chrono::milliseconds>(timer_ - Clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 3'600'000));
}

void HttpClient::Loop::wait_and_drive() {
  bool asleep = false;
  {
    std::lock_guard lock(mutex_);
    asleep = sleeping_;
  }
  std::array<epoll_event, 256> events;
  int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()),
                           asleep ? wait_time() : 0);
  {
    std::lock_guard lock(mutex_);
    sleeping_ = false;
  }
  int running = 0;
  for (int i = 0; i < count; ++i) {
    const auto& event = events[static_cast<std::size_t>(i)];
    if (event.data.fd == wakeup_.fd()) {
      wakeup_.clear();
      continue;
    }
    int mask = ((event.events & EPOLLIN) != 0 ? CURL_CSELECT_IN : 0) |
               ((event.events & EPOLLOUT) != 0 ? CURL_CSELECT_OUT : 0) |
               ((event.events & (EPOLLERR | EPOLLHUP)) != 0 ? CURL_CSELECT_ERR : 0);
    curl_multi_socket_action(multi_, event.data.fd, mask, &running);
  }
  if (timer_ <= Clock::now()) {
    timer_ = Clock::time_point::max();
    curl_multi_socket_action(multi_, CURL_SOCKET_TIMEOUT, 0, &running);
  }
}

void HttpClient::Loop::reap() {
  int left = 0;
  while (CURLMsg* message = curl_multi_info_read(multi_, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    HttpExchange* exchange = nullptr;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &exchange);
    finish(*exchange, message->data.result);
  }
}

void HttpClient::Loop::finish(HttpExchange& exchange, CURLcode code) {
  long connects = 0;
  curl_easy_getinfo(exchange.easy, CURLINFO_NUM_CONNECTS, &connects);
  if (connects > 0) opened_.fetch_add(static_cast<std::size_t>(connects), std::memory_order_relaxed);
  bool again = exchange.finish_hop(exchange.easy, code);
  curl_multi_remove_handle(multi_, exchange.easy);
  if (again) {
    curl_easy_reset(exchange.easy);
    auto ready = exchange.configure(exchange.easy, options_, proxies_);
    if (ready && curl_multi_add_handle(multi_, exchange.easy) == CURLM_OK) return;
    detach(exchange)->fail(Error(Fault::transient, "out of memory"));
    return;
  }
  detach(exchange)->complete();
}

/// Takes `exchange` off the list; its handle, which libcurl no longer knows, goes to the pool.
HttpClient::Loop::ExchangePtr HttpClient::Loop::detach(HttpExchange& exchange) {
  auto index = exchange.index;
  ExchangePtr owned = std::move(active_[index]);
  if (index + 1 != active_.size()) {
    active_[index] = std::move(active_.back());
    active_[index]->index = index;
  }
  active_.pop_back();
  if (CURL* easy = std::exchange(owned->easy, nullptr)) {
    if (pool_.size() < 1024) {
      curl_easy_reset(easy);
      pool_.push_back(easy);
    } else {
      curl_easy_cleanup(easy);
    }
  }
  in_flight_.fetch_sub(1, std::memory_order_relaxed);
  finished_.fetch_add(1, std::memory_order_relaxed);
  return owned;
}

void HttpClient::Loop::cancel_all() {
  const Error closed(Fault::cancelled, "the HTTP client was closed");
  while (!active_.empty()) {
    auto& exchange = *active_.back();
    curl_multi_remove_handle(multi_, exchange.easy);
    detach(exchange)->fail(closed);
  }
  std::vector<ExchangePtr> rest;
  {
    std::lock_guard lock(mutex_);
    rest.swap(queue_);
  }
  for (auto& exchange : rest) {
    exchange->fail(closed);
    in_flight_.fetch_sub(1, std::memory_order_relaxed);
    finished_.fetch_add(1, std::memory_order_relaxed);
  }
}

int HttpClient::Loop::on_socket(CURL*, curl_socket_t socket, int what, void* self, void* known) {
  auto& loop = *static_cast<Loop*>(self);
  if (what == CURL_POLL_REMOVE) {
    ::epoll_ctl(loop.epoll_.get(), EPOLL_CTL_DEL, socket, nullptr);
    return 0;
  }
  epoll_event event{};
  event.events = ((what & CURL_POLL_IN) != 0 ? EPOLLIN : 0u) | ((what & CURL_POLL_OUT) != 0 ? EPOLLOUT : 0u);
  event.data.fd = socket;
  int first = known == nullptr ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
  int second = known == nullptr ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
  // libcurl may have closed the number and reopened it behind our back, hence the second try.
  if (::epoll_ctl(loop.epoll_.get(), first, socket, &event) != 0) {
    ::epoll_ctl(loop.epoll_.get(), second, socket, &event);
  }
  curl_multi_assign(loop.multi_, socket, self);
  return 0;
}

int HttpClient::Loop::on_timer(CURLM*, long milliseconds, void* self) {
  auto& loop = *static_cast<Loop*>(self);
  loop.timer_ = milliseconds < 0 ? Clock::time_point::max()
                                 : Clock::now() + std::chrono::milliseconds(milliseconds);
  return 0;
}

HttpClient::HttpClient(Options options) : loop_(std::make_unique<Loop>(std::move(options))) {}

HttpClient::~HttpClient() = default;

void HttpClient::send(HttpRequest request, Done done) {
  loop_->send(std::make_unique<HttpExchange>(std::move(request), std::move(done)));
}

Result<HttpResponse> HttpClient::fetch(HttpRequest request) {
  struct Waiter {
    std::mutex mutex;
    std::condition_variable ready;
    std::optional<Result<HttpResponse>> result;
  };
  // Shared, so that the network thread may still be inside notify when this returns.
  auto waiter = std::make_shared<Waiter>();
  send(std::move(request), [waiter](Result<HttpResponse> result) {
    std::lock_guard lock(waiter->mutex);
    waiter->result = std::move(result);
    waiter->ready.notify_one();
  });
  std::unique_lock lock(waiter->mutex);
  waiter->ready.wait(lock, [&] { return waiter->result.has_value(); });
  return std::move(*waiter->result);
}

void HttpClient::close() { loop_->close(); }

HttpClient::Stats HttpClient::stats() const { return loop_->stats(); }

}  // namespace tollgate
