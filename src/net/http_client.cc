#include "net/http_client.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/thread_name.h"
#include "net/http_exchange.h"
#include "net/plain_connection.h"
#include "net/wakeup.h"

namespace tollgate {
namespace {

using Clock = std::chrono::steady_clock;

/// With so many exchanges under way the network thread looks at its sockets once in so long, and finds
/// several answers each time: waking up for each would cost more than reading it.
constexpr std::size_t kBusy = 8;
constexpr std::chrono::microseconds kRest{250};

void start_curl() {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
}

}  // namespace

std::string HttpResponse::status_line() const {
  return reason.empty() ? std::to_string(status) : std::to_string(status) + " " + reason;
}

/// The network thread: epoll in front of libcurl's socket interface with a pool of its handles, and of
/// the connections that we speak HTTP/1.1 on ourselves.
class HttpClient::Loop {
 public:
  explicit Loop(Options options);
  ~Loop();

  void send(std::unique_ptr<HttpExchange> exchange);
  void close();
  Stats stats() const;

 private:
  using ExchangePtr = std::unique_ptr<HttpExchange>;
  using Plain = std::shared_ptr<PlainConnection>;
  using Lock = std::unique_lock<std::mutex>;

  /// Marks the events of plain connections; libcurl's hold the number of their socket.
  static constexpr std::uint64_t plain_tag = std::uint64_t{1} << 63;

  void run();
  void start_queued();
  void start(ExchangePtr exchange);
  void start_with_curl(ExchangePtr exchange);
  void wait_and_drive();
  void reap();
  void finish(HttpExchange& exchange, CURLcode code);
  ExchangePtr detach(HttpExchange& exchange);
  void answer(ExchangePtr exchange);
  void answer(ExchangePtr exchange, Error error);
  void cancel_all();
  int wait_time(Clock::time_point alarm) const;

  // Plain connections.
  Plain take_resting(const Lock&, const HttpExchange& exchange);
  void adopt_connection(ExchangePtr exchange, int socket);
  void on_plain_event(std::uint64_t tag, std::uint32_t events);
  void go_on(const Plain& connection, PlainConnection::Ended ended);
  void forget(const Plain& connection);
  void check_plain();

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
  std::unordered_map<std::uint64_t, Plain> plain_;  // by tag
  std::uint64_t last_plain_ = plain_tag;
  std::string buffer_;
  Clock::time_point looked_{};  // at the sockets

  std::atomic<std::size_t> in_flight_{0};
  std::atomic<std::size_t> finished_{0};
  std::atomic<std::size_t> opened_{0};

  std::mutex mutex_;
  std::vector<ExchangePtr> queue_;  // guarded by mutex_
  bool sleeping_ = false;           // guarded by mutex_
  bool closed_ = false;             // guarded by mutex_
  /// By target; the one used last is at the end. Guarded by mutex_.
  std::unordered_map<std::string, std::vector<Plain>> resting_;
  std::size_t resting_count_ = 0;                         // guarded by mutex_
  Clock::time_point alarm_ = Clock::time_point::max();    // guarded by mutex_; next check_plain()

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
  // A request that cannot be sent is told so by the network thread.
  const bool plain = exchange->check() && exchange->is_plain(proxies_);
  bool wake = false;
  Plain connection;
  for (;;) {
    {
      Lock lock(mutex_);
      if (closed_) break;
      connection = plain ? take_resting(lock, *exchange) : nullptr;
      in_flight_.fetch_add(1, std::memory_order_relaxed);
      if (connection) {
        wake = exchange->deadline() < alarm_ && std::exchange(sleeping_, false);
        alarm_ = std::min(alarm_, exchange->deadline());
      } else {
        queue_.push_back(std::move(exchange));
        wake = std::exchange(sleeping_, false);
      }
    }
    if (connection) exchange = connection->begin(std::move(exchange), options_);
    if (wake) wakeup_.notify();
    if (!exchange) return;
    in_flight_.fetch_sub(1, std::memory_order_relaxed);
  }
  exchange->fail(Error(Fault::cancelled, "the HTTP client is closed"));
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
  name_thread("http client");
  block_sigpipe();
  for (;;) {
    if (in_flight_.load(std::memory_order_relaxed) >= kBusy) {
      std::this_thread::sleep_until(looked_ + kRest);
    }
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
  if (Result<> good = exchange->check(); !good) {
    return answer(std::move(exchange), std::move(good).error());
  }
  while (exchange->is_plain(proxies_) && !exchange->wants_new_connection) {
    Plain connection;
    {
      Lock lock(mutex_);
      connection = take_resting(lock, *exchange);
      if (!connection) break;
      alarm_ = std::min(alarm_, exchange->deadline());
    }
    exchange = connection->begin(std::move(exchange), options_);
    if (!exchange) return;
  }
  start_with_curl(std::move(exchange));
}

void HttpClient::Loop::start_with_curl(ExchangePtr exchange) {
  auto& target = *exchange;
  target.wants_new_connection = false;
  target.index = active_.size();
  active_.push_back(std::move(exchange));
  if (pool_.empty()) {
    target.easy = curl_easy_init();
  } else {
    target.easy = pool_.back();
    pool_.pop_back();
  }
  Result<> ready = target.easy == nullptr ? Result<>(transient("out of memory"))
                                          : target.configure(target.easy, options_, proxies_);
  if (ready && curl_multi_add_handle(multi_, target.easy) != CURLM_OK) ready = transient("out of memory");
  if (!ready) answer(detach(target), std::move(ready).error());
}

int HttpClient::Loop::wait_time(Clock::time_point alarm) const {
  const auto next = std::min(timer_, alarm);
  if (next == Clock::time_point::max()) return -1;
  auto left = std::chrono::ceil<std::chrono::milliseconds>(next - Clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 3'600'000));
}

void HttpClient::Loop::wait_and_drive() {
  bool asleep = false;
  Clock::time_point alarm;
  {
    std::lock_guard lock(mutex_);
    asleep = sleeping_;
    alarm = alarm_;
  }
  std::array<epoll_event, 256> events;
  int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()),
                           asleep ? wait_time(alarm) : 0);
  {
    std::lock_guard lock(mutex_);
    sleeping_ = false;
    alarm = alarm_;
  }
  looked_ = Clock::now();
  int running = 0;
  for (int i = 0; i < count; ++i) {
    const auto& event = events[static_cast<std::size_t>(i)];
    if ((event.data.u64 & plain_tag) != 0) {
      on_plain_event(event.data.u64, event.events);
      continue;
    }
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
  if (alarm <= Clock::now()) check_plain();
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
  if (code == CURLE_OK && exchange.plain()) {
    curl_socket_t socket = CURL_SOCKET_BAD;
    curl_easy_getinfo(exchange.easy, CURLINFO_ACTIVESOCKET, &socket);
    // libcurl closes its descriptor, but the connection stays open through ours, and would be
    // watched in its name.
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, socket, nullptr);
    const int ours = ::fcntl(socket, F_DUPFD_CLOEXEC, 0);
    curl_multi_remove_handle(multi_, exchange.easy);
    return adopt_connection(detach(exchange), ours);
  }
  const bool again = exchange.finish_hop(exchange.easy, code);
  curl_multi_remove_handle(multi_, exchange.easy);
  ExchangePtr owned = detach(exchange);
  again ? start(std::move(owned)) : answer(std::move(owned));
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
  return owned;
}

void HttpClient::Loop::answer(ExchangePtr exchange) {
  in_flight_.fetch_sub(1, std::memory_order_relaxed);
  finished_.fetch_add(1, std::memory_order_relaxed);
  exchange->complete();
}

void HttpClient::Loop::answer(ExchangePtr exchange, Error error) {
  in_flight_.fetch_sub(1, std::memory_order_relaxed);
  finished_.fetch_add(1, std::memory_order_relaxed);
  exchange->fail(std::move(error));
}

void HttpClient::Loop::cancel_all() {
  const Error closed(Fault::cancelled, "the HTTP client was closed");
  while (!active_.empty()) {
    auto& exchange = *active_.back();
    curl_multi_remove_handle(multi_, exchange.easy);
    answer(detach(exchange), closed);
  }
  for (auto& [_, connection] : plain_) {
    auto ended = connection->abandon();
    if (ended.exchange) answer(std::move(ended.exchange), closed);
  }
  std::vector<ExchangePtr> rest;
  {
    std::lock_guard lock(mutex_);
    rest.swap(queue_);
  }
  for (auto& exchange : rest) answer(std::move(exchange), closed);
}

// Plain connections -------------------------------------------------------------------------------

HttpClient::Loop::Plain HttpClient::Loop::take_resting(const Lock&, const HttpExchange& exchange) {
  const auto place = resting_.find(exchange.plain_target());
  if (place == resting_.end() || place->second.empty()) return nullptr;
  Plain connection = std::move(place->second.back());
  place->second.pop_back();
  --resting_count_;
  connection->resting = false;
  return connection;
}

/// `socket` has just been connected for `exchange`.
void HttpClient::Loop::adopt_connection(ExchangePtr exchange, int socket) {
  const std::uint64_t tag = ++last_plain_;
  auto connection = std::make_shared<PlainConnection>(FileDescriptor(socket), epoll_.get(), tag,
                                                      exchange->plain_target());
  {
    std::lock_guard lock(mutex_);
    alarm_ = std::min(alarm_, exchange->deadline());
  }
  exchange = connection->begin(std::move(exchange), options_);
  if (exchange) {
    exchange->finish_plain_hop(transient("out of file descriptors"));
    return answer(std::move(exchange));
  }
  plain_.emplace(tag, std::move(connection));
}

void HttpClient::Loop::on_plain_event(std::uint64_t tag, std::uint32_t events) {
  const auto place = plain_.find(tag);
  if (place == plain_.end()) return;
  const Plain connection = place->second;
  go_on(connection, connection->on_event(events, buffer_));
}

void HttpClient::Loop::go_on(const Plain& connection, PlainConnection::Ended ended) {
  if (!connection->alive()) {
    forget(connection);
  } else if (ended.exchange) {
    std::lock_guard lock(mutex_);
    if (resting_count_ < options_.max_idle_connections) {
      ++resting_count_;
      connection->resting = true;
      connection->resting_since = Clock::now();
      alarm_ = std::min(alarm_, connection->resting_since + options_.idle_timeout);
      resting_[connection->target()].push_back(connection);
    } else {
      plain_.erase(connection->tag());
    }
  }
  if (!ended.exchange) return;
  if (ended.unseen) {
    ended.exchange->wants_new_connection = true;
    return start(std::move(ended.exchange));
  }
  const bool again = ended.exchange->finish_plain_hop(std::move(ended.outcome));
  again ? start(std::move(ended.exchange)) : answer(std::move(ended.exchange));
}

/// Nobody takes `connection` any more; who has taken it finds that it has ended.
void HttpClient::Loop::forget(const Plain& connection) {
  plain_.erase(connection->tag());
  std::lock_guard lock(mutex_);
  if (std::exchange(connection->resting, false)) --resting_count_;
  const auto place = resting_.find(connection->target());
  if (place == resting_.end()) return;
  std::erase(place->second, connection);
  if (place->second.empty()) resting_.erase(place);
}

/// Ends what is late and what has rested for too long.
void HttpClient::Loop::check_plain() {
  {
    std::lock_guard lock(mutex_);
    alarm_ = Clock::time_point::max();
  }
  std::vector<Plain> all;
  for (const auto& [_, connection] : plain_) all.push_back(connection);
  const auto now = Clock::now();
  auto next = Clock::time_point::max();
  for (const Plain& connection : all) {
    std::optional<Clock::time_point> end;
    {
      std::lock_guard lock(mutex_);
      if (connection->resting) end = connection->resting_since + options_.idle_timeout;
    }
    if (end && *end <= now) {
      connection->expire();
      end.reset();
    }
    if (!end) {
      go_on(connection, connection->on_time(now));
      end = connection->deadline();
    }
    // Without either, a thread is about to use it, or it has just ended.
    next = std::min(next, end.value_or(now + std::chrono::seconds(1)));
  }
  std::lock_guard lock(mutex_);
  alarm_ = std::min(alarm_, next);
}

// libcurl's wishes --------------------------------------------------------------------------------

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
