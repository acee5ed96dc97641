#include "sandbox/sandbox.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <mutex>

#include "base/strings.h"
#include "sandbox/answers.h"
#include "sandbox/door.h"
#include "sandbox/event_store.h"
#include "sandbox/ingest.h"
#include "sandbox/read_api.h"

namespace tollgate {

namespace {

/// Parsing is most of the work of a request, and the writer has a thread of its own.
constexpr int io_threads = 2;
constexpr std::chrono::seconds stop_grace{5};

Result<std::string> temporary_database() {
  std::error_code error;
  const auto folder = std::filesystem::temp_directory_path(error);
  std::string name = (error ? "/tmp" : folder.string()) + "/tollgate-sandbox-XXXXXX";
  if (::mkdtemp(name.data()) == nullptr) {
    return transient(fmt::format("cannot make a temporary folder {}: {}; name a file with --db",
                                 name, std::strerror(errno)));
  }
  return name + "/sandbox.db";
}

/// Takes as long whatever the difference is.
bool same_secret(std::string_view a, std::string_view b) {
  unsigned difference = a.size() == b.size() ? 0 : 1;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const char other = b.empty() ? '\0' : b[i % b.size()];
    difference |= static_cast<unsigned char>(a[i] ^ other);
  }
  return difference == 0;
}

}  // namespace

class Sandbox::Impl {
 public:
  Impl(const Options& options, std::unique_ptr<EventStore> store, std::unique_ptr<ReadApi> reads)
      : database_(options.database), token_(options.token), store_(std::move(store)),
        reads_(std::move(reads)),
        ingest_({options.allow_extensions, options.faults, options.logger}, *store_, *timers_),
        door_(options.listen, "--listen", io_threads) {
    add_ingest();
    add_reads();
    add_own();
  }
  ~Impl() { stop(); }

  Result<> start() { return door_.start(); }

  void stop() {
    std::lock_guard lock(lock_);
    ingest_.stop();
    door_.stop(stop_grace);
    store_->stop();
    timers_ = nullptr;  // delayed answers, which nobody waits for any more
  }

  int port() const { return door_.port(); }
  const std::string& database() const { return database_; }

 private:
  using Connection = Door::Connection;
  using ReadMember = void (ReadApi::*)(ServerRequest, Responder);

  /// Whether the request may go on; answers it if not.
  bool admit(const ServerRequest& request, Responder& responder,
             std::initializer_list<std::string_view> methods) {
    if (std::ranges::find(methods, request.method) == methods.end()) {
      responder.respond(problem(405, fmt::format("{} is for {}", request.path,
                                                 fmt::join(methods, " and "))));
      return false;
    }
    if (token_.empty()) return true;
    const std::string* header = request.header("Authorization");
    const std::string_view given = header == nullptr ? std::string_view() : *header;
    constexpr std::string_view scheme = "Bearer ";
    if (given.size() >= scheme.size() &&
        equal_ignoring_case(given.substr(0, scheme.size()), scheme) &&
        same_secret(given.substr(scheme.size()), token_)) {
      return true;
    }
    auto answer = problem(401, header == nullptr
                                   ? "the header Authorization: Bearer TOKEN is missing"
                                   : "the header Authorization does not bear the sandbox's token");
    answer.headers.emplace_back("WWW-Authenticate", "Bearer");
    responder.respond(std::move(answer));
    return false;
  }

  void read(std::string_view path, ReadMember member) {
    door_.handle(path, [this, member](ServerRequest request, Responder responder, Connection) {
      if (!admit(request, responder, {"GET"})) return;
      (reads_.get()->*member)(std::move(request), std::move(responder));
    });
  }

  void add_ingest() {
    const auto add = [this](std::string_view path, Ingest::Api api, ReadMember list) {
      door_.handle(path, [this, api, list](ServerRequest request, Responder responder,
                                           Connection connection) {
        if (!admit(request, responder, {"GET", "POST"})) return;
        if (request.method == "POST") {
          return ingest_.take(api, request, std::move(responder), connection);
        }
        (reads_.get()->*list)(std::move(request), std::move(responder));
      });
    };
    add("/api/v1/events", Ingest::Api::v1, &ReadApi::list_events_v1);
    add("/v3/openmeter/events", Ingest::Api::v3, &ReadApi::list_events_v3);
  }

  void add_reads() {
    read("/events", &ReadApi::list_events_v1);
    read("/api/v1/meters", &ReadApi::list_meters);
    read("/api/v1/meters/{slug}", &ReadApi::get_meter);
    read("/api/v1/meters/{slug}/query", &ReadApi::query_meter);
    read("/api/v1/meters/{slug}/subjects", &ReadApi::list_subjects);
    read("/api/v1/sandbox/conflicts", &ReadApi::list_conflicts);
  }

  void add_own() {
    door_.handle("/healthz", [](ServerRequest, Responder responder, Connection) {
      responder.respond(ServerResponse::text(200, "OK\n"));
    });
    door_.handle("/api/v1/sandbox/stats", [this](ServerRequest request, Responder responder,
                                                 Connection) {
      if (!admit(request, responder, {"GET"})) return;
      responder.respond(ServerResponse::json(200, stats()));
    });
    door_.handle("/api/v1/sandbox/faults", [this](ServerRequest request, Responder responder,
                                                  Connection) {
      if (!admit(request, responder, {"GET", "POST", "DELETE"})) return;
      responder.respond(change_faults(request));
    });
    door_.handle("/", [](ServerRequest request, Responder responder, Connection) {
      if (request.path != "/") return responder.respond(problem(404, "nothing at this address"));
      ServerResponse page{200, {{"Content-Type", "text/html; charset=utf-8"}},
                          std::string(sandbox_page()), true};
      page.headers.emplace_back("Content-Security-Policy",
                                "default-src 'none'; style-src 'unsafe-inline'; "
                                "script-src 'unsafe-inline'; connect-src 'self'");
      responder.respond(std::move(page));
    });
  }

  std::string stats() {
    const StoreCounts totals = store_->totals();
    JsonText out;
    out.open('{').key("received").number(totals.received);
    out.key("stored").number(totals.stored);
    out.key("duplicates").number(totals.duplicates);
    out.key("conflicts").number(totals.conflicts);
    out.key("rejected").number(ingest_.rejected());
    out.key("requests").number(ingest_.requests());
    out.key("failed").number(ingest_.faults().failures());
    out.key("reset").number(ingest_.faults().resets());
    out.key("faults").raw(ingest_.faults().settings().json());
    out.close('}');
    return std::move(out).text();
  }

  ServerResponse change_faults(const ServerRequest& request) {
    Faults& faults = ingest_.faults();
    if (request.method == "DELETE") faults.set({});
    if (request.method == "POST") {
      const auto changed = faults.settings().changed_by(request.body);
      if (!changed) return problem(400, changed.error().message());
      faults.set(*changed);
    }
    return ServerResponse::json(200, faults.settings().json());
  }

  const std::string database_;
  const std::string token_;
  std::unique_ptr<EventStore> store_;
  std::unique_ptr<ReadApi> reads_;
  std::unique_ptr<TimerQueue> timers_ = std::make_unique<TimerQueue>();
  Ingest ingest_;
  Door door_;
  std::mutex lock_;
};

Result<std::unique_ptr<Sandbox>> Sandbox::start(Options options) {
  auto meters = options.meters.empty() ? default_meters() : TRY(load_meters(options.meters));
  const bool temporary = options.database.empty();
  if (temporary) options.database = TRY(temporary_database());
  auto store = TRY(EventStore::open(options.database));
  auto reads = TRY(ReadApi::open(options.database, std::move(meters)));
  auto impl = std::make_unique<Impl>(options, std::move(store), std::move(reads));
  if (auto started = impl->start(); !started) {
    impl = nullptr;
    std::error_code ignored;
    if (temporary) {
      std::filesystem::remove_all(std::filesystem::path(options.database).parent_path(), ignored);
    }
    return std::unexpected(std::move(started).error());
  }
  return std::unique_ptr<Sandbox>(new Sandbox(std::move(impl)));
}

Sandbox::Sandbox(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Sandbox::~Sandbox() = default;

void Sandbox::stop() { impl_->stop(); }

int Sandbox::port() const { return impl_->port(); }

const std::string& Sandbox::database() const { return impl_->database(); }

}  // namespace tollgate
