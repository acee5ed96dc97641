#pragma once

#include <chrono>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>

namespace tollgate {

/// Tells the owner of a server what peers do wrong, at most once a second: a flood of them must not
/// become a flood of log lines. Any thread.
class MisuseReporter {
 public:
  using Sink = std::function<void(std::string)>;

  /// `sink` may be empty; it outlives this.
  explicit MisuseReporter(const Sink& sink) : sink_(sink) {}
  void report(std::string explanation);

 private:
  const Sink& sink_;
  std::mutex mutex_;
  std::chrono::steady_clock::time_point last_;  // guarded by mutex_
  std::size_t suppressed_ = 0;                  // guarded by mutex_
};

/// Names the likely mistake behind a TLS handshake that failed with OpenSSL's `error`. `port` says
/// which port it was, for example "gRPC".
std::string explain_failed_handshake(std::string_view port, std::string_view peer,
                                     std::string_view error);

/// Whether bytes that came on a plain text port begin a TLS handshake.
bool looks_like_tls(std::string_view bytes);

}  // namespace tollgate
