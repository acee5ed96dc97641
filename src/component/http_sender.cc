#include "component/http_sender.h"

#include <algorithm>
#include <random>

#include <fmt/format.h>

#include "base/strings.h"
#include "net/backoff.h"
#include "net/redact.h"
#include "runtime/timer_queue.h"
#include "value/json.h"

namespace tollgate {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t max_logged_body = 64 << 10;
constexpr std::size_t max_error_body = 16 << 10;

std::string status_error(const HttpResponse& response,
                         const std::vector<std::string>& credentials) {
  std::string body = without_credentials(response.body.substr(0, max_error_body), credentials);
  std::erase(body, '\n');
  return fmt::format("HTTP request returned unexpected response code ({}): {}, Error: {}",
                     response.status, response.status_line(), body);
}

void append_headers(std::string& out, const HttpHeaders& headers) {
  out += '{';
  for (const auto& [name, value] : headers) {
    if (!out.ends_with('{')) out += ',';
    append_json_string(out, name);
    out += ':';
    append_json_string(out, holds_credentials(name) ? redacted_text : std::string_view(value));
  }
  out += '}';
}

void append_body(std::string& out, std::string_view body,
                 const std::vector<std::string>& credentials) {
  std::string shown = without_credentials(std::string(body.substr(0, max_logged_body)), credentials);
  if (body.size() > max_logged_body) shown += fmt::format("... ({} bytes)", body.size());
  append_json_string(out, shown);
}

}  // namespace

std::string http_sender_detail::describe_exchange(const HttpRequest& request_head,
                                                  std::string_view body,
                                                  const Result<HttpResponse>& response,
                                                  std::chrono::nanoseconds elapsed) {
  const auto credentials = credentials_of(request_head.url, request_head.headers);
  std::string out = fmt::format("{{\"elapsed_ns\":{},\"request\":{{\"method\":", elapsed.count());
  append_json_string(out, request_head.method);
  out += ",\"url\":";
  append_json_string(out, shown_url(request_head.url));
  out += ",\"header\":";
  append_headers(out, request_head.headers);
  out += ",\"body\":";
  append_body(out, body, credentials);
  if (response) {
    out += fmt::format("}},\"response\":{{\"status_code\":{},\"header\":", response->status);
    append_headers(out, response->headers);
    out += ",\"body\":";
    append_body(out, response->body, credentials);
  } else {
    out += "},\"response\":{\"error\":";
    append_json_string(out, response.error().message());
  }
  return out + "}}";
}

// One request with all its attempts ---------------------------------------------------------------

/// Kept alive by whatever it waits for. Its events come one at a time, except for the cancelling by
/// close(), which only claims `done_`.
class HttpSender::Exchange : public std::enable_shared_from_this<Exchange> {
 public:
  Exchange(std::shared_ptr<HttpSender> sender, MakeRequest make, Done done,
           std::shared_ptr<Slot> slot)
      : sender_(std::move(sender)),
        make_(std::move(make)),
        done_(std::move(done)),
        slot_(std::move(slot)),
        period_(sender_->retry_period_) {}

  // Whoever waited for may have gone without running us (timers at the end of the process).
  ~Exchange() { cancel("the HTTP client was shut down"); }

  void attempt() {
    if (finished_.load()) return;
    if (sender_->rate_limit_) {
      const auto wait = sender_->rate_limit_->access();
      if (!wait || wait->count() > 0) {
        return after(wait ? *wait : std::chrono::seconds(1));
      }
    }
    auto request = make_();
    if (!request) return give_up(std::move(request).error(), Refusal::content, 0);
    url_ = shown_url(request->url);
    auto ready = [self = shared_from_this()](Result<HttpRequest> authorized) {
      self->launch(std::move(authorized));
    };
    sender_->authorizer_->authorize(std::move(*request), std::move(ready));
  }

  void cancel(std::string_view why) {
    give_up(Error(Fault::cancelled, std::string(why)), Refusal::none, 0);
  }

 private:
  void launch(Result<HttpRequest> request) {
    if (finished_.load()) return;
    if (!request) {
      const Error error = std::move(request).error();
      if (error.fault() != Fault::transient) return give_up(error, Refusal::none, 0);
      return failed_attempt(Error(error.fault(), fmt::format("{}: {}", url_, error.message())),
                            Refusal::none, 0, period_);
    }
    credentials_ = credentials_of(request->url, request->headers);
    const std::string* authorization = find_header(request->headers, "Authorization");
    authorization_ = authorization ? *authorization : std::string();
    std::optional<HttpRequest> head;
    const HttpBody body = request->body;
    if (sender_->dump_level_ != LogLevel::off && sender_->logger_.enabled(sender_->dump_level_)) {
      head.emplace();
      head->method = request->method;
      head->url = request->url;
      head->headers = request->headers;
    }
    sender_->client_.send(
        std::move(*request),
        [self = shared_from_this(), start = Clock::now(), head = std::move(head),
         body = head ? body : HttpBody()](Result<HttpResponse> response) {
          const auto elapsed = Clock::now() - start;
          if (head) {
            self->sender_->logger_.write(
                self->sender_->dump_level_, "http request log",
                {{"access_log", http_sender_detail::describe_exchange(*head, body.view(), response,
                                                                      elapsed)}});
          }
          self->received(std::move(response), elapsed);
        });
  }

  void received(Result<HttpResponse> response, std::chrono::nanoseconds elapsed) {
    HttpSender& sender = *sender_;
    if (finished_.load()) return;
    if (!response) {
      const Error& error = response.error();
      Error told(error.fault(), fmt::format("{}: {}", url_, error.message()));
      if (error.fault() == Fault::cancelled) return give_up(std::move(told), Refusal::none, 0);
      if (error.fault() == Fault::invalid) return give_up(std::move(told), Refusal::content, 0);
      sender.connected_ = false;
      return failed_attempt(std::move(told), Refusal::none, 0, period_);
    }
    sender.record(*response, elapsed);
    const int status = response->status;
    if (status == 401) sender.authorizer_->refused(authorization_);
    const Verdict verdict = sender.judge(status);
    if (verdict == Verdict::success) {
      sender.connected_ = true;
      return finish(std::move(*response));
    }
    if (status >= 500) sender.connected_ = false;
    const Refusal refusal = refusal_of(status, sender.drop_on_.contains(status));
    Error error(Fault::transient, fmt::format("{}: {}", url_, status_error(*response, credentials_)));
    if (verdict == Verdict::give_up) {
      return give_up(std::move(error), refusal, status, std::move(response->headers));
    }
    if (verdict == Verdict::retry_backing_off && backed_off_) {
      period_ = std::min(period_ * 2, std::max(sender.max_backoff_, sender.retry_period_));
    }
    backed_off_ = backed_off_ || verdict == Verdict::retry_backing_off;
    std::chrono::nanoseconds wait = sender.spread(period_);
    if (const std::string* told = response->header("Retry-After")) {
      if (const auto asked = parse_retry_after(*told)) {
        wait = std::min(*asked, sender.max_backoff_);
      }
    }
    failed_attempt(std::move(error), refusal, status, wait, std::move(response->headers));
  }

  void failed_attempt(Error error, Refusal refusal, int status, std::chrono::nanoseconds wait,
                      HttpHeaders headers = {}) {
    if (attempts_++ >= sender_->retries_) {
      return give_up(std::move(error), refusal, status, std::move(headers));
    }
    if (status == 0) wait = sender_->spread(wait);
    if (!slot_) return after(wait);
    slot_->pause();
    sender_->timers_.after(wait, [self = shared_from_this()] {
      self->slot_->resume([self] { self->attempt(); });
    });
  }

  void after(std::chrono::nanoseconds wait) {
    sender_->timers_.after(wait, [self = shared_from_this()] { self->attempt(); });
  }

  void give_up(Error error, Refusal refusal, int status, HttpHeaders headers = {}) {
    finish(std::unexpected(HttpFailure{std::move(error), refusal, status, std::move(headers)}));
  }

  void finish(std::expected<HttpResponse, HttpFailure> outcome) {
    if (finished_.exchange(true)) return;
    done_(std::move(outcome));
    done_ = nullptr;
    sender_->forget(this);
  }

  const std::shared_ptr<HttpSender> sender_;
  MakeRequest make_;
  Done done_;  // used by whoever set finished_
  const std::shared_ptr<Slot> slot_;  // null: not limited
  std::atomic<bool> finished_{false};
  std::string url_;                       // as it may be shown
  std::vector<std::string> credentials_;  // of the attempt under way
  std::string authorization_;             // likewise
  std::chrono::nanoseconds period_;
  bool backed_off_ = false;
  int attempts_ = 0;
};

// The sender --------------------------------------------------------------------------------------

HttpSender::HttpSender(BuildContext& context)
    : client_(context.http_client()),
      timers_(context.timers()),
      logger_(context.logger()),
      latency_(context.timer("http_request_latency_ns")) {
  for (std::size_t i = 0; i < codes_.size(); ++i) {
    codes_[i] = &context.counter(fmt::format("http_request_code_{}xx", i + 1));
  }
}

HttpSender::~HttpSender() = default;

Result<std::shared_ptr<HttpSender>> HttpSender::build(const HttpClientConfig& config,
                                                      std::shared_ptr<const TlsClient> tls,
                                                      BuildContext& context) {
  std::shared_ptr<HttpSender> sender(new HttpSender(context));
  warn_of_unchecked_server(tls.get(), context.logger());
  sender->authorizer_ = TRY(HttpAuthorizer::build(config.auth, context.http_client(),
                                                  std::move(tls), config.proxy_url));
  if (config.rate_limit && !config.rate_limit->empty()) {
    sender->rate_limit_ = TRY(context.rate_limit(*config.rate_limit));
  }
  sender->retry_period_ = config.retry_period.value;
  sender->max_backoff_ = config.max_retry_backoff.value;
  sender->retries_ = config.retries;
  sender->follow_redirects_ = config.follow_redirects;
  sender->backoff_on_.insert(config.backoff_on.begin(), config.backoff_on.end());
  sender->drop_on_.insert(config.drop_on.begin(), config.drop_on.end());
  sender->successful_on_.insert(config.successful_on.begin(), config.successful_on.end());
  sender->dump_level_ = config.dump_request_log_level.empty()
                            ? LogLevel::off
                            : parse_log_level(config.dump_request_log_level, LogLevel::off);
  return sender;
}

void HttpSender::send(MakeRequest make, Done done, std::shared_ptr<Slot> slot) {
  auto exchange = std::make_shared<Exchange>(shared_from_this(), std::move(make), std::move(done),
                                             std::move(slot));
  bool closing;
  {
    std::lock_guard lock(lock_);
    closing = closing_;
    exchanges_.emplace(exchange.get(), exchange);
  }
  if (closing) return exchange->cancel("the HTTP client was shut down");
  exchange->attempt();
}

void HttpSender::close(Clock::time_point deadline) {
  std::vector<std::shared_ptr<Exchange>> left;
  {
    std::unique_lock lock(lock_);
    idle_.wait_until(lock, deadline, [&] { return exchanges_.empty(); });
    closing_ = true;
    for (const auto& [_, exchange] : exchanges_) {
      if (auto alive = exchange.lock()) left.push_back(std::move(alive));
    }
  }
  for (const auto& exchange : left) exchange->cancel("the HTTP client was shut down");
}

void HttpSender::forget(Exchange* exchange) {
  std::lock_guard lock(lock_);
  exchanges_.erase(exchange);
  if (exchanges_.empty()) idle_.notify_all();
}

HttpSender::Verdict HttpSender::judge(int status) const {
  if (drop_on_.contains(status)) return Verdict::give_up;
  if (backoff_on_.contains(status)) return Verdict::retry_backing_off;
  if (successful_on_.contains(status)) return Verdict::success;
  if (status >= 300 && status < 400 && !follow_redirects_) return Verdict::success;
  if (status >= 200 && status < 300) return Verdict::success;
  // The same request stays too large however often it is sent.
  return status == 413 ? Verdict::give_up : Verdict::retry;
}

Refusal HttpSender::refusal_of(int status, bool dropped) {
  if (status == 413) return Refusal::size;
  return dropped || status == 400 || status == 422 ? Refusal::content : Refusal::none;
}

// A fifth more or less, so that requests that failed together do not come back together.
std::chrono::nanoseconds HttpSender::spread(std::chrono::nanoseconds wait) const {
  thread_local std::minstd_rand random(std::random_device{}());
  const double factor = std::uniform_real_distribution(0.8, 1.2)(random);
  const auto varied = std::chrono::duration_cast<std::chrono::nanoseconds>(wait * factor);
  return std::min(varied, std::max(max_backoff_, retry_period_));
}

void HttpSender::record(const HttpResponse& response, std::chrono::nanoseconds elapsed) {
  latency_.record(elapsed);
  const int group = response.status / 100 - 1;
  if (group >= 0 && group < 5) codes_[static_cast<std::size_t>(group)]->add_count(1);
}

}  // namespace tollgate
