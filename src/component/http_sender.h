#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <expected>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "component/build_context.h"
#include "component/http_auth.h"
#include "component/http_config.h"
#include "component/output.h"
#include "net/http_client.h"

namespace tollgate {

/// Why a request was given up, after its last attempt.
struct HttpFailure {
  Error error;  ///< begins with the URL; holds "(400): 400 Bad Request" where a status ended it
  Refusal refusal = Refusal::none;
  int status = 0;  ///< 0 if no response arrived
  HttpHeaders headers;  ///< of the last response
};

/// Sends requests as the HTTP client group says: credentials, rate limit, attempts and the waits
/// between them, metrics and the log of exchanges. Requests are independent of each other: one that
/// waits for its next attempt holds up no other, and no thread sleeps for it.
///
/// Lifecycle: shared by the component and its requests in flight; close() before the component
/// goes. Any thread; callbacks run on the network, the timer or the calling thread.
class HttpSender : public std::enable_shared_from_this<HttpSender> {
 public:
  using Done = std::move_only_function<void(std::expected<HttpResponse, HttpFailure>)>;
  /// Builds the request of one attempt. An error is about the content: no attempts follow.
  using MakeRequest = std::move_only_function<Result<HttpRequest>()>;

  static Result<std::shared_ptr<HttpSender>> build(const HttpClientConfig& config,
                                                   std::shared_ptr<const TlsClient> tls,
                                                   BuildContext& context);
  ~HttpSender();

  /// `done` is called exactly once. While the request waits for its next attempt others may have its
  /// `slot`.
  void send(MakeRequest make, Done done, std::shared_ptr<Slot> slot = nullptr);

  /// Waits until all requests are finished, at most until `deadline`; the rest ends as cancelled.
  void close(std::chrono::steady_clock::time_point deadline);

  /// False from the first request that failed for want of a response, or with a 5xx status, until
  /// one succeeds.
  bool connected() const { return connected_.load(std::memory_order_relaxed); }

 private:
  class Exchange;
  enum class Verdict : std::uint8_t { success, retry, retry_backing_off, give_up };

  explicit HttpSender(BuildContext& context);
  Verdict judge(int status) const;
  static Refusal refusal_of(int status, bool dropped);
  std::chrono::nanoseconds spread(std::chrono::nanoseconds wait) const;
  void record(const HttpResponse& response, std::chrono::nanoseconds elapsed);
  void forget(Exchange* exchange);

  HttpClient& client_;
  TimerQueue& timers_;
  const Logger logger_;
  Timer& latency_;
  std::array<Counter*, 5> codes_{};  // by the first digit, less one
  std::shared_ptr<HttpAuthorizer> authorizer_;
  std::shared_ptr<RateLimit> rate_limit_;
  std::chrono::nanoseconds retry_period_{};
  std::chrono::nanoseconds max_backoff_{};
  int retries_ = 0;
  bool follow_redirects_ = true;
  std::unordered_set<int> backoff_on_;
  std::unordered_set<int> drop_on_;
  std::unordered_set<int> successful_on_;
  LogLevel dump_level_ = LogLevel::off;

  std::atomic<bool> connected_{true};
  std::mutex lock_;
  std::condition_variable idle_;
  std::unordered_map<Exchange*, std::weak_ptr<Exchange>> exchanges_;  // guarded by lock_
  bool closing_ = false;                                              // guarded by lock_
};

namespace http_sender_detail {
/// One exchange as a JSON object, without credentials and with bodies cut at 64 KiB.
std::string describe_exchange(const HttpRequest& request_head, std::string_view body,
                              const Result<HttpResponse>& response,
                              std::chrono::nanoseconds elapsed);
}  // namespace http_sender_detail

}  // namespace tollgate
