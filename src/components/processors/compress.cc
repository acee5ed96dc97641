// compress, decompress: the payload of each message.

#include <memory>

#include "component/build_context.h"
#include "component/processor.h"
#include "value/compression.h"

namespace tollgate {
namespace {

// Configuration -----------------------------------------------------------------------------------

struct CompressConfig {
  std::string algorithm;
  int level = -1;
};

const Schema<CompressConfig>& compress_schema() {
  static const Schema<CompressConfig> fields{
      required("algorithm", &CompressConfig::algorithm, "How to compress.")
          .options({"flate", "gzip", "lz4", "pgzip", "snappy", "zlib"}),
      field("level", &CompressConfig::level,
            "From 0 (none) to 9 (smallest); -1 is the algorithm's default."),
  };
  return fields;
}

struct DecompressConfig {
  std::string algorithm;
};

const Schema<DecompressConfig>& decompress_schema() {
  static const Schema<DecompressConfig> fields{
      required("algorithm", &DecompressConfig::algorithm, "How it is compressed.")
          .options({"bzip2", "flate", "gzip", "lz4", "pgzip", "snappy", "zlib"}),
  };
  return fields;
}

// Implementation ----------------------------------------------------------------------------------

class Compress final : public MessageProcessor {
 public:
  Compress(Compression algorithm, int level, Logger logger)
      : algorithm_(algorithm), level_(level), logger_(std::move(logger)) {}

 private:
  Result<Verdict> transform(Batch& batch, std::size_t index) override {
    auto made = compress(algorithm_, level_, batch[index].bytes());
    if (!made) {
      logger_.error("Failed to compress message: {}", made.error().message());
      return std::unexpected(std::move(made).error());
    }
    batch[index].set_bytes(batch.arena().copy(*made));
    return Verdict::keep;
  }

  const Compression algorithm_;
  const int level_;
  const Logger logger_;
};

class Decompress final : public MessageProcessor {
 public:
  Decompress(Compression algorithm, Logger logger)
      : algorithm_(algorithm), logger_(std::move(logger)) {}

 private:
  Result<Verdict> transform(Batch& batch, std::size_t index) override {
    auto made = decompress(algorithm_, batch[index].bytes());
    if (!made) {
      logger_.error("Failed to decompress message part: {}", made.error().message());
      return std::unexpected(std::move(made).error());
    }
    batch[index].set_bytes(batch.arena().copy(*made));
    return Verdict::keep;
  }

  const Compression algorithm_;
  const Logger logger_;
};

Result<ProcessorFactory> make_compress(CompressConfig config, BuildContext& context) {
  const auto algorithm = compression_named(config.algorithm);
  if (!algorithm) return invalid("compression type not recognised: " + config.algorithm);
  return [algorithm = *algorithm, level = config.level, logger = context.logger()] {
    return std::make_unique<Compress>(algorithm, level, logger);
  };
}

Result<ProcessorFactory> make_decompress(DecompressConfig config, BuildContext& context) {
  const auto algorithm = compression_named(config.algorithm);
  if (!algorithm) return invalid("decompression type not recognised: " + config.algorithm);
  return [algorithm = *algorithm, logger = context.logger()] {
    return std::make_unique<Decompress>(algorithm, logger);
  };
}

}  // namespace

// Registration ------------------------------------------------------------------------------------

extern constinit const ProcessorType compress_processor;
constinit const ProcessorType compress_processor =
    component_type<compress_schema, make_compress>({
        .name = "compress",
        .categories = "Parsing",
        .summary = "Compresses each message.",
        .description = "`lz4` writes frames, `snappy` one block without a frame.",
    });

extern constinit const ProcessorType decompress_processor;
constinit const ProcessorType decompress_processor =
    component_type<decompress_schema, make_decompress>({
        .name = "decompress",
        .categories = "Parsing",
        .summary = "Decompresses each message.",
        .description = R"md(
A message that is not of the algorithm is flagged and stays as it was, and so is one that would
become larger than 256 MiB.
)md",
    });

}  // namespace tollgate
