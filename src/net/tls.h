#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

struct ssl_ctx_st;  // OpenSSL's SSL_CTX

namespace tollgate {

/// One client certificate: `cert` + `key` as PEM text, or `cert_file` + `key_file`.
struct TlsClientCert {
  std::string cert;
  std::string key;
  std::string cert_file;
  std::string key_file;
  std::string password;  ///< of the key; "" when it is not encrypted

  bool operator==(const TlsClientCert&) const = default;
};

/// The `tls` group of a client as configured.
struct TlsClientOptions {
  bool enabled = false;  ///< apply these settings; https addresses use TLS regardless
  bool skip_cert_verify = false;
  bool enable_renegotiation = false;
  std::string root_cas;  ///< PEM text; replaces the system's authorities
  std::string root_cas_file;
  std::vector<TlsClientCert> client_certs;

  bool operator==(const TlsClientOptions&) const = default;
};

/// Client settings after their files were read and checked. Immutable; shared by many requests.
struct TlsClient {
  bool skip_cert_verify = false;
  bool enable_renegotiation = false;
  std::string root_cas;  ///< PEM text; "" for the system's authorities
  /// `cert`, `key` and `password` are set; files were read into them. The first one is offered.
  std::vector<TlsClientCert> client_certs;
};

/// Reads the files named in `options` and checks that keys belong to their certificates.
/// Returns null when the settings are not enabled: use the defaults.
Result<std::shared_ptr<const TlsClient>> load_tls_client(const TlsClientOptions& options);

/// What a listener asks of a client's certificate.
enum class TlsClientAuth : unsigned char {
  none,             ///< not asked for
  request,          ///< asked for, not checked
  require_any,      ///< required, not checked
  verify_if_given,  ///< checked against the authorities when sent
  require_valid,    ///< required and checked
};

/// A listener's TLS settings as configured.
struct TlsServerOptions {
  std::string cert_file;
  std::string key_file;
  std::string client_ca_file;  ///< authorities for client certificates; implies require_valid
  TlsClientAuth client_auth = TlsClientAuth::none;
  bool self_signed = false;  ///< make a certificate at start; for trials only

  bool enabled() const { return self_signed || !cert_file.empty() || !key_file.empty(); }
  bool operator==(const TlsServerOptions&) const = default;
};

/// A ready OpenSSL context. `alpn` lists the protocols offered, most wanted first ("h2",
/// "http/1.1"); a client that offers ALPN but none of these is refused. TLS 1.2 is the minimum.
Result<std::shared_ptr<ssl_ctx_st>> make_tls_server_context(const TlsServerOptions& options,
                                                            std::vector<std::string> alpn = {});

/// For clients that speak over OpenSSL themselves; null settings mean the defaults. The caller
/// still sets the expected host name on each connection.
Result<std::shared_ptr<ssl_ctx_st>> make_tls_client_context(const TlsClient* settings);

/// OpenSSL's queue of errors as one line, emptied. `fallback` when the queue is empty.
std::string take_tls_errors(std::string_view fallback);

}  // namespace tollgate
