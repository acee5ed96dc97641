// Responses as the HTTP client reads them: what they say does not depend on the pieces they come in,
// and nothing is taken beyond their end.

#include <cstdint>
#include <string>
#include <string_view>

#include "check.h"
#include "net/http_response_reader.h"

namespace {

using namespace tollgate;

struct Read {
  std::string error;
  std::size_t taken = 0;
  bool done = false;
  bool keeps_alive = false;
  HttpResponse response;
};

Read read(std::string_view bytes, std::size_t size, bool to_head) {
  HttpResponseReader reader(to_head, {.head_bytes = 4 << 10, .body_bytes = 4 << 10});
  Read outcome;
  while (outcome.taken < bytes.size() && !reader.done()) {
    const auto piece = bytes.substr(outcome.taken, size);
    const auto taken = reader.feed(piece);
    if (!taken) {
      outcome.error = taken.error().message();
      return outcome;
    }
    fuzz::require(*taken <= piece.size(), "more taken than given");
    fuzz::require(*taken == piece.size() || reader.done(), "bytes are left and the response is not over");
    outcome.taken += *taken;
  }
  if (!reader.done()) {
    if (const auto end = reader.end_of_input(); !end) outcome.error = end.error().message();
  }
  outcome.done = reader.done();
  outcome.keeps_alive = outcome.done && reader.keeps_alive();
  outcome.response = std::move(reader.response());
  fuzz::require(outcome.response.body.size() <= 4 << 10, "the body is larger than allowed");
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const bool to_head = (data[0] & 1) != 0;
  const std::size_t piece = data[0] / 2 + 1;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Read whole = read(bytes, bytes.size(), to_head);
  const Read pieces = read(bytes, piece, to_head);
  fuzz::require(whole.error.empty() == pieces.error.empty(), "one way fails, the other does not");
  if (!whole.error.empty()) return 0;
  fuzz::require(whole.taken == pieces.taken && whole.done == pieces.done &&
                    whole.keeps_alive == pieces.keeps_alive,
                "the response ends elsewhere");
  fuzz::require(whole.response.status == pieces.response.status &&
                    whole.response.reason == pieces.response.reason &&
                    whole.response.headers == pieces.response.headers &&
                    whole.response.trailers == pieces.response.trailers &&
                    whole.response.body == pieces.response.body,
                "the responses differ");
  return 0;
}
