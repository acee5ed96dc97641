#include "components/inputs/http_answer.h"

#include <algorithm>
#include <charconv>
#include <span>

#include "base/strings.h"
#include "component/http_request.h"
#include "component/multipart.h"

namespace tollgate {
namespace {

std::string_view sniffed_type(std::string_view body) {
  const bool binary = std::ranges::any_of(body.substr(0, 512), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x09 || byte == 0x0B || (byte >= 0x0E && byte <= 0x1A) ||
           (byte >= 0x1C && byte <= 0x1F);
  });
  return binary ? "application/octet-stream" : "text/plain; charset=utf-8";
}

}  // namespace

const Schema<ResponseConfig>& response_schema() {
  using Response = ResponseConfig;
  static const Schema<Response> fields{
      field("status", &Response::status, "The status of an answer; must give an integer.")
          .advanced(),
      field("headers", &Response::headers, "Headers of an answer.").advanced(),
      section("metadata_headers", &Response::metadata_headers, metadata_filter_schema(),
              "Metadata of the answer to send as headers.")
          .advanced(),
  };
  return fields;
}

ServerResponse error_response(int status, std::string_view text) {
  ServerResponse response = ServerResponse::text(status, std::string(text) + "\n");
  set_header(response.headers, "Content-Type", "text/plain; charset=utf-8");
  set_header(response.headers, "X-Content-Type-Options", "nosniff");
  return response;
}

Result<Answerer> Answerer::build(const ResponseConfig& config, Logger logger) {
  Answerer made;
  made.status_ = config.status.value;
  for (const auto& [name, text] : config.headers) made.headers_.emplace_back(name, text.value);
  made.metadata_ = TRY(MetadataFilter::build(config.metadata_headers));
  made.logger_ = std::move(logger);
  return made;
}

ServerResponse Answerer::answer(const TransactionResult& result, ResponseStore& store) const {
  if (!result.ok()) {
    const auto failed = std::ranges::find_if(result.failures, [&](const auto& failure) {
      return result.outcomes.empty() || (failure.record < result.outcomes.size() &&
                                         result.outcomes[failure.record] == Outcome::failed);
    });
    if (failed == result.failures.end()) return error_response(502, "failed");
    const bool closing = failed->error.fault() == Fault::cancelled;
    return error_response(closing ? 503 : 502, failed->error.message());
  }
  Batch all;
  for (const auto& batch : store.take()) {
    for (const Message& message : *batch) {
      all.add_copy(message);
    }
  }
  return all.empty() ? ServerResponse{} : answer(all);
}

ServerResponse Answerer::answer(const Batch& batch) const {
  ServerResponse response;
  Arena scratch;
  for (const auto& [name, text] : headers_) {
    auto value = text.eval(batch, 0, scratch);
    if (!value) {
      logger_.error("Interpolation of response header {} error: {}", name,
                    value.error().message());
      continue;
    }
    if (valid_header(name, *value)) set_header(response.headers, name, std::string(*value));
  }
  add_metadata(batch[0], response.headers, scratch);
  const auto status = status_.eval(batch, 0, scratch);
  const std::string text(status ? trim(*status) : std::string_view());
  const auto [end, problem] =
      std::from_chars(text.data(), text.data() + text.size(), response.status);
  if (problem != std::errc() || end != text.data() + text.size() || response.status < 100 ||
      response.status > 999) {
    logger_.error("Failed to parse sync response status code expression: {}",
                  status ? std::string_view(text) : status.error().message());
    response.status = 502;
    return response;
  }
  response.gzip = true;
  if (batch.size() == 1) {
    response.body = batch[0].bytes();
    if (!response.body.empty() && !find_header(response.headers, "Content-Type")) {
      set_header(response.headers, "Content-Type", std::string(sniffed_type(response.body)));
    }
    return response;
  }
  MultipartWriter writer;
  for (const Message& message : batch) {
    writer.add({{"Content-Type", std::string(sniffed_type(message.bytes()))}}, message.bytes());
  }
  set_header(response.headers, "Content-Type", writer.content_type());
  response.body = writer.finish();
  return response;
}

void Answerer::add_metadata(const Message& message, HttpHeaders& headers, Arena& scratch) const {
  if (metadata_.empty() || !message.metadata()) return;
  for (const Member& member : std::span(message.metadata()->items, message.metadata()->size)) {
    if (!metadata_.match(member.key)) continue;
    std::string value = value_text(member.value, scratch);
    if (!valid_header(member.key, value)) continue;
    set_header(headers, canonical_header(member.key), std::move(value));
  }
}

}  // namespace tollgate
