// http_sink: an HTTP/1.1 server that answers every POST with 202 (or what it is told) as cheaply as
// it can, and counts requests, bytes and events. Prints its count on SIGTERM.
//
//   http_sink PORT [--status N] [--delay-ms N] [--fail-every N]
//
// --fail-every answers each N-th request with 500 and counts nothing of it.
//
// An event is counted for each `"specversion"` in a body: every CloudEvent has it once.

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

namespace {

volatile sig_atomic_t stopping = 0;

struct Connection {
  std::string in;
  std::size_t body_at = 0, body_size = 0;  // once the head was read
};

struct Counts {
  std::size_t requests = 0, bytes = 0, events = 0;
};

std::size_t count_events(std::string_view body) {
  constexpr std::string_view mark = "\"specversion\"";
  std::size_t events = 0;
  const char* const end = body.data() + body.size();
  const auto find = [end, mark](const char* from) {
    const auto left = static_cast<std::size_t>(end - from);
    return static_cast<const char*>(memmem(from, left, mark.data(), mark.size()));
  };
  for (const char* at = find(body.data()); at; at = find(at + mark.size())) ++events;
  return events;
}

constexpr std::string_view kFailure =
    "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n";

/// Takes whole requests off the front of the buffer; false if it is no HTTP.
bool take_requests(Connection& connection, int fd, std::string_view answer, std::size_t fail_every,
                   Counts& counts) {
  while (true) {
    if (connection.body_at == 0) {
      const auto end = connection.in.find("\r\n\r\n");
      if (end == std::string::npos) return connection.in.size() < 65536;
      connection.body_at = end + 4;
      connection.body_size = 0;
      const std::string_view head(connection.in.data(), end);
      for (const char* name : {"\r\nContent-Length: ", "\r\ncontent-length: "}) {
        const auto at = head.find(name);
        if (at != head.npos) {
          connection.body_size = std::strtoul(head.data() + at + std::strlen(name), nullptr, 10);
        }
      }
    }
    const auto whole = connection.body_at + connection.body_size;
    if (connection.in.size() < whole) return true;
    const std::string_view body(connection.in.data() + connection.body_at, connection.body_size);
    ++counts.requests;
    const bool fails = fail_every > 0 && counts.requests % fail_every == 0;
    if (!fails) {
      counts.bytes += body.size();
      counts.events += count_events(body);
    }
    connection.in.erase(0, whole);
    connection.body_at = 0;
    const std::string_view said = fails ? kFailure : answer;
    if (write(fd, said.data(), said.size()) < 0) return false;
  }
}

int listen_on(int port) {
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  const int on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<unsigned short>(port));
  if (bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) || listen(listener, 512)) {
    std::perror("http_sink");
    std::exit(1);
  }
  return listener;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return std::fprintf(stderr, "usage: http_sink PORT [--status N] [--delay-ms N] …\n"), 2;
  int status = 202, delay_ms = 0;
  std::size_t fail_every = 0;
  for (int i = 2; i + 1 < argc; i += 2) {
    if (!std::strcmp(argv[i], "--status")) status = std::atoi(argv[i + 1]);
    if (!std::strcmp(argv[i], "--delay-ms")) delay_ms = std::atoi(argv[i + 1]);
    if (!std::strcmp(argv[i], "--fail-every")) fail_every = std::strtoul(argv[i + 1], nullptr, 10);
  }
  const std::string answer =
      "HTTP/1.1 " + std::to_string(status) + " Status\r\nContent-Length: 0\r\n\r\n";
  struct sigaction stop {};
  stop.sa_handler = [](int) { stopping = 1; };
  sigaction(SIGTERM, &stop, nullptr);
  sigaction(SIGINT, &stop, nullptr);
  signal(SIGPIPE, SIG_IGN);

  const int listener = listen_on(std::atoi(argv[1]));
  const int poll = epoll_create1(0);
  epoll_event event{EPOLLIN, {.fd = listener}};
  epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event);
  std::unordered_map<int, Connection> connections;
  Counts counts;
  std::string chunk(1 << 18, '\0');
  while (!stopping) {
    epoll_event ready[64];
    const int count = epoll_wait(poll, ready, 64, -1);
    for (int i = 0; i < count; ++i) {
      const int fd = ready[i].data.fd;
      if (fd == listener) {
        const int accepted = accept(listener, nullptr, nullptr);
        const int on = 1;
        setsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        epoll_event added{EPOLLIN, {.fd = accepted}};
        epoll_ctl(poll, EPOLL_CTL_ADD, accepted, &added);
        connections[accepted];
        continue;
      }
      const auto got = read(fd, chunk.data(), chunk.size());
      bool sound = got > 0;
      if (sound) {
        auto& connection = connections[fd];
        connection.in.append(chunk.data(), static_cast<std::size_t>(got));
        if (delay_ms) usleep(static_cast<useconds_t>(delay_ms) * 1000);
        sound = take_requests(connection, fd, answer, fail_every, counts);
      }
      if (!sound) {
        close(fd);
        connections.erase(fd);
      }
    }
  }
  std::printf("{\"requests\":%zu,\"bytes\":%zu,\"events\":%zu}\n", counts.requests, counts.bytes,
              counts.events);
  return 0;
}
