// otel_log: exports messages as OTLP logs over gRPC, one export a batch.

#include "component/build_context.h"
#include "component/http_config.h"
#include "component/output.h"
#include "net/grpc_client.h"
#include "otlp/logs.h"

namespace tollgate {
namespace {

// Configuration -----------------------------------------------------------------------------------

struct Config {
  std::string address;
  TlsClientOptions tls;
  std::string auth_token;
  BatchPolicyConfig batching;
  std::int64_t max_in_flight = 10;
};

const Schema<Config>& schema() {
  static const Schema<Config> fields{
      required("address", &Config::address, "The OTLP/gRPC endpoint, `host:port`."),
      section("tls", &Config::tls, tls_client_schema(),
              "TLS settings; `enabled` turns TLS on, without it the connection is plain text.")
          .advanced(),
      field("auth_token", &Config::auth_token,
            "When set, every export carries `Authorization: Bearer` and this token.")
          .secret()
          .advanced(),
      section("batching", &Config::batching, batch_policy_schema(),
              "When to send what was gathered, and what to do with it first."),
      field("max_in_flight", &Config::max_in_flight, "How many exports may be under way at once."),
  };
  return fields;
}

// Implementation ----------------------------------------------------------------------------------

constexpr std::string_view kExportPath =
    "/opentelemetry.proto.collector.logs.v1.LogsService/Export";
constexpr auto kTimeout = std::chrono::seconds(30);

/// What a failed export says about its records. A receiver that knows no such method, wants another
/// token or is broken says nothing about them: they wait until it is put right.
Refusal refusal_of(const GrpcFailure& failure) {
  if (failure.status == GrpcStatus::invalid_argument) return Refusal::content;
  if (failure.status != GrpcStatus::resource_exhausted || failure.retry_delay) return Refusal::none;
  const bool size = failure.message.find("larger than max") != std::string::npos ||
                    failure.message.find("exceeds maximum size") != std::string::npos;
  return size ? Refusal::size : Refusal::none;
}

class OtelLog final : public Output {
 public:
  OtelLog(Config config, std::shared_ptr<const TlsClient> tls, BuildContext& context)
      : config_(std::move(config)),
        tls_(std::move(tls)),
        logger_(context.logger()),
        rejected_(context.counter("output_rejected_by_receiver")) {}

  void write(SharedBatch batch, Ack ack) override {
    GrpcRequest request;
    request.target = config_.address;
    request.method = kExportPath;
    request.timeout = kTimeout;
    request.secure = config_.tls.enabled;
    request.tls = tls_;
    if (!config_.auth_token.empty()) {
      request.metadata.emplace_back("authorization", "Bearer " + config_.auth_token);
    }
    Arena scratch;
    WriteResult result;  // of the messages that cannot be encoded
    for (std::uint32_t i = 0; i < batch->size(); ++i) {
      const Value document = (*batch)[i].document(scratch);
      auto appended = document.is_error()
                          ? Result<>(invalid(std::string(document.as_text())))
                          : append_resource_logs(request.message, document, scratch);
      if (appended) continue;
      auto error = std::move(appended).error().within("not a ResourceLogs document");
      result.exceptions.push_back({i, {Outcome::failed, std::move(error), Refusal::content}});
    }
    if (result.exceptions.size() == batch->size()) return ack(std::move(result));
    client_.call(std::move(request), [result = std::move(result), ack = std::move(ack),
                                      logger = logger_, &rejected = rejected_](
                                         std::expected<GrpcResponse, GrpcCallError> called) mutable {
      if (!called) {
        const Refusal refusal = refusal_of(called.error().failure);
        Error& error = called.error().error;
        if (refusal == Refusal::none && error.fault() == Fault::invalid) {
          error = Error(Fault::transient, std::string(error.message()));
        }
        result.status = {Outcome::failed, std::move(error), refusal};
      } else if (const auto partial = read_partial_success(called->message); partial.rejected > 0) {
        // It does not say which, and OTLP forbids to send them again.
        rejected.add_count(partial.rejected);
        logger.error("The receiver rejected {} records of an export for good: {}", partial.rejected,
                     partial.message);
      }
      ack(std::move(result));
    });
  }

  void close(std::chrono::steady_clock::time_point deadline) override { client_.close(deadline); }

 private:
  const Config config_;
  const std::shared_ptr<const TlsClient> tls_;  // null: the defaults
  GrpcClient client_;
  const Logger logger_;
  Counter& rejected_;
};

Result<std::unique_ptr<Output>> make(Config config, BuildContext& context) {
  const auto in_flight = static_cast<int>(config.max_in_flight);
  const BatchPolicyConfig batching = config.batching;
  auto tls = TRY(load_tls_client(config.tls));
  warn_of_unchecked_server(tls.get(), context.logger());
  auto output = context.limited(
      std::make_unique<OtelLog>(std::move(config), std::move(tls), context), in_flight);
  return context.batched(std::move(output), batching);
}

}  // namespace

// Registration ------------------------------------------------------------------------------------

extern constinit const OutputType otel_log_output;
constinit const OutputType otel_log_output = component_type<schema, make>({
    .name = "otel_log",
    .status = "beta",
    .categories = "Services",
    .summary = "Exports messages as OTLP logs over gRPC.",
    .description = R"md(
Each message must be the JSON form of an OTLP `ResourceLogs`, or what the `otel_log` input gives.
)md",
});

}  // namespace tollgate
