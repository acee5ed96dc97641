#include "net/tls.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <optional>
#include <sstream>

namespace tollgate {
namespace {

template <auto Free>
struct Freer {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Bio = std::unique_ptr<BIO, Freer<BIO_free_all>>;
using Cert = std::unique_ptr<X509, Freer<X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>>;
using Context = std::shared_ptr<SSL_CTX>;

Result<std::string> read_file(const std::string& path, std::string_view what) {
  std::ifstream in(path, std::ios::binary);
  if (!in) {
    return invalid("failed to read " + std::string(what) + " file '" + path +
                   "': " + std::strerror(errno));
  }
  std::ostringstream text;
  text << in.rdbuf();
  return std::move(text).str();
}

Bio memory_bio(std::string_view text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

int give_password(char* buffer, int size, int, void* password) {
  const auto& text = *static_cast<const std::string*>(password);
  if (size < 0 || text.size() > static_cast<std::size_t>(size)) return -1;
  std::memcpy(buffer, text.data(), text.size());
  return static_cast<int>(text.size());
}

Result<Key> read_key(const std::string& pem, const std::string& password) {
  auto bio = memory_bio(pem);
  // OpenSSL only reads through the pointer, which its interface cannot say.
  Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, give_password,
                                  const_cast<std::string*>(&password)));
  if (key) return key;
  std::string why = take_tls_errors("no private key found");
  if (password.empty() && pem.find("ENCRYPTED") != std::string::npos) {
    why = "the key is encrypted; set its password";
  }
  return invalid("failed to read the private key: " + why);
}

/// Puts the certificates of `pem`, the first of them being our own, and `key` into `context`.
Result<> use_certificate(SSL_CTX* context, const std::string& pem, const std::string& key_pem,
                         const std::string& password) {
  auto bio = memory_bio(pem);
  Cert leaf(PEM_read_bio_X509_AUX(bio.get(), nullptr, nullptr, nullptr));
  if (!leaf) return invalid("failed to read the certificate: " + take_tls_errors("no certificate found"));
  auto key = TRY(read_key(key_pem, password));
  if (X509_check_private_key(leaf.get(), key.get()) != 1) {
    take_tls_errors("");
    return invalid("the private key does not belong to the certificate");
  }
  if (SSL_CTX_use_certificate(context, leaf.get()) != 1 ||
      SSL_CTX_use_PrivateKey(context, key.get()) != 1) {
    return invalid("failed to use the certificate: " + take_tls_errors("unknown error"));
  }
  SSL_CTX_clear_chain_certs(context);
  for (;;) {
    Cert link(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
    if (!link) break;
    SSL_CTX_add1_chain_cert(context, link.get());
  }
  ERR_clear_error();
  return {};
}

/// Adds every certificate of `pem` to the authorities of `context`.
Result<> trust(SSL_CTX* context, std::string_view pem, bool announce) {
  auto bio = memory_bio(pem);
  int count = 0;
  for (;; ++count) {
    Cert authority(PEM_read_bio_X509_AUX(bio.get(), nullptr, nullptr, nullptr));
    if (!authority) break;
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context), authority.get());
    if (announce) SSL_CTX_add_client_CA(context, authority.get());
  }
  ERR_clear_error();
  if (count == 0) return invalid("no certificate authorities found in the PEM text");
  return {};
}

Context new_context(const SSL_METHOD* method) {
  Context context(SSL_CTX_new(method), SSL_CTX_free);
  if (context) {
    SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
    SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE |
                                        SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                        SSL_MODE_RELEASE_BUFFERS);
  }
  return context;
}

/// A P-256 key and a certificate for "localhost", good for a year.
Result<> use_self_signed(SSL_CTX* context) {
  Key key(EVP_EC_gen("P-256"));
  Cert cert(X509_new());
  if (!key || !cert) return transient("failed to make a certificate: " + take_tls_errors("no memory"));
  unsigned char serial[8];
  RAND_bytes(serial, sizeof serial);
  serial[0] &= 0x7f;
  std::uint64_t number = 0;
  std::memcpy(&number, serial, sizeof number);
  X509_set_version(cert.get(), X509_VERSION_3);
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert.get()), number);
  X509_gmtime_adj(X509_getm_notBefore(cert.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(cert.get()), 365L * 86400);
  X509_set_pubkey(cert.get(), key.get());
  X509_NAME* name = X509_get_subject_name(cert.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("localhost"), -1, -1, 0);
  X509_set_issuer_name(cert.get(), name);
  X509V3_CTX v3;
  X509V3_set_ctx(&v3, cert.get(), cert.get(), nullptr, nullptr, 0);
  std::unique_ptr<X509_EXTENSION, Freer<X509_EXTENSION_free>> names(X509V3_EXT_conf_nid(
      nullptr, &v3, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1,IP:::1"));
  if (names) X509_add_ext(cert.get(), names.get(), -1);
  if (X509_sign(cert.get(), key.get(), EVP_sha256()) == 0 ||
      SSL_CTX_use_certificate(context, cert.get()) != 1 ||
      SSL_CTX_use_PrivateKey(context, key.get()) != 1) {
    return transient("failed to make a certificate: " + take_tls_errors("unknown error"));
  }
  return {};
}

/// The server's ALPN list in wire form, owned by the context it serves.
int choose_protocol(SSL*, const unsigned char** out, unsigned char* out_size,
                    const unsigned char* in, unsigned in_size, void* offered) {
  const auto& ours = *static_cast<const std::string*>(offered);
  unsigned char* chosen = nullptr;
  int result = SSL_select_next_proto(&chosen, out_size,
                                     reinterpret_cast<const unsigned char*>(ours.data()),
                                     static_cast<unsigned>(ours.size()), in, in_size);
  *out = chosen;
  return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

int accept_any(int, X509_STORE_CTX*) { return 1; }

Result<> ask_client(SSL_CTX* context, const TlsServerOptions& options) {
  auto mode = options.client_auth;
  bool has_authorities = !options.client_ca_file.empty();
  if (has_authorities && mode == TlsClientAuth::none) mode = TlsClientAuth::require_valid;
  if (has_authorities) {
    auto pem = TRY(read_file(options.client_ca_file, "client_ca"));
    auto trusted = trust(context, pem, true);
    if (!trusted) return std::unexpected(std::move(trusted).error().within(options.client_ca_file));
  } else if (mode == TlsClientAuth::require_valid || mode == TlsClientAuth::verify_if_given) {
    SSL_CTX_set_default_verify_paths(context);
  }
  int flags = SSL_VERIFY_NONE;
  if (mode != TlsClientAuth::none) flags = SSL_VERIFY_PEER;
  if (mode == TlsClientAuth::require_any || mode == TlsClientAuth::require_valid) {
    flags |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
  }
  bool unchecked = mode == TlsClientAuth::request || mode == TlsClientAuth::require_any;
  SSL_CTX_set_verify(context, flags, unchecked ? accept_any : nullptr);
  static constexpr unsigned char session_name[] = "tollgate";
  SSL_CTX_set_session_id_context(context, session_name, sizeof session_name - 1);
  return {};
}

}  // namespace

std::string take_tls_errors(std::string_view fallback) {
  std::string text;
  while (unsigned long code = ERR_get_error()) {
    const char* reason = ERR_reason_error_string(code);
    if (!text.empty()) text += ", ";
    text += reason != nullptr ? reason : ("error " + std::to_string(code)).c_str();
  }
  return text.empty() ? std::string(fallback) : text;
}

Result<std::shared_ptr<const TlsClient>> load_tls_client(const TlsClientOptions& options) {
  if (!options.enabled) return std::shared_ptr<const TlsClient>();
  auto loaded = std::make_shared<TlsClient>();
  loaded->skip_cert_verify = options.skip_cert_verify;
  loaded->enable_renegotiation = options.enable_renegotiation;
  if (!options.root_cas.empty() && !options.root_cas_file.empty()) {
    return invalid("only one of root_cas and root_cas_file may be set");
  }
  loaded->root_cas = options.root_cas;
  if (!options.root_cas_file.empty()) {
    loaded->root_cas = TRY(read_file(options.root_cas_file, "root_cas"));
  }
  for (const auto& configured : options.client_certs) {
    TlsClientCert cert = configured;
    if (cert.cert.empty() && cert.cert_file.empty()) {
      return invalid("client_certs: set either cert and key, or cert_file and key_file");
    }
    if ((!cert.cert.empty() || !cert.key.empty()) &&
        (!cert.cert_file.empty() || !cert.key_file.empty())) {
      return invalid("client_certs: set either cert and key, or cert_file and key_file, not both");
    }
    if (!cert.cert_file.empty()) cert.cert = TRY(read_file(cert.cert_file, "client certificate"));
    if (!cert.key_file.empty()) cert.key = TRY(read_file(cert.key_file, "client key"));
    loaded->client_certs.push_back(std::move(cert));
  }
  TRY(make_tls_client_context(loaded.get()));
  return std::shared_ptr<const TlsClient>(std::move(loaded));
}

Result<std::shared_ptr<ssl_ctx_st>> make_tls_server_context(const TlsServerOptions& options,
                                                            std::vector<std::string> alpn) {
  Context context = new_context(TLS_server_method());
  if (!context) return transient("failed to set up TLS: " + take_tls_errors("out of memory"));
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  if (options.cert_file.empty() != options.key_file.empty()) {
    return invalid("cert_file and key_file must be set together");
  }
  if (!options.cert_file.empty()) {
    auto cert = TRY(read_file(options.cert_file, "certificate"));
    auto key = TRY(read_file(options.key_file, "key"));
    auto used = use_certificate(context.get(), cert, key, {});
    if (!used) return std::unexpected(std::move(used).error().within(options.cert_file));
  } else {
    TRY(use_self_signed(context.get()));
  }
  TRY(ask_client(context.get(), options));
  if (alpn.empty()) return context;

  auto wire = std::make_shared<std::string>();
  for (const auto& protocol : alpn) {
    *wire += static_cast<char>(protocol.size());
    *wire += protocol;
  }
  SSL_CTX_set_alpn_select_cb(context.get(), choose_protocol, wire.get());
  // Connections hold references of their own on the context, so the list is tied to the context's
  // destruction and not to this owner.
  static const int index = SSL_CTX_get_ex_new_index(
      0, nullptr, nullptr, nullptr, [](void*, void* list, CRYPTO_EX_DATA*, int, long, void*) {
        delete static_cast<std::shared_ptr<std::string>*>(list);
      });
  SSL_CTX_set_ex_data(context.get(), index, new std::shared_ptr<std::string>(std::move(wire)));
  return context;
}

Result<std::shared_ptr<ssl_ctx_st>> make_tls_client_context(const TlsClient* settings) {
  Context context = new_context(TLS_client_method());
  if (!context) return transient("failed to set up TLS: " + take_tls_errors("out of memory"));
  bool verify = settings == nullptr || !settings->skip_cert_verify;
  SSL_CTX_set_verify(context.get(), verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  if (settings == nullptr || !settings->enable_renegotiation) {
    SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION);
  }
  if (settings != nullptr && !settings->root_cas.empty()) {
    auto trusted = trust(context.get(), settings->root_cas, false);
    if (!trusted) return std::unexpected(std::move(trusted).error().within("root_cas"));
  } else {
    SSL_CTX_set_default_verify_paths(context.get());
  }
  if (settings != nullptr && !settings->client_certs.empty()) {
    // Checks them all, the first one last, so that it is the one in use.
    for (std::size_t i = settings->client_certs.size(); i-- > 0;) {
      const auto& cert = settings->client_certs[i];
      auto used = use_certificate(context.get(), cert.cert, cert.key, cert.password);
      if (!used) return std::unexpected(std::move(used).error().within("client_certs"));
    }
  }
  return context;
}

}  // namespace tollgate
