// otlp_load: sends OTLP/gRPC log exports and waits for their answers, keeping a number in flight.
//
//   otlp_load HOST:PORT [--records N] [--connections N] [--in-flight N] [--exports N | --seconds S]
//             [--attributes N] [--bytes N] [--rate EXPORTS_PER_SECOND]
//
// Prints one JSON line: exports, records, answers by status, seconds, latencies in milliseconds.
// A minimal HTTP/2 client on nghttp2, so that it costs less than what it measures.

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <nghttp2/nghttp2.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "access_log.h"

namespace tollgate::bench {
namespace {

using Clock = std::chrono::steady_clock;

struct Options {
  std::string host;
  int port = 4317;
  LogShape shape;
  std::size_t connections = 1, in_flight = 8, exports = 0;
  double seconds = 0, rate = 0;
};

struct Totals {
  std::size_t started = 0, answered = 0;
  std::map<std::string, std::size_t> statuses;
  std::vector<float> latencies_ms;
};

/// What one call sends and learns.
struct Call {
  std::string body;
  std::size_t sent = 0;
  std::string status = "none";
  Clock::time_point begun;
};

class Connection {
 public:
  Connection(const Options& options, ExportMaker& exports, Totals& totals)
      : exports_(exports), totals_(totals) {
    fd_ = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    inet_pton(AF_INET, options.host.c_str(), &address.sin_addr);
    address.sin_port = htons(static_cast<unsigned short>(options.port));
    if (connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
      std::perror("otlp_load: connect");
      std::exit(1);
    }
    const int on = 1;
    setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
    nghttp2_session_client_new(&session_, callbacks, this);
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, nullptr, 0);
  }

  int fd() const { return fd_; }
  std::size_t in_flight() const { return calls_.size(); }
  bool wants_write() const { return !out_.empty() || nghttp2_session_want_write(session_); }

  void start(std::uint64_t first_nanosecond) {
    auto call = std::make_unique<Call>();
    constexpr std::size_t prefix = 5;
    call->body.assign(prefix, '\0');
    exports_.append(call->body, first_nanosecond);
    const std::size_t size = call->body.size() - prefix;
    for (std::size_t i = 1; i < prefix; ++i) {
      call->body[i] = static_cast<char>(size >> 8 * (prefix - 1 - i));
    }
    call->begun = Clock::now();
    const auto header = [](const char* name, const char* value) {
      return nghttp2_nv{reinterpret_cast<std::uint8_t*>(const_cast<char*>(name)),
                        reinterpret_cast<std::uint8_t*>(const_cast<char*>(value)),
                        std::strlen(name), std::strlen(value), NGHTTP2_NV_FLAG_NONE};
    };
    const nghttp2_nv headers[] = {
        header(":method", "POST"),
        header(":scheme", "http"),
        header(":path", "/opentelemetry.proto.collector.logs.v1.LogsService/Export"),
        header(":authority", "localhost"),
        header("te", "trailers"),
        header("content-type", "application/grpc"),
    };
    nghttp2_data_provider provider{};
    provider.source.ptr = call.get();
    provider.read_callback = read_body;
    const auto stream = nghttp2_submit_request(session_, nullptr, headers, std::size(headers),
                                               &provider, call.get());
    calls_[stream] = std::move(call);
    ++totals_.started;
  }

  void flush() {
    while (true) {
      while (out_.size() < most_at_once) {
        const std::uint8_t* data = nullptr;
        const auto size = nghttp2_session_mem_send(session_, &data);
        if (size <= 0) break;
        out_.append(reinterpret_cast<const char*>(data), static_cast<std::size_t>(size));
      }
      if (out_.empty()) return;
      const auto sent = send(fd_, out_.data(), out_.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
      if (sent < 0) return;
      out_.erase(0, static_cast<std::size_t>(sent));
      if (!out_.empty()) return;
    }
  }

  bool receive() {
    char chunk[65536];
    const auto got = recv(fd_, chunk, sizeof chunk, MSG_DONTWAIT);
    if (got == 0 || (got < 0 && errno != EAGAIN)) return false;
    if (got > 0) {
      nghttp2_session_mem_recv(session_, reinterpret_cast<const std::uint8_t*>(chunk),
                               static_cast<std::size_t>(got));
    }
    return true;
  }

 private:
  static constexpr std::size_t most_at_once = 128 << 10;

  static ssize_t read_body(nghttp2_session*, std::int32_t, std::uint8_t* to, std::size_t room,
                           std::uint32_t* flags, nghttp2_data_source* source, void*) {
    auto& call = *static_cast<Call*>(source->ptr);
    const auto size = std::min(room, call.body.size() - call.sent);
    std::memcpy(to, call.body.data() + call.sent, size);
    call.sent += size;
    if (call.sent == call.body.size()) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(size);
  }

  static int on_header(nghttp2_session* session, const nghttp2_frame* frame,
                       const std::uint8_t* name, std::size_t name_size, const std::uint8_t* value,
                       std::size_t value_size, std::uint8_t, void*) {
    if (std::string_view(reinterpret_cast<const char*>(name), name_size) == "grpc-status") {
      auto* call = static_cast<Call*>(
          nghttp2_session_get_stream_user_data(session, frame->hd.stream_id));
      if (call) call->status.assign(reinterpret_cast<const char*>(value), value_size);
    }
    return 0;
  }

  static int on_close(nghttp2_session*, std::int32_t stream, std::uint32_t, void* user) {
    auto& self = *static_cast<Connection*>(user);
    const auto it = self.calls_.find(stream);
    if (it == self.calls_.end()) return 0;
    ++self.totals_.answered;
    ++self.totals_.statuses[it->second->status];
    self.totals_.latencies_ms.push_back(
        std::chrono::duration<float, std::milli>(Clock::now() - it->second->begun).count());
    self.calls_.erase(it);
    return 0;
  }

  ExportMaker& exports_;
  Totals& totals_;
  int fd_ = -1;
  nghttp2_session* session_ = nullptr;
  std::string out_;
  std::map<std::int32_t, std::unique_ptr<Call>> calls_;
};

int run(const Options& options) {
  Totals totals;
  ExportMaker exports(options.shape);
  std::vector<std::unique_ptr<Connection>> connections;
  for (std::size_t i = 0; i < options.connections; ++i) {
    connections.push_back(std::make_unique<Connection>(options, exports, totals));
  }
  // Nanoseconds of now, so that two runs never send equal records.
  auto nanosecond = static_cast<std::uint64_t>(
      std::chrono::system_clock::now().time_since_epoch() / std::chrono::nanoseconds(1)) | 1;
  const auto begun = Clock::now();
  const auto elapsed = [&] { return std::chrono::duration<double>(Clock::now() - begun).count(); };
  const std::size_t share = std::max<std::size_t>(options.in_flight / options.connections, 1);
  while (true) {
    const bool more = options.exports ? totals.started < options.exports : elapsed() < options.seconds;
    if (!more && totals.answered == totals.started) break;
    std::vector<pollfd> polls;
    for (const auto& connection : connections) {
      while (connection->in_flight() < share &&
             (options.exports ? totals.started < options.exports : elapsed() < options.seconds) &&
             (options.rate == 0 || static_cast<double>(totals.started) < elapsed() * options.rate)) {
        connection->start(nanosecond);
        nanosecond += options.shape.records;
      }
      connection->flush();
      polls.push_back({connection->fd(),
                       static_cast<short>(connection->wants_write() ? POLLIN | POLLOUT : POLLIN), 0});
    }
    poll(polls.data(), polls.size(), options.rate > 0 ? 1 : 100);
    for (std::size_t i = 0; i < polls.size(); ++i) {
      if (polls[i].revents && !connections[i]->receive()) {
        std::fprintf(stderr, "otlp_load: the connection was closed\n");
        return 1;
      }
    }
  }
  auto& latencies = totals.latencies_ms;
  std::ranges::sort(latencies);
  const auto at = [&](double q) {
    return latencies.empty() ? 0.f
                             : latencies[static_cast<std::size_t>(q * static_cast<double>(latencies.size() - 1))];
  };
  std::printf("{\"exports\":%zu,\"records\":%zu,\"seconds\":%.3f,\"p50_ms\":%.2f,\"p99_ms\":%.2f,\"statuses\":{",
              totals.answered, totals.answered * options.shape.records, elapsed(),
              static_cast<double>(at(0.5)), static_cast<double>(at(0.99)));
  const char* comma = "";
  for (const auto& [status, count] : totals.statuses) {
    std::printf("%s\"%s\":%zu", comma, status.c_str(), count);
    comma = ",";
  }
  std::printf("}}\n");
  return 0;
}

}  // namespace
}  // namespace tollgate::bench

int main(int argc, char** argv) {
  tollgate::bench::Options options;
  if (argc < 2) return std::fprintf(stderr, "usage: otlp_load HOST:PORT [--records N] …\n"), 2;
  const std::string target = argv[1];
  options.host = target.substr(0, target.find(':'));
  options.port = std::atoi(target.c_str() + target.find(':') + 1);
  for (int i = 2; i + 1 < argc; i += 2) {
    const std::string flag = argv[i];
    const auto number = std::strtoul(argv[i + 1], nullptr, 10);
    if (flag == "--records") options.shape.records = number;
    if (flag == "--attributes") options.shape.extra_attributes = number;
    if (flag == "--bytes") options.shape.extra_bytes = number;
    if (flag == "--connections") options.connections = number;
    if (flag == "--in-flight") options.in_flight = number;
    if (flag == "--exports") options.exports = number;
    if (flag == "--seconds") options.seconds = std::atof(argv[i + 1]);
    if (flag == "--rate") options.rate = std::atof(argv[i + 1]);
  }
  if (options.exports == 0 && options.seconds == 0) options.seconds = 5;
  return tollgate::bench::run(options);
}
