// What is read out of HTTP's texts: addresses, queries, media types, multipart bodies, dates. The
// first line is a header or address, the rest a body.

#include <cstdint>
#include <string>
#include <string_view>

#include "check.h"
#include "component/multipart.h"
#include "net/backoff.h"
#include "net/grpc.h"
#include "net/http_server_core.h"
#include "net/redact.h"
#include "net/url.h"

namespace {

using namespace tollgate;

void check_address(std::string_view text) {
  if (const auto url = parse_url(text)) {
    const auto again = parse_url(url->redacted());
    fuzz::require(again && again->host == url->host && again->port == url->port &&
                      again->path == url->path && again->userinfo.empty(),
                  "an address without its secrets is another one");
    if (url->userinfo.size() > 8) {
      fuzz::require(shown_url(text).find("//" + url->userinfo + "@") == std::string::npos,
                    "a password is shown");
    }
  }
  if (const auto resolved = resolve_url("http://user:pw@h:1/a/b?c#d", text)) {
    fuzz::require(parse_url(*resolved).has_value(), "resolved to what is no address");
  }
  if (const auto parts = split_host_port(text)) {
    const auto again = split_host_port(join_host_port(parts->first, parts->second));
    fuzz::require(again && *again == *parts, "host and port change");
  }
  fuzz::require(unescape_url(escape_url(text)) == text, "escaping loses something");
  std::string query;
  for (const auto& [name, value] : parse_query(text)) {
    query += (query.empty() ? "" : "&") + escape_url(name) + "=" + escape_url(value);
  }
  fuzz::require(query.empty() || parse_query(query).size() == parse_query(text).size(),
                "a query changes");
  ServerRequest request;
  request.target = text;
  http_server_detail::read_target(request);
}

void check_headers(std::string_view text) {
  if (const auto wait = parse_retry_after(text)) {
    fuzz::require(wait->count() >= 0, "a wait into the past");
  }
  parse_http_date(text);
  ServerRequest request;
  request.headers = {{"Accept-Encoding", std::string(text)},
                     {"Authorization", "Basic " + std::string(text)}};
  http_server_detail::accepts_gzip(request);
  basic_credentials(request);
  parse_grpc_timeout(text);
  decode_retry_delay(text);
  fuzz::require(decode_grpc_message(encode_grpc_message(text)) == text, "a message changes");
  const auto bytes = decode_base64(encode_base64(text, false));
  fuzz::require(bytes && *bytes == text, "base64 changes bytes");
}

void check_bodies(std::string_view head, std::string_view body) {
  const auto media = parse_media_type(head);
  if (media && media->is_multipart()) {
    if (const auto parts = parse_multipart(body, media->parameter("boundary"))) {
      MultipartWriter writer;
      for (const MultipartPart& part : *parts) writer.add(part.headers, part.body);
      const auto type = parse_media_type(writer.content_type());
      const std::string written = writer.finish();
      const auto again = parse_multipart(written, type->parameter("boundary"));
      if (parts->empty()) return;
      fuzz::require(again && again->size() == parts->size(), "parts are lost");
      for (std::size_t i = 0; i < parts->size(); ++i) {
        fuzz::require((*again)[i].body == (*parts)[i].body, "a part changes");
      }
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t line = std::min(text.find('\n'), size);
  const std::string_view head = text.substr(0, line);
  check_address(head);
  check_headers(head);
  check_bodies(head, text.substr(std::min(line + 1, size)));
  return 0;
}
