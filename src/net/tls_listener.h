#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "net/tls.h"

struct ssl_st;  // OpenSSL's SSL

namespace tollgate {

/// The TLS side of a listener, which follows its certificate files: a connection that comes after
/// they changed gets the new ones, those that are open keep what they have. Any thread.
///
/// The files are looked at when connections come, once a second at most. Files that cannot be used
/// (a key that belongs to another certificate, because only one of the two has been replaced yet)
/// are reported once and tried again; until they can be, the former ones serve.
class TlsListener {
 public:
  using Told = std::function<void(std::string)>;

  /// Errors: files that cannot be used now. `alpn` as for make_tls_server_context().
  static Result<std::shared_ptr<TlsListener>> make(TlsServerOptions options,
                                                   std::vector<std::string> alpn, Told on_failure,
                                                   Told on_reload);

  /// For the next connection.
  std::shared_ptr<ssl_ctx_st> context();

 private:
  using Clock = std::chrono::steady_clock;
  /// Of the certificate, the key and the authorities: enough to notice a change.
  struct FileState {
    std::uint64_t inode = 0;
    std::int64_t size = 0;
    std::int64_t changed_ns = 0;
    bool operator==(const FileState&) const = default;
  };
  using Files = std::array<FileState, 3>;

  TlsListener(TlsServerOptions options, std::vector<std::string> alpn, Told on_failure,
              Told on_reload);
  Files look() const;

  const TlsServerOptions options_;
  const std::vector<std::string> alpn_;
  const Told on_failure_;
  const Told on_reload_;
  std::mutex lock_;
  std::shared_ptr<ssl_ctx_st> context_;  // guarded by lock_
  Files files_{};                        // guarded by lock_; those that context_ was made from
  Clock::time_point looked_;             // guarded by lock_
  std::string last_failure_;             // guarded by lock_
};

/// The subject of the certificate that the other side showed (RFC 2253); "" if it showed none.
std::string peer_subject(ssl_st* connection);

}  // namespace tollgate
