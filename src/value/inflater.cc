#include <bzlib.h>
#include <lz4frame.h>
#include <snappy.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <array>
#include <utility>

#include "value/compression.h"

namespace tollgate {
namespace {

/// Out of line: inlined, the compiler takes the short text for an overflow.
[[gnu::noinline]] std::unexpected<Error> fail(std::string_view text) {
  return invalid(std::string(text));
}

constexpr std::size_t kPiece = 64 << 10;
using Piece = std::array<char, kPiece>;

std::unexpected<Error> ended_early(bool anything_read) {
  return fail(anything_read ? "unexpected EOF" : "EOF");
}

class ZlibInflater final : public Inflater {
 public:
  explicit ZlibInflater(Compression algorithm) : algorithm_(algorithm) {
    const int bits = algorithm == Compression::gzip ? 15 + 16
                     : algorithm == Compression::zlib ? 15
                                                      : -15;
    ready_ = inflateInit2(&stream_, bits) == Z_OK;
  }
  ~ZlibInflater() override { inflateEnd(&stream_); }

  Result<> feed(std::string_view bytes, const Sink& sink) override {
    if (!ready_) return transient("cannot start decompression");
    while (!bytes.empty()) {
      // Only gzip allows one stream after another; other streams' tails are not looked at.
      if (ended_ && algorithm_ != Compression::gzip) return {};
      const bool follows = std::exchange(ended_, false);
      if (follows) {
        inflateReset(&stream_);
        any_output_ = false;
      }
      started_ = true;
      const std::string_view now = bytes.substr(0, std::size_t{1} << 30);
      stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(now.data()));
      stream_.avail_in = static_cast<uInt>(now.size());
      if (auto done = run(sink); !done) {
        // A header is read as a whole before it is looked at.
        if (follows && !any_output_ && bytes.size() < kGzipHeader) return fail("unexpected EOF");
        return done;
      }
      bytes.remove_prefix(now.size() - stream_.avail_in);
    }
    return {};
  }

  Result<> finish(const Sink&) override {
    if (!ended_) return ended_early(started_ || algorithm_ != Compression::gzip);
    return {};
  }

 private:
  static constexpr std::size_t kGzipHeader = 10, kZlibHeader = 2;

  /// Until the input is used up or a stream ends.
  Result<> run(const Sink& sink) {
    do {
      stream_.next_out = reinterpret_cast<Bytef*>(piece_.data());
      stream_.avail_out = kPiece;
      const int done = inflate(&stream_, Z_NO_FLUSH);
      if (done == Z_DATA_ERROR || done == Z_NEED_DICT) return corrupt();
      if (done == Z_MEM_ERROR) return transient("out of memory");
      const std::size_t made = kPiece - stream_.avail_out;
      any_output_ |= made > 0;
      if (made > 0) TRY(sink({piece_.data(), made}));
      if (done == Z_STREAM_END) {
        ended_ = true;
        return {};
      }
    } while (stream_.avail_in > 0 || stream_.avail_out == 0);
    return {};
  }

  std::unexpected<Error> corrupt() const {
    const std::string_view why = stream_.msg ? stream_.msg : "";
    if (why == "incorrect data check" || why == "incorrect length check") {
      return invalid(algorithm_ == Compression::gzip ? "gzip: invalid checksum"
                                                     : "zlib: invalid checksum");
    }
    const std::size_t header = algorithm_ == Compression::gzip   ? kGzipHeader
                               : algorithm_ == Compression::zlib ? kZlibHeader
                                                                 : 0;
    if (why.contains("header") || stream_.total_in < header ||
        why == "unknown compression method" || why == "invalid window size") {
      return invalid(algorithm_ == Compression::gzip ? "gzip: invalid header"
                                                     : "zlib: invalid header");
    }
    // Go counts within the deflate stream.
    return invalid("flate: corrupt input before offset " +
                   std::to_string(stream_.total_in - header));
  }

  const Compression algorithm_;
  z_stream stream_{};
  bool ready_ = false;
  bool started_ = false;
  bool ended_ = false;
  bool any_output_ = false;
  Piece piece_;
};

class Bzip2Inflater final : public Inflater {
 public:
  Bzip2Inflater() { ready_ = BZ2_bzDecompressInit(&stream_, 0, 0) == BZ_OK; }
  ~Bzip2Inflater() override { BZ2_bzDecompressEnd(&stream_); }

  Result<> feed(std::string_view bytes, const Sink& sink) override {
    if (!ready_) return transient("cannot start decompression");
    while (!bytes.empty()) {
      if (ended_) {
        BZ2_bzDecompressEnd(&stream_);
        stream_ = {};
        ready_ = BZ2_bzDecompressInit(&stream_, 0, 0) == BZ_OK;
        if (!ready_) return transient("cannot start decompression");
      }
      ended_ = false;
      started_ = true;
      const std::string_view now = bytes.substr(0, std::size_t{1} << 30);
      stream_.next_in = const_cast<char*>(now.data());
      stream_.avail_in = static_cast<unsigned>(now.size());
      TRY(run(sink));
      bytes.remove_prefix(now.size() - stream_.avail_in);
    }
    return {};
  }

  Result<> finish(const Sink&) override {
    if (!ended_) return ended_early(started_);
    return {};
  }

 private:
  Result<> run(const Sink& sink) {
    do {
      stream_.next_out = piece_.data();
      stream_.avail_out = kPiece;
      const int done = BZ2_bzDecompress(&stream_);
      if (done != BZ_OK && done != BZ_STREAM_END) {
        return fail("bzip2 data invalid: corrupted input");
      }
      if (const std::size_t made = kPiece - stream_.avail_out) TRY(sink({piece_.data(), made}));
      if (done == BZ_STREAM_END) {
        ended_ = true;
        return {};
      }
    } while (stream_.avail_in > 0 || stream_.avail_out == 0);
    return {};
  }

  bz_stream stream_{};
  bool ready_ = false;
  bool started_ = false;
  bool ended_ = false;
  Piece piece_;
};

class Lz4Inflater final : public Inflater {
 public:
  Lz4Inflater() {
    ready_ = !LZ4F_isError(LZ4F_createDecompressionContext(&context_, LZ4F_VERSION));
  }
  ~Lz4Inflater() override { LZ4F_freeDecompressionContext(context_); }

  Result<> feed(std::string_view bytes, const Sink& sink) override {
    if (!ready_) return transient("cannot start decompression");
    std::size_t made = 0;
    // Once a frame is complete (nothing is wanted), a further call would wait for another one.
    while (!bytes.empty() || (made == kPiece && wanted_ != 0)) {
      made = kPiece;
      std::size_t used = bytes.size();
      wanted_ = LZ4F_decompress(context_, piece_.data(), &made, bytes.data(), &used, nullptr);
      if (LZ4F_isError(wanted_)) {
        const std::string_view name = LZ4F_getErrorName(wanted_);
        const std::string_view shown =
            name == "ERROR_frameType_unknown"     ? "bad magic number"
            : name == "ERROR_maxBlockSize_invalid" ? "invalid block size"
            : name == "ERROR_decompressionFailed"
                ? "invalid source or destination buffer too short"
                : name;
        return invalid("lz4: " + std::string(shown));
      }
      if (made > 0) TRY(sink({piece_.data(), made}));
      bytes.remove_prefix(used);
    }
    return {};
  }

  Result<> finish(const Sink&) override {
    if (wanted_ != 0) return fail("unexpected EOF");
    return {};
  }

 private:
  LZ4F_dctx* context_ = nullptr;
  bool ready_ = false;
  std::size_t wanted_ = 0;  // bytes it needs to finish its frame
  Piece piece_;
};

class ZstdInflater final : public Inflater {
 public:
  ZstdInflater() : context_(ZSTD_createDCtx()) {}
  ~ZstdInflater() override { ZSTD_freeDCtx(context_); }

  Result<> feed(std::string_view bytes, const Sink& sink) override {
    if (!context_) return transient("cannot start decompression");
    ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
    std::size_t made = 0;
    while (in.pos < in.size || (made == kPiece && wanted_ != 0)) {
      ZSTD_outBuffer out{piece_.data(), kPiece, 0};
      wanted_ = ZSTD_decompressStream(context_, &out, &in);
      if (ZSTD_isError(wanted_)) return corrupt();
      made = out.pos;
      if (made > 0) TRY(sink({piece_.data(), made}));
    }
    return {};
  }

  Result<> finish(const Sink&) override {
    if (wanted_ != 0) return fail("unexpected EOF");
    return {};
  }

 private:
  std::unexpected<Error> corrupt() const {
    switch (ZSTD_getErrorCode(wanted_)) {
      case ZSTD_error_checksum_wrong: return fail("CRC check failed");
      case ZSTD_error_frameParameter_windowTooLarge: return fail("window size exceeded");
      case ZSTD_error_prefix_unknown: return fail("invalid input: magic number mismatch");
      default: return invalid(std::string("zstd: ") + ZSTD_getErrorName(wanted_));
    }
  }

  ZSTD_DCtx* const context_;
  std::size_t wanted_ = 0;
  Piece piece_;
};

/// Chunks of a type byte and a three-byte length; data chunks have a checksum before them, which is
/// not looked at.
class SnappyInflater final : public Inflater {
 public:
  Result<> feed(std::string_view bytes, const Sink& sink) override {
    buffer_ += bytes;
    std::string_view rest = buffer_;
    while (rest.size() >= 4) {
      const auto byte = [rest](std::size_t i) { return static_cast<unsigned char>(rest[i]); };
      const std::size_t size =
          byte(1) | std::size_t{byte(2)} << 8 | std::size_t{byte(3)} << 16;
      if (rest.size() < 4 + size) break;
      TRY(take_chunk(byte(0), rest.substr(4, size), sink));
      rest.remove_prefix(4 + size);
    }
    buffer_.erase(0, buffer_.size() - rest.size());
    return {};
  }

  Result<> finish(const Sink&) override {
    if (!buffer_.empty()) return fail("unexpected EOF");
    return {};
  }

 private:
  static constexpr unsigned char kUncompressed = 1, kFirstSkippable = 0x80;
  static constexpr std::size_t kChecksum = 4;

  static Result<> take_chunk(unsigned char type, std::string_view data, const Sink& sink) {
    if (type >= kFirstSkippable) return {};
    if (type > kUncompressed || data.size() < kChecksum) return fail("snappy: corrupt input");
    data.remove_prefix(kChecksum);
    if (type == kUncompressed) return sink(data);
    std::size_t size = 0;
    std::string out;
    if (!snappy::GetUncompressedLength(data.data(), data.size(), &size) || size > kPiece ||
        !snappy::Uncompress(data.data(), data.size(), &out)) {
      return fail("snappy: corrupt input");
    }
    return sink(out);
  }

  std::string buffer_;
};

}  // namespace

std::unique_ptr<Inflater> Inflater::make(Compression algorithm) {
  if (algorithm == Compression::pgzip) algorithm = Compression::gzip;
  switch (algorithm) {
    case Compression::gzip:
    case Compression::pgzip:
    case Compression::zlib:
    case Compression::flate: return std::make_unique<ZlibInflater>(algorithm);
    case Compression::bzip2: return std::make_unique<Bzip2Inflater>();
    case Compression::lz4: return std::make_unique<Lz4Inflater>();
    case Compression::snappy:
    case Compression::snappy_framed: return std::make_unique<SnappyInflater>();
    case Compression::zstd: return std::make_unique<ZstdInflater>();
  }
  return nullptr;
}

}  // namespace tollgate
