#pragma once

// What the tests of this room share: an HTTP destination with a script, and a bench to build on.

#include <gtest/gtest.h>

#include <functional>
#include <mutex>

#include "component/testing.h"
#include "components/manifest.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "pipeline/test_support.h"
#include "runtime/timer_queue.h"

namespace tollgate::outputs_test {

using pipeline_test::Written;

/// A real HTTP server whose answer to each request a function gives. Remembers the requests.
class Destination {
 public:
  using Script = std::function<void(int number, const ServerRequest&, Responder)>;

  explicit Destination(Script script) : server_([] {
    HttpServer::Options options;
    options.address = "127.0.0.1:0";
    return options;
  }()) {
    EXPECT_TRUE(server_.handle("/", [this, script](ServerRequest request, Responder responder) {
      int number;
      {
        std::lock_guard lock(lock_);
        number = static_cast<int>(requests_.size());
        requests_.push_back(request);
      }
      script(number, request, std::move(responder));
    }));
    EXPECT_TRUE(server_.start());
  }
  ~Destination() { server_.stop(); }

  std::string url(std::string_view path = "/events") const {
    return "http://127.0.0.1:" + std::to_string(server_.port()) + std::string(path);
  }
  std::vector<ServerRequest> requests() {
    std::lock_guard lock(lock_);
    return requests_;
  }
  std::vector<std::string> bodies() {
    std::vector<std::string> all;
    for (const auto& request : requests()) all.push_back(request.body);
    return all;
  }

 private:
  HttpServer server_;
  std::mutex lock_;
  std::vector<ServerRequest> requests_;  // guarded by lock_
};

/// Answers by status only.
inline Destination::Script statuses(std::vector<int> each, int then = 200) {
  return [each = std::move(each), then](int number, const ServerRequest&, Responder responder) {
    const auto index = static_cast<std::size_t>(number);
    const int status = index < each.size() ? each[index] : then;
    responder.respond(ServerResponse::text(status, status < 300 ? "" : "line one\nline two"));
  };
}

/// A build context with the services that outputs use. Members that outlive what is built here.
struct Bench {
  TimerQueue timers;
  HttpClient client;
  TestBuildContext context{all_components()};

  Bench() {
    context.use(timers);
    context.use(client);
  }
  ~Bench() { client.close(); }

  std::unique_ptr<Output> output(const std::string& yaml) {
    auto made = context.output(yaml);
    if (!made) {
      ADD_FAILURE() << made.error().message();
      std::abort();
    }
    EXPECT_TRUE((*made)->start());
    return std::move(*made);
  }
};

inline std::string reason(const WriteStatus& status) {
  return status.error ? std::string(status.error->message()) : "";
}

}  // namespace tollgate::outputs_test
