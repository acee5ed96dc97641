#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace tollgate {

enum class Compression : std::uint8_t {
  gzip,
  pgzip,         ///< gzip, flushed before its end
  zlib,
  flate,         ///< raw deflate
  bzip2,         ///< decompression only
  lz4,           ///< frames
  snappy,        ///< one block
  snappy_framed,
  zstd,
};

/// The algorithm a user names. Nothing if there is none such.
std::optional<Compression> compression_named(std::string_view name);

/// What a whole message may become: more is an error, so that a small message cannot take all
/// memory.
inline constexpr std::size_t kMaxInflated = std::size_t{256} << 20;

/// `level` -1 is the algorithm's default; 0 to 9 otherwise.
Result<std::string> compress(Compression algorithm, std::int64_t level, std::string_view bytes);
Result<std::string> decompress(Compression algorithm, std::string_view bytes,
                               std::size_t limit = kMaxInflated);

/// Decompresses a stream that comes in pieces. One thread.
class Inflater {
 public:
  using Sink = std::function<Result<>(std::string_view bytes)>;

  virtual ~Inflater() = default;
  /// Gives `sink` what comes out, in pieces of at most 64 KiB.
  virtual Result<> feed(std::string_view bytes, const Sink& sink) = 0;
  /// The stream ended: an error if it should not have.
  virtual Result<> finish(const Sink& sink) = 0;

  static std::unique_ptr<Inflater> make(Compression algorithm);
};

}  // namespace tollgate
