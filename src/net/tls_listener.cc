#include "net/tls_listener.h"

#include <openssl/ssl.h>
#include <sys/stat.h>

namespace tollgate {

TlsListener::TlsListener(TlsServerOptions options, std::vector<std::string> alpn, Told on_failure,
                         Told on_reload)
    : options_(std::move(options)),
      alpn_(std::move(alpn)),
      on_failure_(std::move(on_failure)),
      on_reload_(std::move(on_reload)) {}

Result<std::shared_ptr<TlsListener>> TlsListener::make(TlsServerOptions options,
                                                       std::vector<std::string> alpn,
                                                       Told on_failure, Told on_reload) {
  std::shared_ptr<TlsListener> listener(new TlsListener(
      std::move(options), std::move(alpn), std::move(on_failure), std::move(on_reload)));
  // Looked at before they are read: a change in between is noticed later.
  listener->files_ = listener->look();
  listener->looked_ = Clock::now();
  listener->context_ = TRY(make_tls_server_context(listener->options_, listener->alpn_));
  return listener;
}

TlsListener::Files TlsListener::look() const {
  Files files{};
  std::size_t index = 0;
  for (const auto* path : {&options_.cert_file, &options_.key_file, &options_.client_ca_file}) {
    struct stat found{};
    if (!path->empty() && ::stat(path->c_str(), &found) == 0) {
      files[index] = {found.st_ino, found.st_size,
                      found.st_mtim.tv_sec * 1'000'000'000 + found.st_mtim.tv_nsec};
    }
    ++index;
  }
  return files;
}

std::shared_ptr<ssl_ctx_st> TlsListener::context() {
  std::string failure, notice;
  std::shared_ptr<ssl_ctx_st> current;
  {
    std::lock_guard lock(lock_);
    const auto now = Clock::now();
    if (now - looked_ >= std::chrono::seconds(1)) {
      looked_ = now;
      if (const Files files = look(); files != files_) {
        if (auto made = make_tls_server_context(options_, alpn_)) {
          context_ = std::move(*made);
          files_ = files;
          last_failure_.clear();
          notice = "The changed TLS files are in use: " + options_.cert_file;
        } else if (std::string why(made.error().message()); why != last_failure_) {
          last_failure_ = why;
          failure = "the changed TLS files cannot be used, the former ones stay in use: " + why;
        }
      }
    }
    current = context_;
  }
  if (!failure.empty() && on_failure_) on_failure_(std::move(failure));
  if (!notice.empty() && on_reload_) on_reload_(std::move(notice));
  return current;
}

std::string peer_subject(ssl_st* connection) {
  X509* cert = SSL_get0_peer_certificate(connection);
  if (cert == nullptr) return {};
  const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new(BIO_s_mem()), &BIO_free);
  X509_NAME_print_ex(bio.get(), X509_get_subject_name(cert), 0, XN_FLAG_RFC2253);
  char* text = nullptr;
  const auto size = BIO_get_mem_data(bio.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

}  // namespace tollgate
