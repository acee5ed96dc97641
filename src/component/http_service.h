#pragma once

#include <string>
#include <string_view>

#include "net/http_server.h"

namespace tollgate {

/// The HTTP server that the whole process shares (`http` section): /ping, /ready, /metrics …, and
/// the endpoints that components register on it. With `http.enabled: false` registering succeeds
/// and nothing is served.
class HttpService {
 public:
  virtual ~HttpService() = default;
  /// Serves `path` (and `<root_path>` + path). Registering a path again replaces its handler.
  virtual void add(std::string path, std::string description, HttpServer::Handler handler) = 0;
  virtual void add_websocket(std::string path, std::string description,
                             HttpServer::WebSocketHandler handler) = 0;
  virtual void remove(std::string_view path) = 0;
};

}  // namespace tollgate
