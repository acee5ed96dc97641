#include "value/compression.h"

#include <lz4frame.h>
#include <snappy.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>

namespace tollgate {
namespace {

/// Window bits that tell zlib which wrapping to use.
int window_bits(Compression algorithm) {
  if (algorithm == Compression::gzip) return 15 + 16;
  return algorithm == Compression::zlib ? 15 : -15;
}

std::string_view name_of(Compression algorithm) {
  if (algorithm == Compression::gzip) return "gzip";
  return algorithm == Compression::zlib ? "zlib" : "flate";
}

Result<std::string> deflate_all(Compression algorithm, int level, std::string_view bytes) {
  if (level < -2 || level > 9) {
    if (algorithm == Compression::flate) {
      return invalid("flate: invalid compression level " + std::to_string(level) +
                     ": want value in range [-2, 9]");
    }
    return invalid(std::string(name_of(algorithm)) +
                   ": invalid compression level: " + std::to_string(level));
  }
  z_stream stream{};
  const int strategy = level == -2 ? Z_HUFFMAN_ONLY : Z_DEFAULT_STRATEGY;
  if (deflateInit2(&stream, std::max(level, -1), Z_DEFLATED, window_bits(algorithm), 8, strategy) !=
      Z_OK) {
    return transient("cannot start compression");
  }
  std::string out(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int done = deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  if (done != Z_STREAM_END) return invalid("compression failed");
  return out;
}

Result<std::string> lz4_all(int level, std::string_view bytes) {
  if (level > 9) {
    return invalid("lz4: invalid compression level: " +
                   std::to_string(std::uint64_t{1} << std::min(8 + level, 63)));
  }
  LZ4F_preferences_t preferences{};
  preferences.compressionLevel = std::max(level, 0);
  std::string out(LZ4F_compressFrameBound(bytes.size(), &preferences), '\0');
  const std::size_t size =
      LZ4F_compressFrame(out.data(), out.size(), bytes.data(), bytes.size(), &preferences);
  if (LZ4F_isError(size)) return invalid(std::string("lz4: ") + LZ4F_getErrorName(size));
  out.resize(size);
  return out;
}

Result<std::string> zstd_all(int level, std::string_view bytes) {
  std::string out(ZSTD_compressBound(bytes.size()), '\0');
  const std::size_t size = ZSTD_compress(out.data(), out.size(), bytes.data(), bytes.size(),
                                         level < 0 ? ZSTD_CLEVEL_DEFAULT : level);
  if (ZSTD_isError(size)) return invalid(std::string("zstd: ") + ZSTD_getErrorName(size));
  out.resize(size);
  return out;
}

}  // namespace

std::optional<Compression> compression_named(std::string_view name) {
  if (name == "gzip" || name == "pgzip") return Compression::gzip;
  if (name == "zlib") return Compression::zlib;
  if (name == "flate") return Compression::flate;
  if (name == "bzip2") return Compression::bzip2;
  if (name == "lz4") return Compression::lz4;
  if (name == "snappy") return Compression::snappy;
  if (name == "zstd") return Compression::zstd;
  return std::nullopt;
}

Result<std::string> compress(Compression algorithm, int level, std::string_view bytes) {
  if (bytes.size() >= std::size_t{1} << 31) return invalid("a message is too large to compress");
  switch (algorithm) {
    case Compression::gzip:
    case Compression::zlib:
    case Compression::flate: return deflate_all(algorithm, level, bytes);
    case Compression::lz4: return lz4_all(level, bytes);
    case Compression::zstd: return zstd_all(level, bytes);
    case Compression::snappy: {
      std::string out;
      snappy::Compress(bytes.data(), bytes.size(), &out);
      return out;
    }
    case Compression::bzip2:
    case Compression::snappy_framed: break;
  }
  return invalid("compression type not recognised");
}

Result<std::string> decompress(Compression algorithm, std::string_view bytes, std::size_t limit) {
  if (algorithm == Compression::snappy) {
    std::size_t size = 0;
    if (!snappy::GetUncompressedLength(bytes.data(), bytes.size(), &size)) {
      return invalid("s2: corrupt input");
    }
    if (size > limit) return invalid("the decompressed message is too large");
    std::string out;
    if (!snappy::Uncompress(bytes.data(), bytes.size(), &out)) {
      return invalid("s2: corrupt input");
    }
    return out;
  }
  // The header is read as a whole before it is looked at.
  const std::size_t header = algorithm == Compression::gzip ? 10 : algorithm == Compression::zlib ? 2 : 0;
  if (!bytes.empty() && bytes.size() < header) return invalid("unexpected EOF");
  std::string out;
  const Inflater::Sink sink = [&](std::string_view piece) -> Result<> {
    if (piece.size() > limit - out.size()) return invalid("the decompressed message is too large");
    out += piece;
    return {};
  };
  const auto inflater = Inflater::make(algorithm);
  TRY(inflater->feed(bytes, sink));
  TRY(inflater->finish(sink));
  return out;
}

}  // namespace tollgate
