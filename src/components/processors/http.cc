// http: a request for each message, whose response becomes the message.

#include <condition_variable>
#include <memory>
#include <mutex>

#include <fmt/format.h>

#include "component/http_request.h"
#include "component/http_sender.h"
#include "component/wait.h"
#include "components/processors/support.h"

namespace tollgate {
namespace {

// Configuration -----------------------------------------------------------------------------------

struct Config {
  HttpClientConfig http;
  bool batch_as_multipart = false;
  bool parallel = false;
};

const Schema<Config>& schema() {
  static const Schema<Config> fields = [] {
    Schema<Config> all;
    include(all, &Config::http, http_client_schema());
    all.push_back(field("batch_as_multipart", &Config::batch_as_multipart,
                        "Whether to send a batch as one multipart request instead of one request "
                        "for each message.")
                      .advanced());
    all.push_back(field("parallel", &Config::parallel,
                        "Whether the requests of a batch are sent at the same time."));
    return all;
  }();
  return fields;
}

void check(const Config& config, const Node& body, ReadContext& context) {
  check_http_client(config.http, body, context);
}

// Implementation ----------------------------------------------------------------------------------

using HttpOutcome = std::expected<HttpResponse, HttpFailure>;

/// What several requests came to, for the thread that waits for all of them.
class Outcomes {
 public:
  explicit Outcomes(std::size_t requests) : outcomes_(requests), missing_(requests) {}

  void set(std::size_t request, HttpOutcome outcome) {
    std::lock_guard hold(lock_);
    outcomes_[request].emplace(std::move(outcome));
    if (--missing_ == 0) all_there_.notify_all();
  }

  /// Nothing if the collector gave up waiting.
  std::optional<std::vector<std::optional<HttpOutcome>>> wait(const std::stop_token& abandoned) {
    std::unique_lock hold(lock_);
    if (!all_there_.wait(hold, abandoned, [this] { return missing_ == 0; })) return std::nullopt;
    return std::move(outcomes_);
  }

 private:
  std::mutex lock_;
  std::condition_variable_any all_there_;
  std::vector<std::optional<HttpOutcome>> outcomes_;  // guarded by lock_
  std::size_t missing_;                               // guarded by lock_
};

struct Shared {
  std::string shown_url;  ///< as configured, without credentials
  HttpRequestBuilder builder;
  std::shared_ptr<HttpSender> sender;
  bool multipart;
  bool parallel;
  Logger logger;
};

/// What requests in flight read. They may outlive process() when the collector gives up on them, so
/// it is theirs.
using Asked = std::shared_ptr<const Batch>;

class Http final : public Processor {
 public:
  explicit Http(std::shared_ptr<const Shared> node) : node_(std::move(node)) {}

  Result<> process(Batch batch, std::vector<Batch>& out) override {
    if (batch.empty()) return {};
    Batch copies = batch.copy();
    copies.encode();
    const Asked asked = std::make_shared<const Batch>(std::move(copies));
    Batch answered(batch.shared_memory());
    auto done = node_->multipart || batch.size() == 1 ? ask_once(asked, batch, answered)
                : node_->parallel                     ? ask_together(asked, batch, answered)
                                                      : ask_in_turn(asked, batch, answered);
    if (!done) {
      answered.fail(done.error());
      batch.fail(done.error());
      return done;
    }
    for (Message& message : batch) settle(message);  // the share that the answers do not hold
    out.push_back(std::move(answered));
    return {};
  }

 private:
  /// Sends request `index` of `outcomes`.
  void send(const std::shared_ptr<Outcomes>& outcomes, std::size_t index,
            HttpSender::MakeRequest make) const {
    node_->sender->send(std::move(make), [outcomes, index](HttpOutcome outcome) {
      outcomes->set(index, std::move(outcome));
    });
  }

  HttpSender::MakeRequest of_message(const Asked& asked, std::size_t index) const {
    return [node = node_, asked, index] { return node->builder.of_message(*asked, index, asked); };
  }

  Result<std::vector<std::optional<HttpOutcome>>> wait(Outcomes& outcomes) const {
    auto all = outcomes.wait(waits_abandoned());
    if (!all) return cancelled("the collector is stopping");
    return std::move(*all);
  }

  Result<> ask_once(const Asked& asked, Batch& batch, Batch& out) const {
    const auto outcomes = std::make_shared<Outcomes>(1);
    send(outcomes, 0,
         [node = node_, asked] { return node->builder.of_batch(*asked, asked); });
    auto all = TRY(wait(*outcomes));
    HttpOutcome& outcome = *all[0];
    if (!outcome) {
      log_failure("HTTP request", outcome.error());
      for (Message& message : batch) flag(message, outcome.error(), out);
      return {};
    }
    Batch response;
    if (const std::string problem = read(*outcome, response); !problem.empty()) {
      for (Message& message : batch) flag(message, problem, out);
      return {};
    }
    if (response.size() != batch.size()) stand_for_all(batch);
    for (std::size_t i = 0; i < response.size(); ++i) {
      add_answer(response[i], batch[i < batch.size() ? i : 0], response.size() > batch.size(), out);
    }
    return {};
  }

  /// Whichever answer is not delivered, all of the messages were not.
  static void stand_for_all(Batch& batch) {
    std::vector<Receipt> receipts;
    for (Message& message : batch) receipts.push_back(std::move(message.receipt));
    Receipt whole = Receipt::merge(std::move(receipts));
    for (std::size_t i = 1; i < batch.size(); ++i) batch[i].receipt = whole.share();
    batch[0].receipt = std::move(whole);
  }

  Result<> ask_in_turn(const Asked& asked, Batch& batch, Batch& out) const {
    for (std::size_t i = 0; i < batch.size(); ++i) {
      const auto outcomes = std::make_shared<Outcomes>(1);
      send(outcomes, 0, of_message(asked, i));
      auto all = TRY(wait(*outcomes));
      HttpOutcome& outcome = *all[0];
      if (!outcome) {
        log_failure("HTTP request", outcome.error());
        flag(batch[i], outcome.error(), out);
        continue;
      }
      Batch response;
      if (const std::string problem = read(*outcome, response); !problem.empty()) {
        flag(batch[i], problem, out);
        continue;
      }
      for (Message& answer : response) {
        add_answer(answer, batch[i], response.size() > 1, out);
      }
    }
    return {};
  }

  Result<> ask_together(const Asked& asked, Batch& batch, Batch& out) const {
    const auto outcomes = std::make_shared<Outcomes>(batch.size());
    for (std::size_t i = 0; i < batch.size(); ++i) send(outcomes, i, of_message(asked, i));
    auto all = TRY(wait(*outcomes));
    for (std::size_t i = 0; i < batch.size(); ++i) {
      HttpOutcome& outcome = *all[i];
      if (!outcome) {
        log_failure("HTTP parallel request", outcome.error());
        flag(batch[i], outcome.error(), out);
        continue;
      }
      Batch response;
      std::string problem = read(*outcome, response);
      if (problem.empty() && response.size() != 1) {
        problem = fmt::format("unexpected response size: {}", response.size());
      }
      if (!problem.empty()) {
        flag(batch[i], problem, out);
        continue;
      }
      add_answer(response[0], batch[i], false, out);
    }
    return {};
  }

  /// Why the response cannot be used; "" if it can.
  std::string read(const HttpResponse& response, Batch& out) const {
    std::string problem;
    if (const auto done = node_->builder.read_response(response, out); !done) {
      problem = fmt::format("{}: {}", node_->shown_url, done.error().message());
    } else if (out.empty()) {
      problem = fmt::format("HTTP response from '{}' was empty", node_->shown_url);
    }
    if (!problem.empty()) {
      node_->logger.error("HTTP request to '{}' failed: {}", node_->shown_url, problem);
    }
    return problem;
  }

  /// A copy of `origin` that holds what came back for it. `one_of_many`: others come of it too.
  static void add_answer(const Message& answer, Message& origin, bool one_of_many, Batch& out) {
    Message made = origin.copy();
    made.set_bytes(out.arena().copy(answer.bytes()));
    if (const Object* metadata = answer.metadata()) {
      for (const Member& member : std::span(metadata->items, metadata->size)) {
        made.set_metadata(member.key, member.value);
      }
    }
    if (one_of_many) {
      made.identity = spawn(origin);
      made.draws = 0;
    }
    made.receipt = origin.receipt.share();
    out.add(std::move(made));
  }

  void flag(Message& message, const HttpFailure& failure, Batch& out) const {
    node_->builder.annotate(failure.status, failure.headers, message);
    flag(message, failure.error.message(), out);
  }

  static void flag(Message& message, std::string_view why, Batch& out) {
    message.set_error(why);
    out.add(std::move(message));
  }

  void log_failure(std::string_view what, const HttpFailure& failure) const {
    node_->logger.error("{} to '{}' failed: {}", what, node_->shown_url, failure.error.message());
  }

  const std::shared_ptr<const Shared> node_;
};

/// A URL as configured, without the credentials that it may hold.
std::string without_credentials(const std::string& url) {
  const std::size_t start = url.find("://");
  const std::size_t end = url.find_first_of("/?#", start == url.npos ? 0 : start + 3);
  const std::size_t at = url.rfind('@', end);
  if (start == url.npos || at == url.npos || at < start) return url;
  return url.substr(0, start + 3) + url.substr(at + 1);
}

Result<ProcessorFactory> make(Config config, BuildContext& context) {
  auto builder = TRY(HttpRequestBuilder::build(config.http));
  auto sender = TRY(HttpSender::build(config.http, builder.tls(), context));
  auto node = std::make_shared<const Shared>(
      Shared{without_credentials(config.http.url.text), std::move(builder), std::move(sender),
             config.batch_as_multipart, config.parallel, context.logger()});
  return [node = std::move(node)] { return std::make_unique<Http>(node); };
}

std::vector<ComponentExample> examples() {
  return {
      {"Look a customer up", "A branch keeps the message and takes one field of the answer.",
       R"yaml(
pipeline:
  processors:
    - branch:
        request_map: 'root = ""'
        processors:
          - http:
              url: 'http://localhost:9000/customers/${! json("customer") }'
              verb: GET
              retries: 2
        result_map: root.plan = this.plan
)yaml"},
  };
}

}  // namespace

// Registration ------------------------------------------------------------------------------------

extern constinit const ProcessorType http_processor;
constinit const ProcessorType http_processor = component_type<schema, make, check>({
    .name = "http",
    .categories = "Integration",
    .summary = "Sends each message as an HTTP request and replaces it with the response.",
    .description = R"md(
The response's body becomes the payload; metadata stay, and gain `http_status_code` and what
`extract_headers` chooses. A multipart response becomes one message for each part.

A message whose request fails after all attempts is flagged, keeps its payload and gains the same
metadata. Attempts and waits are those of the `http_client` output.
)md",
    .examples = examples,
    .rerunnable = false,
    .blocking = true,
});

}  // namespace tollgate
