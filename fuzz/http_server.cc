// Connections of the HTTP server, over a pair of sockets and on its own io thread: whatever is sent,
// the connection ends once the client has nothing more to say.

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "check.h"
#include "net/http_session.h"

namespace {

using namespace tollgate;
using namespace tollgate::http_server_detail;

HttpServer::Options options() {
  HttpServer::Options made;
  made.max_body_bytes = 1 << 16;
  made.max_header_bytes = 4 << 10;
  made.cors_origins = {"http://a"};
  made.authorize = [](const ServerRequest& request) -> std::optional<ServerResponse> {
    basic_credentials(request);
    return std::nullopt;
  };
  return made;
}

struct Server {
  Server() : core(std::make_shared<Core>(options())), loop(core, nullptr) {
    const auto route = [&](std::string_view path, HttpServer::Handler handler) {
      fuzz::require(core->routes.set(path, {std::move(handler), nullptr, 0}).has_value(), "no route");
    };
    route("/{name}", [](ServerRequest request, Responder responder) {
      ServerResponse response = ServerResponse::text(200, std::move(request.body));
      response.gzip = true;
      for (auto& [name, value] : request.query) response.headers.emplace_back(name, value);
      responder.respond(std::move(response));
    });
    route("/stream", [](ServerRequest request, Responder responder) {
      ResponseStream stream = responder.stream(200, {});
      stream.write(request.body);
      stream.write("more");
    });
    fuzz::require(core->routes
                      .set("/socket", {nullptr,
                                       [](ServerRequest, std::shared_ptr<WebSocket> socket) {
                                         WebSocket& receiver = *socket;
                                         receiver.receive([socket](Result<WebSocketMessage> got) {
                                           if (got) socket->send(std::move(*got));
                                         });
                                       },
                                       1 << 16})
                      .has_value(),
                  "no route");
    loop.start();
  }

  std::shared_ptr<Core> core;
  IoLoop loop;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Server server;
  int ends[2];
  fuzz::require(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0, "no sockets");
  FileDescriptor client(ends[0]), other(ends[1]);
  fuzz::require(::fcntl(other.get(), F_SETFL, O_NONBLOCK) == 0, "no non-blocking socket");
  server.core->connections.fetch_add(1);
  server.loop.adopt(std::move(other), "peer", false);
  // As much as fits is enough, and a server that has hung up takes nothing.
  ::send(client.get(), data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
  ::shutdown(client.get(), SHUT_WR);
  char buffer[16 << 10];
  pollfd watched{client.get(), POLLIN, 0};
  // In short steps, so that a process that was stopped or starved meanwhile is not taken for stuck.
  for (int patience = 120;;) {
    if (::poll(&watched, 1, 1'000) == 0) {
      fuzz::require(--patience > 0, "the connection does not end");
      continue;
    }
    if (::recv(client.get(), buffer, sizeof buffer, 0) <= 0) break;
  }
  fuzz::require(server.core->buffered < (std::size_t{1} << 20), "bodies stay charged");
  return 0;
}
