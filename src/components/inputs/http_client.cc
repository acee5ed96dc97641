// http_client: asks a URL again and again, or reads one response that does not end.

#include <condition_variable>
#include <mutex>

#include "component/http_request.h"
#include "component/http_sender.h"
#include "component/input.h"
#include "component/scanned_stream.h"

namespace tollgate {
namespace {

// Configuration -----------------------------------------------------------------------------------

struct StreamConfig {
  bool enabled = false;
  bool reconnect = true;
  std::optional<std::string> codec;
  std::int64_t max_buffer = 1'000'000;
  ChildScanner scanner = default_scanner();
};

const Schema<StreamConfig>& stream_schema() {
  static const Schema<StreamConfig> fields{
      field("enabled", &StreamConfig::enabled, "Whether the response is read as it comes."),
      field("reconnect", &StreamConfig::reconnect, "Whether to ask again when it ended."),
      field("codec", &StreamConfig::codec, "The older form of `scanner`.").deprecated(),
      field("max_buffer", &StreamConfig::max_buffer, "The longest message of `codec`.")
          .deprecated(),
      field("scanner", &StreamConfig::scanner, "How bytes become messages."),
  };
  return fields;
}

struct Config {
  HttpClientConfig http{.verb = "GET"};
  std::optional<InterpolatedText> payload;
  bool drop_empty_bodies = true;
  StreamConfig stream;
  bool auto_replay_nacks = true;
};

const Schema<Config>& schema() {
  static const Schema<Config> fields = [] {
    Schema<Config> all;
    include(all, &Config::http, http_client_schema("GET"));
    all.push_back(field("payload", &Config::payload, "The body of requests; unset: none."));
    all.push_back(field("drop_empty_bodies", &Config::drop_empty_bodies,
                        "Whether an empty response is no message.")
                      .advanced());
    all.push_back(section("stream", &Config::stream, stream_schema(),
                          "To read a response that does not end."));
    all.push_back(field("auto_replay_nacks", &Config::auto_replay_nacks,
                        "Whether to send rejected messages again; otherwise they are lost."));
    return all;
  }();
  return fields;
}

void check(const Config& config, const Node& body, ReadContext& context) {
  check_http_client(config.http, body, context);
}

// Implementation ----------------------------------------------------------------------------------

/// What the network thread has received for the reading thread.
class Inbox {
 public:
  /// Bytes of a stream. False if nobody reads, or too slowly.
  bool add(std::string_view bytes) {
    std::lock_guard hold(lock_);
    if (interrupted_ || bytes_.size() + bytes.size() > kMostUnread) return false;
    bytes_ += bytes;
    changed_.notify_all();
    return true;
  }
  void finish(std::expected<HttpResponse, HttpFailure> outcome) {
    std::lock_guard hold(lock_);
    outcome_.emplace(std::move(outcome));
    changed_.notify_all();
  }
  void interrupt() {
    std::lock_guard hold(lock_);
    interrupted_ = true;
    changed_.notify_all();
  }

  /// Waits for bytes, which it moves to `bytes`, or for the end of the exchange, which it returns
  /// once all bytes were taken. An error: interrupted.
  Result<std::optional<std::expected<HttpResponse, HttpFailure>>> wait(std::string& bytes) {
    std::unique_lock hold(lock_);
    changed_.wait(hold, [this] { return interrupted_ || outcome_ || !bytes_.empty(); });
    if (interrupted_) return cancelled("the input was stopped");
    bytes.clear();
    bytes.swap(bytes_);
    if (!bytes.empty()) return std::nullopt;
    return std::move(outcome_);
  }

 private:
  static constexpr std::size_t kMostUnread = std::size_t{64} << 20;

  std::mutex lock_;
  std::condition_variable changed_;
  std::string bytes_;                                                // guarded by lock_
  std::optional<std::expected<HttpResponse, HttpFailure>> outcome_;  // guarded by lock_
  bool interrupted_ = false;                                         // guarded by lock_
};

class HttpClientInput final : public PolledInput {
 public:
  HttpClientInput(Config config, std::shared_ptr<const HttpRequestBuilder> builder,
                  std::shared_ptr<HttpSender> sender, ScannerFactory scanners, Logger logger)
      : PolledInput({.replay_failed = config.auto_replay_nacks}),
        config_(std::move(config)),
        builder_(std::move(builder)),
        sender_(std::move(sender)),
        scanners_(std::move(scanners)),
        logger_(std::move(logger)) {}
  ~HttpClientInput() override { sender_->close(std::chrono::steady_clock::now()); }

 protected:
  Result<> connect() override {
    std::lock_guard hold(lock_);
    interrupted_ = false;
    return {};
  }

  Result<std::optional<Batch>> read() override {
    auto read = config_.stream.enabled ? read_stream() : poll();
    if (!read && read.error().fault() != Fault::cancelled && !read.error().message().empty()) {
      logger_.error("Failed to read message: {}", read.error().message());
    }
    return read;
  }

  void interrupt() override {
    std::lock_guard hold(lock_);
    interrupted_ = true;
    if (inbox_) inbox_->interrupt();
  }

 private:
  using Outcome = std::expected<HttpResponse, HttpFailure>;

  /// Nothing came, and there is nothing to say about it: asks again after a while.
  static std::unexpected<Error> nothing() { return std::unexpected(Error(Fault::transient, "")); }
  static std::unexpected<Error> failed(const HttpFailure& failure) {
    return std::unexpected(Error(Fault::transient, std::string(failure.error.message())));
  }

  /// Sends the next request, built of what the last response was.
  std::shared_ptr<Inbox> ask() {
    auto inbox = std::make_shared<Inbox>();
    {
      std::lock_guard hold(lock_);
      inbox_ = inbox;
      if (interrupted_) inbox->interrupt();
    }
    const auto context = last_ ? last_ : empty();
    HttpSender::MakeRequest make = [this_config = config_.payload, builder = builder_, context,
                                    inbox, stream = config_.stream.enabled]()
        -> Result<HttpRequest> {
      std::string body;
      if (this_config) {
        Arena scratch;
        auto text = this_config->value.eval(*context, 0, scratch);
        if (!text) return std::unexpected(std::move(text).error().within("payload"));
        body = *text;
      }
      HttpRequest request = TRY(builder->with_body(*context, 0, HttpBody(std::move(body)), ""));
      if (stream) {
        request.timeout = std::chrono::milliseconds(0);
        request.on_body = [inbox](std::string_view bytes) { return inbox->add(bytes); };
      }
      return request;
    };
    sender_->send(std::move(make), [inbox](Outcome outcome) { inbox->finish(std::move(outcome)); });
    return inbox;
  }

  static std::shared_ptr<const Batch> empty() {
    Batch one;
    one.add().set_bytes("");
    return std::make_shared<const Batch>(std::move(one));
  }

  Result<std::optional<Batch>> poll() {
    std::string none;
    auto outcome = TRY(ask()->wait(none));
    if (!*outcome) return failed(outcome->error());
    Batch batch;
    TRY(builder_->read_response(**outcome, batch));
    if (batch.empty()) return nothing();
    if (batch.size() == 1 && batch[0].bytes().empty() && config_.drop_empty_bodies) {
      return nothing();
    }
    batch.encode();
    last_ = std::make_shared<const Batch>(batch.copy());
    return batch;
  }

  Result<std::optional<Batch>> read_stream() {
    while (true) {
      while (auto found = messages_.take()) {
        if ((*found)[0].bytes().empty() && config_.drop_empty_bodies) continue;
        return found;
      }
      if (ended_) return std::nullopt;
      if (!stream_) {
        stream_ = ask();
        scanner_ = scanners_("");
      }
      std::string bytes;
      auto outcome = TRY(stream_->wait(bytes));
      if (!outcome) {
        if (auto fed = scanner_->feed(bytes, messages_.buffer()); !fed) return broken(fed.error());
        continue;
      }
      stream_ = nullptr;
      if (!*outcome) return failed(outcome->error());
      if (auto done = scanner_->finish(messages_.buffer()); !done) return broken(done.error());
      ended_ = !config_.stream.reconnect;
      if (ended_) continue;
      if (auto found = messages_.take()) return found;
      return nothing();
    }
  }

  std::unexpected<Error> broken(const Error& error) {
    if (stream_) stream_->interrupt();
    stream_ = nullptr;
    return std::unexpected(Error(Fault::transient, std::string(error.message())));
  }

  const Config config_;
  const std::shared_ptr<const HttpRequestBuilder> builder_;
  const std::shared_ptr<HttpSender> sender_;
  const ScannerFactory scanners_;  // empty unless streaming
  const Logger logger_;
  std::mutex lock_;
  std::shared_ptr<Inbox> inbox_;  // of the request under way; guarded by lock_
  bool interrupted_ = false;      // guarded by lock_
  // The reading thread's:
  std::shared_ptr<const Batch> last_;
  std::shared_ptr<Inbox> stream_;
  std::unique_ptr<Scanner> scanner_;
  ScannedMessages messages_;
  bool ended_ = false;  // the stream ended and is not opened again
};

Result<std::unique_ptr<Input>> make(Config config, BuildContext& context) {
  auto builder = std::make_shared<const HttpRequestBuilder>(
      TRY(HttpRequestBuilder::build(config.http)));
  auto sender = TRY(HttpSender::build(config.http, builder->tls(), context));
  ScannerFactory scanners;
  if (config.stream.enabled) {
    scanners = TRY(make_scanner(config.stream.codec, config.stream.max_buffer,
                                config.stream.scanner, context));
  }
  return std::make_unique<HttpClientInput>(std::move(config), std::move(builder),
                                           std::move(sender), std::move(scanners),
                                           context.logger());
}

}  // namespace

// Registration ------------------------------------------------------------------------------------

extern constinit const InputType http_client_input;
constinit const InputType http_client_input = component_type<schema, make, check>({
    .name = "http_client",
    .categories = "Network",
    .summary = "Asks a URL again and again, or reads a response that does not end.",
    .description = R"md(
Each response is a message, a multipart response one for each part, with the metadata
`http_status_code` and what `extract_headers` chooses. The next request follows at once: set a
`rate_limit`. URL, headers and `payload` may use the last response, as for a cursor:
`url: 'http://localhost/events?after=${! json("next").or("") }'`.

With `stream.enabled` the response is read as it comes, without `timeout`, and cut into messages by
the scanner.
)md",
});

}  // namespace tollgate
