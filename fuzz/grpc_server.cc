// A connection of the gRPC server, fed by hand over a pair of sockets: no thread, no port. The first
// byte says how the rest is cut into reads and whether the preface is put in front.

#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "check.h"
#include "net/grpc_connection.h"

namespace {

using namespace tollgate;
using namespace tollgate::grpc_server_detail;

constexpr std::string_view preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

GrpcServerOptions options() {
  GrpcServerOptions made;
  made.max_message_bytes = 1 << 20;
  made.max_buffered_bytes = 4 << 20;
  made.control_frame_budget = 200;
  return made;
}

/// What the server's loop does, one step at a time.
class Bench {
 public:
  Bench() : server_(options()), timers_(Clock::now()),
            loop_{server_, std::make_shared<Mailbox>(), timers_, Clock::now(), {}, {}} {
    server_.methods.emplace("/a.B/C", [](GrpcCall call) {
      auto bytes = inflate_message(call.request, call.encoding, call.max_message_bytes);
      if (!bytes) return call.reply.fail(std::move(bytes).error());
      call.reply.ok(std::move(*bytes));
    });
    int ends[2];
    fuzz::require(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0,
                  "no sockets");
    client_ = FileDescriptor(ends[0]);
    connection_ = std::make_unique<Connection>(loop_, 1, FileDescriptor(ends[1]), "peer:1");
  }

  void send(std::string_view bytes) {
    ::send(client_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (!connection_->done()) connection_->on_readable(buffer_.data(), buffer_.size());
    settle();
  }

  void finish() {
    connection_->drain();
    settle();
    connection_.reset();
    fuzz::require(server_.buffered == 0, "bytes of requests stay charged");
    fuzz::require(server_.under_way == 0, "calls stay under way");
    fuzz::require(server_.connections == 0, "the connection stays counted");
  }

 private:
  void settle() {
    for (int round = 0; round < 4; ++round) {
      std::vector<Answer> answers;
      loop_.mailbox->take(answers);
      for (Answer& each : answers) connection_->answer(each);
      for (Connection* each : std::exchange(loop_.dirty, {})) {
        each->dirty = false;
        each->pump();
      }
      while (::recv(client_.get(), buffer_.data(), buffer_.size(), 0) > 0) {
      }
    }
    fuzz::require(server_.buffered <= (6u << 20), "more buffered than allowed");
  }

  ServerContext server_;
  TimerWheel timers_;
  LoopContext loop_;
  std::vector<char> buffer_ = std::vector<char>(64 << 10);
  FileDescriptor client_;
  std::unique_ptr<Connection> connection_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t piece = (data[0] >> 1) == 0 ? rest.size() + 1 : std::size_t{data[0]} >> 1;
  Bench bench;
  if ((data[0] & 1) != 0) bench.send(std::string(preface) + std::string("\0\0\0\4\0\0\0\0\0", 9));
  for (; !rest.empty(); rest.remove_prefix(std::min(piece, rest.size()))) {
    bench.send(rest.substr(0, piece));
  }
  bench.finish();
  return 0;
}
