#include "net/grpc_server.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <condition_variable>
#include <thread>

#include "base/thread_name.h"
#include "net/grpc_connection.h"
#include "net/listen.h"

namespace tollgate {

using namespace grpc_server_detail;

namespace {

// What an epoll event is about when it is not about a connection.
constexpr std::uint64_t mailbox_event = ~std::uint64_t{0};
constexpr std::uint64_t listener_event = ~std::uint64_t{0} - 1;

/// How long a thread with calls under way looks at nothing after it looked: what arrives meanwhile, pieces
/// of messages and answers, is then taken together instead of at the price of a thread switch each.
constexpr auto kRest = std::chrono::microseconds(500);

/// One io thread and its connections.
///
/// A connection's id is its slot in the table below a generation, so that an answer or an epoll
/// event for one that has gone never reaches its successor.
class Loop {
 public:
  explicit Loop(ServerContext& server)
      : server_(server),
        timers_(Clock::now()),
        context_{server, std::make_shared<Mailbox>(), timers_, Clock::now(), {}, {}},
        buffer_(256 << 10),
        resume_accepting_(*this) {}

  ~Loop() { join(); }

  Result<> start(int listener, std::vector<Loop*> peers);
  void request_drain() {
    drain_requested_.store(true);
    context_.mailbox->wake();
  }
  void request_stop() {
    stop_requested_.store(true);
    context_.mailbox->wake();
  }
  void join() {
    if (thread_.joinable()) thread_.join();
  }
  /// Takes over an accepted connection, from any io thread.
  void adopt(FileDescriptor fd, std::string peer);
  std::size_t open_connections() const { return open_.load(); }
  void on_timer() { watch_listener(true); }

 private:
  struct Slot {
    std::unique_ptr<Connection> connection;
    std::uint32_t generation = 0;
  };
  struct Newcomer {
    FileDescriptor fd;
    std::string peer;
  };

  void run();
  void take_answers();
  void take_newcomers();
  void pump_dirty();
  void handle(const epoll_event& event);
  void accept_some();
  void add(Newcomer newcomer);
  void update(std::uint64_t id, Connection& connection);
  void remove(std::uint64_t id);
  void watch_listener(bool on);
  void drain_all();
  Connection* find(std::uint64_t id);

  ServerContext& server_;
  TimerWheel timers_;
  LoopContext context_;
  std::vector<char> buffer_;
  FileDescriptor epoll_{::epoll_create1(EPOLL_CLOEXEC)};
  int listener_ = -1;
  std::vector<Loop*> peers_;
  std::size_t next_peer_ = 0;
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_;
  std::vector<Answer> answers_;
  bool draining_ = false;
  OwnedTimer<Loop> resume_accepting_;

  std::atomic<std::size_t> open_{0};
  std::atomic<bool> drain_requested_{false};
  std::atomic<bool> stop_requested_{false};
  std::mutex mutex_;
  std::vector<Newcomer> newcomers_;  // guarded by mutex_
  std::thread thread_;
};

Result<> Loop::start(int listener, std::vector<Loop*> peers) {
  listener_ = listener;
  peers_ = std::move(peers);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = mailbox_event;
  if (!epoll_ || ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, context_.mailbox->fd(), &event) != 0) {
    return transient("cannot start a network thread: out of file descriptors");
  }
  event.data.u64 = listener_event;
  if (listener_ >= 0) ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, listener_, &event);
  thread_ = std::thread([this] { run(); });
  return {};
}

void Loop::run() {
  name_thread("grpc server");
  block_sigpipe();
  std::array<epoll_event, 256> events;
  while (!stop_requested_.load(std::memory_order_relaxed)) {
    if (server_.under_way.load(std::memory_order_relaxed) > 0) {
      std::this_thread::sleep_until(context_.now + kRest);
    }
    take_newcomers();
    if (drain_requested_.load(std::memory_order_relaxed)) drain_all();
    take_answers();
    pump_dirty();
    int wait = context_.mailbox->fall_asleep() ? timers_.wait_ms(Clock::now()) : 0;
    int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), wait);
    if (wait != 0) context_.mailbox->awake();
    context_.now = Clock::now();
    for (int i = 0; i < count; ++i) handle(events[static_cast<std::size_t>(i)]);
    timers_.advance(context_.now);
  }
  context_.mailbox->close();
  for (auto& slot : slots_) slot.connection.reset();
  open_.store(0);
}

Connection* Loop::find(std::uint64_t id) {
  auto index = static_cast<std::uint32_t>(id);
  if (index >= slots_.size() || slots_[index].generation != id >> 32) return nullptr;
  return slots_[index].connection.get();
}

void Loop::handle(const epoll_event& event) {
  if (event.data.u64 == mailbox_event) return context_.mailbox->clear_wakeup();
  if (event.data.u64 == listener_event) return accept_some();
  auto* connection = find(event.data.u64);
  if (connection == nullptr) return;
  if ((event.events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0 || connection->wants_write()) {
    connection->on_readable(buffer_.data(), buffer_.size());
  }
  if (!connection->dirty) {
    connection->dirty = true;
    context_.dirty.push_back(connection);
  }
}

void Loop::accept_some() {
  for (int i = 0; i < 64 && !draining_; ++i) {
    sockaddr_storage peer{};
    FileDescriptor fd(accept_tcp(listener_, peer));
    if (!fd) {
      // Out of descriptors: the listener stays readable, so it is left alone for a moment.
      if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        watch_listener(false);
        timers_.schedule(resume_accepting_, context_.now + std::chrono::milliseconds(100));
        server_.misuse.report("out of file descriptors: new gRPC connections have to wait");
      }
      return;
    }
    if (server_.connections.load(std::memory_order_relaxed) >= server_.options.max_connections) {
      server_.misuse.report("gRPC connection of " + peer_name(peer) + " refused: the limit of " +
                            std::to_string(server_.options.max_connections) + " is reached");
      continue;
    }
    auto& target = *peers_[next_peer_++ % peers_.size()];
    if (&target == this) {
      add({std::move(fd), peer_name(peer)});
    } else {
      target.adopt(std::move(fd), peer_name(peer));
    }
  }
}

void Loop::watch_listener(bool on) {
  if (listener_ < 0 || draining_) return;
  epoll_event event{};
  event.events = on ? EPOLLIN : 0u;
  event.data.u64 = listener_event;
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, listener_, &event);
}

void Loop::adopt(FileDescriptor fd, std::string peer) {
  {
    std::lock_guard lock(mutex_);
    newcomers_.push_back({std::move(fd), std::move(peer)});
  }
  context_.mailbox->wake();
}

void Loop::take_newcomers() {
  if (peers_.size() == 1) return;
  std::vector<Newcomer> batch;
  {
    std::lock_guard lock(mutex_);
    batch.swap(newcomers_);
  }
  for (auto& newcomer : batch) add(std::move(newcomer));
}

void Loop::add(Newcomer newcomer) {
  if (draining_) return;
  std::uint32_t index = 0;
  if (free_.empty()) {
    index = static_cast<std::uint32_t>(slots_.size());
    slots_.emplace_back();
  } else {
    index = free_.back();
    free_.pop_back();
  }
  auto& slot = slots_[index];
  auto id = std::uint64_t{++slot.generation} << 32 | index;
  slot.connection = std::make_unique<Connection>(context_, id, std::move(newcomer.fd),
                                                 std::move(newcomer.peer));
  open_.fetch_add(1, std::memory_order_relaxed);
  epoll_event event{};
  event.events = slot.connection->armed_events = EPOLLIN;
  event.data.u64 = id;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, slot.connection->fd(), &event) != 0) remove(id);
}

void Loop::remove(std::uint64_t id) {
  auto index = static_cast<std::uint32_t>(id);
  slots_[index].connection.reset();
  free_.push_back(index);
  open_.fetch_sub(1, std::memory_order_relaxed);
}

void Loop::take_answers() {
  context_.mailbox->take(answers_);
  for (auto& answer : answers_) {
    if (auto* connection = find(answer.connection)) connection->answer(answer);
  }
  answers_.clear();
}

void Loop::pump_dirty() {
  // A pump may mark others, but never itself, so the list is walked by index.
  for (std::size_t i = 0; i < context_.dirty.size(); ++i) {
    auto& connection = *context_.dirty[i];
    connection.dirty = false;
    connection.pump();
    update(connection.id(), connection);
  }
  context_.dirty.clear();
}

void Loop::update(std::uint64_t id, Connection& connection) {
  if (connection.done()) return remove(id);
  std::uint32_t wanted = (connection.wants_read() ? EPOLLIN : 0u) | (connection.wants_write() ? EPOLLOUT : 0u);
  if (wanted == connection.armed_events) return;
  epoll_event event{};
  event.events = connection.armed_events = wanted;
  event.data.u64 = id;
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, connection.fd(), &event);
}

void Loop::drain_all() {
  if (std::exchange(draining_, true)) return;
  if (listener_ >= 0) ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, listener_, nullptr);
  for (auto& slot : slots_) {
    if (!slot.connection) continue;
    slot.connection->drain();
    if (!slot.connection->dirty) {
      slot.connection->dirty = true;
      context_.dirty.push_back(slot.connection.get());
    }
  }
}

}  // namespace

class GrpcServer::Impl {
 public:
  explicit Impl(GrpcServerOptions options) : context_(std::move(options)) {}
  ~Impl() { shutdown(Clock::now()); }

  ServerContext& context() { return context_; }
  int port() const { return port_; }

  Result<> start() {
    const auto& options = context_.options;
    if (options.tls.enabled()) {
      context_.tls = TRY(TlsListener::make(options.tls, {"h2"}, options.on_misuse, options.on_reload));
    }
    listener_ = TRY(listen_tcp(options.address, options.address_field));
    port_ = bound_port(listener_.get());
    std::vector<Loop*> peers;
    for (int i = 0; i < std::max(options.io_threads, 1); ++i) {
      loops_.push_back(std::make_unique<Loop>(context_));
      peers.push_back(loops_.back().get());
    }
    for (auto& loop : loops_) TRY(loop->start(loop == loops_.front() ? listener_.get() : -1, peers));
    return {};
  }

  void stop_accepting() {
    std::lock_guard lock(mutex_);
    drain();
  }

  void shutdown(Clock::time_point deadline) {
    std::lock_guard lock(mutex_);
    drain();
    // Connections end by themselves once their calls are answered; the check is cheap and short.
    while (Clock::now() < deadline && open_connections() > 0) {
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    for (auto& loop : loops_) loop->request_stop();
    for (auto& loop : loops_) loop->join();
    loops_.clear();
    listener_.reset();
  }

 private:
  void drain() {
    // Refuses at once what is not accepted yet; the descriptor is closed when nobody polls it.
    if (listener_) ::shutdown(listener_.get(), SHUT_RDWR);
    for (auto& loop : loops_) loop->request_drain();
  }

  std::size_t open_connections() const {
    std::size_t count = 0;
    for (const auto& loop : loops_) count += loop->open_connections();
    return count;
  }

  ServerContext context_;
  FileDescriptor listener_;
  int port_ = 0;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Loop>> loops_;
};

GrpcServer::GrpcServer(GrpcServerOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}

GrpcServer::~GrpcServer() = default;

void GrpcServer::add_method(std::string path, Handler handler) {
  impl_->context().methods.insert_or_assign(std::move(path), std::move(handler));
}

Result<> GrpcServer::start() { return impl_->start(); }

int GrpcServer::port() const { return impl_->port(); }

void GrpcServer::stop_accepting() { impl_->stop_accepting(); }

void GrpcServer::shutdown(std::chrono::steady_clock::time_point deadline) {
  impl_->shutdown(deadline);
}

GrpcServer::Stats GrpcServer::stats() const {
  const auto& context = impl_->context();
  return {context.connections.load(), context.under_way.load(), context.buffered.load(),
          context.calls.load(), context.refused.load()};
}

}  // namespace tollgate
