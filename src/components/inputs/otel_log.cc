// otel_log: receives logs over OTLP/gRPC and answers each export when its records are settled.
//
// The io thread only checks the token and queues the bytes; a worker inflates and decodes them. An
// export is answered OK only when every record was taken responsibility for. Trouble that passes is
// UNAVAILABLE (or RESOURCE_EXHAUSTED with a wait when there is no room), never INTERNAL, which would
// tell the sender to drop. What a sender was not told OK about is remembered in the ExportTable.

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <list>
#include <mutex>

#include "component/build_context.h"
#include "component/input.h"
#include "components/inputs/export_table.h"
#include "net/grpc_server.h"
#include "net/secret.h"
#include "otlp/logs.h"
#include "runtime/timer_queue.h"

namespace tollgate {
namespace {

// Configuration -----------------------------------------------------------------------------------

struct TlsConfig {
  bool enabled = false;
  std::string cert_file, key_file, client_ca_file;
};

const Schema<TlsConfig>& tls_schema() {
  static const Schema<TlsConfig> fields{
      field("enabled", &TlsConfig::enabled, "Serve TLS instead of plain text."),
      field("cert_file", &TlsConfig::cert_file, "PEM file of the server's certificate chain."),
      field("key_file", &TlsConfig::key_file, "PEM file of the certificate's private key."),
      field("client_ca_file", &TlsConfig::client_ca_file,
            "PEM file of the authorities that client certificates must be signed by; set it to "
            "require one of every sender (mTLS).")
          .foreign(),
  };
  return fields;
}

struct Config {
  std::string address;
  Duration timeout = "5s";
  TlsConfig tls;
  std::string auth_token;
  std::int64_t max_message_bytes = std::int64_t{64} << 20;
  bool stable_ids = true;
  std::string identity_key;
};

const Schema<Config>& schema() {
  static const Schema<Config> fields{
      required("address", &Config::address,
               "Where to listen for OTLP/gRPC, `host:port`; log forwarders use port 4317."),
      field("timeout", &Config::timeout,
            "How long an export may wait for its delivery before its sender is told to send it "
            "again. The delivery itself goes on, and the resend joins it.")
          .advanced(),
      section("tls", &Config::tls, tls_schema(), "TLS of the listener.").advanced(),
      field("auth_token", &Config::auth_token,
            "When set, every export must carry `Authorization: Bearer` and this token.")
          .secret()
          .advanced(),
      field("max_message_bytes", &Config::max_message_bytes,
            "The largest export accepted, counted after decompression.")
          .advanced(),
      field("stable_ids", &Config::stable_ids,
            "Derive each message's identity from its record, so that `uuid_v4()` and `nanoid()` "
            "give a resent or replayed record the same id and the destination counts it once.")
          .advanced(),
      field("identity_key", &Config::identity_key,
            "Makes derived ids unpredictable to those who know the records. Changing it is a "
            "cut-over: what is resent across the change gets new ids.")
          .secret()
          .advanced(),
  };
  return fields;
}

void check(const Config& config, const Node& body, ReadContext& context) {
  if (config.tls.enabled && (config.tls.cert_file.empty() || config.tls.key_file.empty())) {
    context.error(body["tls"].position(), "tls needs both cert_file and key_file");
  }
}

// Implementation ----------------------------------------------------------------------------------

constexpr std::string_view kExportPath =
    "/opentelemetry.proto.collector.logs.v1.LogsService/Export";
/// Held per byte of a request while it is under way: its bytes, the decoded tables, the events.
constexpr std::size_t kMemoryFactor = 4;
/// No deflate stream inflates by more.
constexpr std::size_t kLargestInflation = 1032;
constexpr auto kRetryDelay = std::chrono::seconds(1);
constexpr auto kSweepInterval = std::chrono::milliseconds(100);

/// The most that an export may inflate to, which is what its memory is charged by. gzip tells: its
/// last four bytes are the size of what it holds. A stream that lies is refused when it is inflated.
std::size_t inflated_size(const GrpcCall& call) {
  const std::size_t packed = call.request.size();
  switch (call.encoding) {
    case GrpcEncoding::identity: return call.max_message_bytes;
    case GrpcEncoding::deflate: return std::min(call.max_message_bytes, packed * kLargestInflation);
    case GrpcEncoding::gzip: break;
  }
  if (packed < 4) return 0;
  std::uint32_t size = 0;
  std::memcpy(&size, call.request.data() + packed - 4, sizeof size);  // little-endian
  return std::min<std::size_t>(call.max_message_bytes, size);
}

/// One export that waits for its answer.
struct Export {
  explicit Export(GrpcReply r) : reply(std::move(r)) {}

  GrpcReply reply;
  std::atomic<bool> answered{false};
  std::chrono::steady_clock::time_point expires;
  std::list<std::shared_ptr<Export>>::iterator place;

  // Of the worker that opens it, then of whoever settles it.
  bool malformed = false;
  bool joined = false;
  bool tracked = false;
  ExportTable::Key key;
  ExportTable::Outcomes known;           // of all records, where a part was settled before
  std::vector<std::uint32_t> owed;       // which records were sent this time, if not all
};

class OtelLog final : public Input {
 public:
  OtelLog(Config config, BuildContext& context)
      : config_(std::move(config)),
        identity_{config_.stable_ids, context.identity_salt(), config_.identity_key},
        timers_(context.timers()),
        logger_(context.logger()),
        without_identity_(context.counter("input_records_without_stable_id")),
        resent_(context.counter("input_resent_records")),
        shared_(std::make_shared<Shared>()) {
    if (const auto directory = context.state_dir(); !directory.empty()) {
      exports_file_ = fmt::format("{}/exports.{}", directory, context.path());
    }
  }

  // Everything was answered by now; the grace is for the answers to leave.
  ~OtelLog() override {
    stop();
    if (server_) server_->shutdown(std::chrono::steady_clock::now() + std::chrono::seconds(2));
  }

  Result<> start(Intake& intake) override {
    intake_ = &intake;
    if (!exports_file_.empty()) TRY(shared_->table.keep_in(exports_file_));
    GrpcServerOptions options;
    options.address = config_.address;
    options.max_message_bytes = static_cast<std::size_t>(config_.max_message_bytes);
    options.address_field = "otel_log.address";
    if (config_.tls.enabled) {
      options.tls.cert_file = config_.tls.cert_file;
      options.tls.key_file = config_.tls.key_file;
      options.tls.client_ca_file = config_.tls.client_ca_file;
    }
    options.on_misuse = [logger = logger_](std::string explanation) {
      logger.warn("{}", explanation);
    };
    options.on_reload = [logger = logger_](std::string notice) { logger.info("{}", notice); };
    server_ = std::make_unique<GrpcServer>(std::move(options));
    server_->add_method(std::string(kExportPath), [this](GrpcCall call) { receive(std::move(call)); });
    server_->add_method("/grpc.health.v1.Health/Check",
                        [this](GrpcCall call) { tell_health(std::move(call)); });
    TRY(server_->start());
    logger_.info("Receiving OTLP logs over gRPC on {} (port {})", config_.address, server_->port());
    sweep_timer_ = timers_.after(kSweepInterval, [this] { sweep(); });
    return {};
  }

  void stop() override {
    if (!server_ || stopping_.exchange(true)) return;
    server_->stop_accepting();
    // A sweep that runs right now may set the next one: that one goes too.
    for (TimerQueue::Id id = 0; id != sweep_timer_;) timers_.cancel(id = sweep_timer_);
    // Exports under way are answered by their deliveries.
  }

  bool connected() const override { return server_ && !stopping_; }

 private:
  /// What callbacks use that may outlive the input.
  struct Shared {
    ExportTable table;
    std::mutex lock;
    std::list<std::shared_ptr<Export>> waiting;  // lock; oldest first
  };

  void receive(GrpcCall call) {
    if (!authorized(call.metadata)) {
      call.reply.fail(GrpcStatus::unauthenticated,
                      "a valid 'authorization: Bearer' token is required");
      return;
    }
    if (stopping_) {
      call.reply.fail(GrpcStatus::unavailable, "the collector is stopping", kRetryDelay);
      return;
    }
    auto pending = std::make_shared<Export>(std::move(call.reply));
    Delivery delivery;
    const std::size_t cap = inflated_size(call);
    const bool packed = call.encoding != GrpcEncoding::identity;
    delivery.bytes = (packed ? std::max(call.request.size(), cap) : call.request.size()) * kMemoryFactor;
    delivery.open = [this, pending, request = std::move(call.request), encoding = call.encoding,
                     cap]() mutable {
      return open(*pending, pending, std::move(request), encoding, cap);
    };
    delivery.done = [shared = shared_, pending](TransactionResult result) {
      settle(*shared, pending, result);
    };
    {
      std::lock_guard lock(shared_->lock);
      pending->expires = std::chrono::steady_clock::now() + config_.timeout.value;
      pending->place = shared_->waiting.insert(shared_->waiting.end(), pending);
    }
    if (!intake_->try_submit(delivery)) {
      answer(*shared_, pending, [](GrpcReply& reply) {
        reply.fail(GrpcStatus::resource_exhausted,
                   "the collector is full: its destination takes less than it is sent", kRetryDelay);
      });
    }
  }

  /// The standard health check, of the server as a whole and of the logs service. It needs no token:
  /// load balancers have none, and it tells nothing but what a connection tells.
  void tell_health(GrpcCall call) const {
    const auto request = inflate_message(call.request, call.encoding, 4096);
    if (!request) return call.reply.fail(request.error());
    // HealthCheckRequest.service, the only field: tag, length, name.
    const std::string_view service =
        request->size() >= 2 && (*request)[0] == 0x0a ? std::string_view(*request).substr(2) : "";
    if (!service.empty() && service != "opentelemetry.proto.collector.logs.v1.LogsService") {
      return call.reply.fail(GrpcStatus::not_found, "unknown service");
    }
    constexpr char kServing = 1, kNotServing = 2;
    call.reply.ok({0x08, stopping_ ? kNotServing : kServing});
  }

  bool authorized(const GrpcMetadata& metadata) const {
    if (config_.auth_token.empty()) return true;
    return carries_bearer(metadata.find("authorization").value_or(""), config_.auth_token);
  }

  Result<Batch> open(Export& pending, const std::shared_ptr<Export>& kept, std::string request,
                     GrpcEncoding encoding, std::size_t cap) {
    if (encoding != GrpcEncoding::identity) {
      auto inflated = inflate_message(request, encoding, cap);
      if (!inflated) {
        answer(*shared_, kept, [&](GrpcReply& reply) { reply.fail(inflated.error()); });
        return invalid(inflated.error().message);
      }
      request = std::move(*inflated);
    }
    auto decoded = decode_logs(std::make_shared<const std::string>(std::move(request)), identity_);
    if (!decoded) {
      pending.malformed = true;
      return std::unexpected(std::move(decoded).error());
    }
    if (decoded->without_identity > 0) without_identity_.add_count(decoded->without_identity);
    Batch batch = std::move(decoded->batch);
    if (!config_.stable_ids || decoded->without_identity > 0 || batch.empty()) return batch;
    return track(pending, kept, std::move(batch));
  }

  /// Looks the export up among those in flight and those whose sender was not told OK.
  Result<Batch> track(Export& pending, const std::shared_ptr<Export>& kept, Batch batch) {
    pending.key = ExportTable::key_of(batch);
    const auto begun = shared_->table.begin(
        pending.key,
        [shared = shared_, kept](const ExportTable::Outcomes& outcomes, const std::string& reason) {
          answer(*shared, kept,
                 [&](GrpcReply& reply) { answer_outcomes(reply, outcomes, reason); });
        },
        pending.known);
    if (begun == ExportTable::Begun::joined) {
      pending.joined = true;
      resent_.add_count(batch.size());
      return Batch();
    }
    pending.tracked = true;
    if (begun == ExportTable::Begun::fresh) return batch;
    resent_.add_count(batch.size());
    Batch owed(batch.shared_memory());
    for (std::uint32_t i = 0; i < batch.size(); ++i) {
      if (i < pending.known.size() && pending.known[i].settled()) continue;
      pending.owed.push_back(i);
      owed.add(std::move(batch[i]));
    }
    return owed;
  }

  static void settle(Shared& shared, const std::shared_ptr<Export>& pending,
                     const TransactionResult& result) {
    if (pending->joined) return;  // answered with the export it joined
    if (pending->malformed) {
      answer(shared, pending, [&](GrpcReply& reply) {
        reply.fail(GrpcStatus::invalid_argument, std::string(result.failures[0].error.message()));
      });
      return;
    }
    std::string reason;
    const auto outcomes = merge(*pending, result, reason);
    bool told = false;
    answer(shared, pending, [&](GrpcReply& reply) {
      told = answer_outcomes(reply, outcomes, reason) && !reply.cancelled();
    });
    if (pending->tracked) shared.table.finish(pending->key, outcomes, reason, told);
  }

  /// Outcomes of all the export's records: what was known before and what `result` adds.
  static ExportTable::Outcomes merge(const Export& pending, const TransactionResult& result,
                                     std::string& reason) {
    if (pending.known.empty() && result.outcomes.empty() && result.failures.empty()) {
      return ExportTable::Outcomes(result.records, {uniform(result), false});
    }
    auto outcomes = pending.known;
    if (outcomes.empty()) outcomes.resize(result.records);
    auto failure = result.failures.begin();
    for (std::uint32_t i = 0; i < result.records; ++i) {
      const std::uint32_t record = pending.known.empty() ? i : pending.owed[i];
      RecordOutcome outcome{result.outcomes.empty() ? uniform(result) : result.outcomes[i], false};
      if (failure != result.failures.end() && failure->record == i) {
        // What a rule of the configuration rejects is rejected the next time too.
        outcome.refused = outcome.outcome == Outcome::failed &&
                          (failure->refusal != Refusal::none ||
                           failure->error.fault() == Fault::invalid);
        if (outcome.outcome == Outcome::failed && (reason.empty() || !outcome.refused)) {
          reason = failure->error.message();
        }
        ++failure;
      }
      outcomes[record] = outcome;
    }
    return outcomes;
  }

  static Outcome uniform(const TransactionResult& result) {
    return static_cast<Outcome>(std::ranges::max_element(result.count) - result.count.begin());
  }

  /// True if the sender need not send anything again.
  static bool answer_outcomes(GrpcReply& reply, const ExportTable::Outcomes& outcomes,
                              const std::string& reason) {
    std::uint64_t refused = 0;
    for (const RecordOutcome& outcome : outcomes) {
      if (!outcome.settled()) {
        reply.fail(GrpcStatus::unavailable, reason, kRetryDelay);
        return false;
      }
      refused += outcome.refused;
    }
    reply.ok(refused == 0 ? std::string() : partial_success(refused, reason));
    return true;
  }

  /// Answers once: whoever comes second does nothing.
  template <typename Say>
  static void answer(Shared& shared, const std::shared_ptr<Export>& pending, Say&& say) {
    if (pending->answered.exchange(true)) return;
    say(pending->reply);
    std::lock_guard lock(shared.lock);
    shared.waiting.erase(pending->place);
  }

  void sweep() {
    const auto now = std::chrono::steady_clock::now();
    std::vector<std::shared_ptr<Export>> expired;
    {
      std::lock_guard lock(shared_->lock);
      for (const auto& each : shared_->waiting) {
        if (each->expires > now) break;
        expired.push_back(each);
      }
    }
    for (const auto& each : expired) {
      answer(*shared_, each, [](GrpcReply& reply) {
        reply.fail(GrpcStatus::deadline_exceeded,
                   "not delivered within the timeout; send it again, it will not count twice");
      });
    }
    if (!stopping_) sweep_timer_ = timers_.after(kSweepInterval, [this] { sweep(); });
  }

  const Config config_;
  const IdentityOptions identity_;
  TimerQueue& timers_;
  const Logger logger_;
  Counter& without_identity_;
  Counter& resent_;
  const std::shared_ptr<Shared> shared_;
  std::string exports_file_;  // empty: what it remembers dies with the process
  Intake* intake_ = nullptr;
  std::unique_ptr<GrpcServer> server_;
  std::atomic<bool> stopping_{false};
  std::atomic<TimerQueue::Id> sweep_timer_{0};
};

Result<std::unique_ptr<Input>> make(Config config, BuildContext& context) {
  return std::make_unique<OtelLog>(std::move(config), context);
}

}  // namespace

// Registration ------------------------------------------------------------------------------------

extern constinit const InputType otel_log_input;
constinit const InputType otel_log_input = component_type<schema, make, check>({
    .name = "otel_log",
    .status = "beta",
    .categories = "Services",
    .summary = "Receives logs over OTLP/gRPC, one message a log record.",
    .description = R"md(
Each message is an object of `resource`, `scope` and `record`; `record.attributes` holds the log's
attributes as a plain map. All records of one export form a batch, and the export is answered when
every one of them is delivered.

A record whose own or observed timestamp is finer than a millisecond has a stable identity: sent
again, it gets the same ids. Records without one are counted in `input_records_without_stable_id`.
)md",
});

}  // namespace tollgate
