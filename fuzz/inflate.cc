// Decompression under a limit, of whole messages and of streams: never more than the limit, and both
// ways come to the same. The first byte names the algorithm.

#include <cstdint>
#include <string>
#include <string_view>

#include "check.h"
#include "net/grpc.h"
#include "value/compression.h"

namespace {

using namespace tollgate;

constexpr std::size_t limit = 1 << 20;

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  for (const auto encoding : {GrpcEncoding::identity, GrpcEncoding::gzip, GrpcEncoding::deflate}) {
    const auto inflated = inflate_message(bytes, encoding, limit);
    fuzz::require(!inflated || inflated->size() <= limit, "a message beyond the limit");
    fuzz::require(inflated || !inflated.error().message.empty(), "an error without words");
    const auto back = inflate_message(deflate_message(bytes, encoding), encoding, size);
    fuzz::require(back && *back == bytes, "deflated and inflated to something else");
  }
  const auto algorithm = static_cast<Compression>(data[0] % 8);
  const auto whole = decompress(algorithm, bytes, limit);
  fuzz::require(!whole || whole->size() <= limit, "a text beyond the limit");
  std::string pieces;
  const auto inflater = Inflater::make(algorithm);
  if (!inflater) return 0;
  const Inflater::Sink keep = [&](std::string_view piece) -> Result<> {
    fuzz::require(piece.size() <= (64u << 10), "a piece too large");
    pieces += piece;
    return pieces.size() > limit ? Result<>(invalid("enough")) : Result<>();
  };
  Result<> fed;
  for (std::size_t at = 0; fed && at < bytes.size(); at += 7) fed = inflater->feed(bytes.substr(at, 7), keep);
  if (fed) fed = inflater->finish(keep);
  if (whole && fed) fuzz::require(pieces == *whole, "a stream comes to something else");
  return 0;
}
