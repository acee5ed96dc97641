#pragma once

#include <memory>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/http_server.h"

namespace re2 {
class RE2;
}

namespace tollgate {

/// What a path leads to: one of the two handlers is set.
struct HttpRoute {
  HttpServer::Handler handler;
  HttpServer::WebSocketHandler websocket;
  std::size_t max_message_bytes = 0;
};

/// Paths and their handlers, in gorilla/mux's notation. Any thread.
class HttpRoutes {
 public:
  using Captures = std::vector<std::pair<std::string, std::string>>;

  HttpRoutes();
  ~HttpRoutes();

  /// Replaces the route of the same path, keeping its place.
  Result<> set(std::string_view path, HttpRoute route);
  void remove(std::string_view path);
  std::vector<std::string> paths() const;

  /// The route of a decoded path, or null. A route that is replaced lives as long as it is held.
  std::shared_ptr<const HttpRoute> find(std::string_view path, Captures& captures) const;

 private:
  struct Entry;

  mutable std::shared_mutex mutex_;
  std::vector<Entry> entries_;  // guarded by mutex_
};

}  // namespace tollgate
