#include "value/compression.h"

#include <lz4frame.h>
#include <snappy.h>
#include <xxhash.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <memory>

#include "value/compression_header.h"
#include "value/deflate.h"
#include "value/lz4_block.h"

namespace tollgate {
namespace {

bool is_gzip(Compression algorithm) {
  return algorithm == Compression::gzip || algorithm == Compression::pgzip;
}

/// Window bits that tell zlib which wrapping to use.
int window_bits(Compression algorithm) {
  if (is_gzip(algorithm)) return 15 + 16;
  return algorithm == Compression::zlib ? 15 : -15;
}

void append_number(std::string& out, std::uint32_t number, bool big_endian) {
  for (int i = 0; i < 4; ++i) out += static_cast<char>(number >> 8 * (big_endian ? 3 - i : i));
}

/// A deflate stream between the header and the checksum of its format.
std::string wrapped(Compression algorithm, int level, std::string_view bytes,
                    std::string_view stream) {
  const auto* const data = reinterpret_cast<const Bytef*>(bytes.data());
  std::string out;
  if (is_gzip(algorithm)) {
    // The time is that of the year 1 in Go, the system unknown.
    const char effort = level == 9 ? '\2' : level == 1 ? '\4' : '\0';
    out = {'\x1f', '\x8b', 8, 0, 0, '\x09', '\x6e', '\x88', effort, '\xff'};
    out += stream;
    append_number(out, static_cast<std::uint32_t>(crc32_z(0, data, bytes.size())), false);
    append_number(out, static_cast<std::uint32_t>(bytes.size()), false);
  } else if (algorithm == Compression::zlib) {
    const int shown = level == -1 || level == 6 ? 2 : level < 2 ? 0 : level < 6 ? 1 : 3;
    out = {'\x78', static_cast<char>(shown << 6 | (31 - (0x7800 + (shown << 6)) % 31))};
    out += stream;
    append_number(out, static_cast<std::uint32_t>(adler32_z(1, data, bytes.size())), true);
  } else {
    out = stream;
  }
  return out;
}

Result<std::string> deflate_all(Compression algorithm, std::int64_t wanted,
                                std::string_view bytes) {
  if (wanted < -2 || wanted > 9) {
    const std::string number = std::to_string(wanted);
    if (algorithm == Compression::flate) {
      return invalid("flate: invalid compression level " + number +
                     ": want value in range [-2, 9]");
    }
    return invalid((is_gzip(algorithm) ? "gzip" : "zlib") +
                   (": invalid compression level: " + number));
  }
  const int level = static_cast<int>(wanted);
  if (const auto body = deflate_as_incumbent(bytes, level, algorithm == Compression::pgzip)) {
    return wrapped(algorithm, level, bytes, *body);
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

/// A frame of one block with the incumbent's bytes.
std::string short_lz4_frame(std::string_view bytes) {
  constexpr std::uint32_t kStored = std::uint32_t{1} << 31;
  std::string out("\x04\x22\x4D\x18\x64\x70\xB9");
  const auto block = lz4_block_as_incumbent(bytes);
  const std::string_view content = block ? std::string_view(*block) : bytes;
  append_number(out, static_cast<std::uint32_t>(content.size()) | (block ? 0 : kStored), false);
  out += content;
  append_number(out, 0, false);
  append_number(out, XXH32(bytes.data(), bytes.size(), 0), false);
  return out;
}

/// One frame in the form that most writers use: independent blocks of 4 MiB, with a checksum.
Result<std::string> lz4_all(int level, std::string_view bytes) {
  if (level > 9) {
    return invalid("lz4: invalid compression level: " +
                   std::to_string(std::uint64_t{1} << std::min(8 + level, 63)));
  }
  if (level <= 0 && !bytes.empty() && bytes.size() < std::size_t{1} << 16) {
    return short_lz4_frame(bytes);
  }
  LZ4F_preferences_t preferences{};
  preferences.compressionLevel = std::max(level, 0);
  preferences.frameInfo.blockSizeID = LZ4F_max4MB;
  preferences.frameInfo.blockMode = LZ4F_blockIndependent;
  preferences.frameInfo.contentChecksumFlag = LZ4F_contentChecksumEnabled;
  LZ4F_cctx* started = nullptr;
  if (LZ4F_isError(LZ4F_createCompressionContext(&started, LZ4F_VERSION))) {
    return transient("cannot start compression");
  }
  const std::unique_ptr<LZ4F_cctx, decltype(&LZ4F_freeCompressionContext)> context(
      started, LZ4F_freeCompressionContext);
  std::string out(LZ4F_compressBound(bytes.size(), &preferences) + LZ4F_HEADER_SIZE_MAX, '\0');
  std::size_t size = 0;
  std::string problem;
  const auto add = [&](std::size_t written) {
    if (LZ4F_isError(written)) {
      problem = std::string("lz4: ") + LZ4F_getErrorName(written);
    } else {
      size += written;
    }
    return problem.empty();
  };
  const auto rest = [&] { return out.size() - size; };
  const bool done =
      add(LZ4F_compressBegin(started, out.data(), rest(), &preferences)) &&
      add(LZ4F_compressUpdate(started, out.data() + size, rest(), bytes.data(), bytes.size(),
                              nullptr)) &&
      add(LZ4F_compressEnd(started, out.data() + size, rest(), nullptr));
  if (!done) return invalid(problem);
  out.resize(size);
  return out;
}

/// A frame with a checksum and without its size, as streams are written.
Result<std::string> zstd_all(int level, std::string_view bytes) {
  const std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> context(ZSTD_createCCtx(),
                                                                     ZSTD_freeCCtx);
  if (!context) return transient("cannot start compression");
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel,
                         level < 0 ? ZSTD_CLEVEL_DEFAULT : level);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_checksumFlag, 1);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_contentSizeFlag, 0);
  std::string out(ZSTD_compressBound(bytes.size()), '\0');
  const std::size_t size =
      ZSTD_compress2(context.get(), out.data(), out.size(), bytes.data(), bytes.size());
  if (ZSTD_isError(size)) return invalid(std::string("zstd: ") + ZSTD_getErrorName(size));
  out.resize(size);
  return out;
}

}  // namespace

std::optional<Compression> compression_named(std::string_view name) {
  if (name == "gzip") return Compression::gzip;
  if (name == "pgzip") return Compression::pgzip;
  if (name == "zlib") return Compression::zlib;
  if (name == "flate") return Compression::flate;
  if (name == "bzip2") return Compression::bzip2;
  if (name == "lz4") return Compression::lz4;
  if (name == "snappy") return Compression::snappy;
  if (name == "zstd") return Compression::zstd;
  return std::nullopt;
}

Result<std::string> compress(Compression algorithm, std::int64_t level, std::string_view bytes) {
  if (bytes.size() >= std::size_t{1} << 31) return invalid("a message is too large to compress");
  switch (algorithm) {
    case Compression::gzip:
    case Compression::pgzip:
    case Compression::zlib:
    case Compression::flate: return deflate_all(algorithm, level, bytes);
    case Compression::lz4: return lz4_all(static_cast<int>(std::clamp<std::int64_t>(level, -1, 64)), bytes);
    case Compression::zstd: return zstd_all(static_cast<int>(std::clamp<std::int64_t>(level, -1, 64)), bytes);
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
  if (std::string fault = header_fault(algorithm, bytes); !fault.empty()) {
    return invalid(std::move(fault));
  }
  // The header is read as a whole before it is looked at.
  const std::size_t header = is_gzip(algorithm) ? 10 : algorithm == Compression::zlib ? 2 : 0;
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
