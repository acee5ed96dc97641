#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "component/http_config.h"
#include "message/message.h"
#include "net/http_client.h"

namespace tollgate {

/// The text of a metadata value or of anything else that stands where only text can: strings as
/// they are, the rest as JSON.
std::string value_text(Value value, Arena& scratch);

/// One part of an explicit multipart request.
struct MultipartField {
  InterpolatedText content_type;
  InterpolatedText content_disposition;
  InterpolatedText body;
};

/// Turns messages into requests and responses into messages, as the HTTP client group says.
/// Immutable; any thread.
class HttpRequestBuilder {
 public:
  /// Errors: unreadable TLS files, patterns that do not compile.
  static Result<HttpRequestBuilder> build(const HttpClientConfig& config,
                                          std::vector<MultipartField> multipart = {});

  /// A request whose body is message `index` of `batch` (or the explicit parts, for it). The body
  /// views the batch, which `owner` keeps alive.
  Result<HttpRequest> of_message(const Batch& batch, std::size_t index,
                                 std::shared_ptr<const void> owner) const;
  /// A multipart request of the whole batch; URL and headers are those of the first message.
  Result<HttpRequest> of_batch(const Batch& batch, std::shared_ptr<const void> owner) const;
  /// A request with `body` instead; for inputs without a message `batch` holds an empty one.
  Result<HttpRequest> with_body(const Batch& batch, std::size_t index, HttpBody body,
                                std::string_view content_type) const;

  /// Appends what a response carries: one message, or one for each part of a multipart body, with
  /// `http_status_code` and the chosen headers as metadata.
  Result<> read_response(const HttpResponse& response, Batch& out) const;

  /// Gives `message` the metadata that tell of a response: the status, unless it is 0, and the
  /// chosen headers.
  void annotate(int status, const HttpHeaders& headers, Message& message) const;

  bool has_multipart() const { return !multipart_.empty(); }
  const std::shared_ptr<const TlsClient>& tls() const { return tls_; }

 private:
  HttpRequestBuilder() = default;
  Result<HttpRequest> head(const Batch& batch, std::size_t index, Arena& scratch) const;
  void add_metadata(const Message& message, HttpHeaders& headers, bool canonical,
                    Arena& scratch) const;

  std::vector<std::pair<std::string, Interpolated>> headers_;
  Interpolated url_;
  std::string verb_;
  std::vector<MultipartField> multipart_;
  MetadataFilter metadata_;
  MetadataFilter extract_;
  std::shared_ptr<const TlsClient> tls_;
  std::chrono::milliseconds timeout_{};
  std::optional<std::string> proxy_url_;
  bool follow_redirects_ = true;
  HttpVersion version_ = HttpVersion::automatic;
};

}  // namespace tollgate
