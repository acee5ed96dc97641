#include "component/http_request.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "base/strings.h"
#include "component/multipart.h"
#include "value/json.h"

namespace tollgate {
namespace {

constexpr std::string_view default_content_type = "application/octet-stream";

Error in_field(Error error, std::string_view name) {
  return Error(error.fault(), fmt::format("{} interpolation error: {}", name, error.message()));
}

Result<std::string> eval(const Interpolated& text, std::string_view name, const Batch& batch,
                         std::size_t index, Arena& scratch) {
  auto value = text.eval(batch, index, scratch);
  if (!value) return std::unexpected(in_field(std::move(value).error(), name));
  return std::string(*value);
}

std::chrono::milliseconds rounded_up(std::chrono::nanoseconds time) {
  return std::chrono::ceil<std::chrono::milliseconds>(time);
}

}  // namespace

std::string value_text(Value value, Arena& scratch) {
  if (value.is_text() || value.is(Kind::number_text)) return std::string(value.as_text());
  std::string text;
  append_json(text, value, scratch);
  return text;
}

Result<HttpRequestBuilder> HttpRequestBuilder::build(const HttpClientConfig& config,
                                                     std::vector<MultipartField> multipart) {
  HttpRequestBuilder builder;
  for (const auto& [name, text] : config.headers) {
    builder.headers_.emplace_back(same_header(name, "Host") ? "Host" : canonical_header(name),
                                  text.value);
  }
  builder.url_ = config.url.value;
  builder.verb_ = config.verb;
  builder.multipart_ = std::move(multipart);
  builder.metadata_ = TRY(MetadataFilter::build(config.metadata));
  builder.extract_ = TRY(MetadataFilter::build(config.extract_headers));
  builder.tls_ = TRY(load_tls_client(config.tls));
  builder.timeout_ = rounded_up(config.timeout.value);
  builder.proxy_url_ = config.proxy_url;
  builder.follow_redirects_ = config.follow_redirects;
  if (config.disable_http2) builder.version_ = HttpVersion::http1;
  return builder;
}

Result<HttpRequest> HttpRequestBuilder::head(const Batch& batch, std::size_t index,
                                             Arena& scratch) const {
  HttpRequest request;
  request.method = verb_;
  request.url = TRY(eval(url_, "url", batch, index, scratch));
  request.timeout = timeout_;
  request.follow_redirects = follow_redirects_;
  request.proxy_url = proxy_url_;
  request.tls = tls_;
  request.version = version_;
  for (const auto& [name, text] : headers_) {
    set_header(request.headers, name,
               TRY(eval(text, fmt::format("header '{}'", name), batch, index, scratch)));
  }
  if (index < batch.size()) add_metadata(batch[index], request.headers, true, scratch);
  return request;
}

void HttpRequestBuilder::add_metadata(const Message& message, HttpHeaders& headers, bool canonical,
                                      Arena& scratch) const {
  if (metadata_.empty() || !message.metadata()) return;
  for (const Member& member : std::span(message.metadata()->items, message.metadata()->size)) {
    if (!metadata_.match(member.key)) continue;
    std::string value = value_text(member.value, scratch);
    if (!valid_header(member.key, value)) continue;
    set_header(headers, canonical ? canonical_header(member.key) : std::string(member.key),
               std::move(value));
  }
}

Result<HttpRequest> HttpRequestBuilder::with_body(const Batch& batch, std::size_t index,
                                                  HttpBody body,
                                                  std::string_view content_type) const {
  Arena scratch;
  HttpRequest request = TRY(head(batch, index, scratch));
  if (!content_type.empty()) set_header(request.headers, "Content-Type", std::string(content_type));
  request.body = std::move(body);
  return request;
}

Result<HttpRequest> HttpRequestBuilder::of_message(const Batch& batch, std::size_t index,
                                                   std::shared_ptr<const void> owner) const {
  Arena scratch;
  HttpRequest request = TRY(head(batch, index, scratch));
  if (multipart_.empty()) {
    request.body = HttpBody(batch[index].bytes(), std::move(owner));
    if (!find_header(request.headers, "Content-Type")) {
      set_header(request.headers, "Content-Type", std::string(default_content_type));
    }
    return request;
  }
  MultipartWriter writer;
  for (const MultipartField& part : multipart_) {
    writer.add({{"Content-Disposition",
                 TRY(eval(part.content_disposition.value, "multipart content disposition", batch,
                          index, scratch))},
                {"Content-Type", TRY(eval(part.content_type.value, "multipart content type", batch,
                                          index, scratch))}},
               TRY(eval(part.body.value, "multipart body", batch, index, scratch)));
  }
  set_header(request.headers, "Content-Type", writer.content_type());
  request.body = HttpBody(writer.finish());
  return request;
}

Result<HttpRequest> HttpRequestBuilder::of_batch(const Batch& batch,
                                                 std::shared_ptr<const void> owner) const {
  if (batch.size() == 1 || has_multipart()) return of_message(batch, 0, std::move(owner));
  Arena scratch;
  HttpRequest request = TRY(head(batch, 0, scratch));
  // A content type that was asked for is that of each part; the request's is the multipart one.
  const std::string* wanted = find_header(request.headers, "Content-Type");
  const std::string part_type = wanted ? *wanted : std::string(default_content_type);
  MultipartWriter writer;
  for (const Message& message : batch) {
    HttpHeaders headers{{"Content-Type", part_type}};
    add_metadata(message, headers, false, scratch);
    writer.add(headers, message.bytes());
  }
  set_header(request.headers, "Content-Type", writer.content_type());
  request.body = HttpBody(writer.finish());
  return request;
}

void HttpRequestBuilder::annotate(int status, const HttpHeaders& headers,
                                  Message& message) const {
  if (status != 0) message.set_metadata("http_status_code", Value::int64(status));
  if (extract_.empty()) return;
  Arena scratch;
  std::map<std::string, std::vector<std::string_view>> chosen;
  for (const auto& [name, value] : headers) {
    std::string key = to_lower(name);
    if (extract_.match(key)) chosen[std::move(key)].push_back(value);
  }
  for (const auto& [key, values] : chosen) {
    if (values.size() == 1) {
      message.set_metadata(key, Value::string(values.front()));
      continue;
    }
    Array* list = make_array(scratch, values.size());
    for (const std::string_view value : values) list->push(Value::string(value), scratch);
    message.set_metadata(key, Value::array(list));
  }
}

Result<> HttpRequestBuilder::read_response(const HttpResponse& response, Batch& out) const {
  const std::string* type = response.header("Content-Type");
  const auto media = type ? parse_media_type(*type) : Result<MediaType>(MediaType{});
  std::vector<MultipartPart> parts;
  if (media && media->is_multipart()) {
    parts = TRY(parse_multipart(response.body, media->parameter("boundary")));
  } else {
    parts.push_back({{}, response.body});
  }
  for (const MultipartPart& part : parts) {
    Message& message = out.add();
    message.set_bytes(out.arena().copy(part.body));
    annotate(response.status, response.headers, message);
  }
  return {};
}

}  // namespace tollgate
