// skip_bom, decompress, switch: scanners around other scanners.

#include <re2/re2.h>

#include <memory>
#include <optional>
#include <string>

#include "component/build_context.h"
#include "component/resource.h"
#include "value/compression.h"

namespace tollgate {
namespace {

// Configuration -----------------------------------------------------------------------------------

Node to_the_end() { return Node::map({{"to_the_end", {}, Node::map({})}}); }

struct BomConfig {
  ChildScanner into{to_the_end()};
};

const Schema<BomConfig>& bom_schema() {
  static const Schema<BomConfig> fields{
      field("into", &BomConfig::into, "The scanner for what follows."),
  };
  return fields;
}

struct DecompressConfig {
  std::string algorithm;
  ChildScanner into{to_the_end()};
};

const Schema<DecompressConfig>& decompress_schema() {
  static const Schema<DecompressConfig> fields{
      required("algorithm", &DecompressConfig::algorithm,
               "How the stream is compressed: gzip, pgzip, zlib, bzip2, flate, snappy, lz4, zstd."),
      field("into", &DecompressConfig::into, "The scanner for the decompressed stream."),
  };
  return fields;
}

struct CaseConfig {
  std::optional<std::string> re_match_name;
  ChildScanner scanner;
};

const Schema<CaseConfig>& case_schema() {
  static const Schema<CaseConfig> fields{
      field("re_match_name", &CaseConfig::re_match_name,
            "A regular expression (RE2) for the names of this case; unset: all names."),
      required("scanner", &CaseConfig::scanner, "The scanner for streams of this case."),
  };
  return fields;
}

struct SwitchConfig {
  std::vector<CaseConfig> cases;
};

const Schema<SwitchConfig>& switch_schema() {
  static const Schema<SwitchConfig> fields{
      sections("", &SwitchConfig::cases, case_schema(), "The cases, in order."),
  };
  return fields;
}

// Implementation ----------------------------------------------------------------------------------

class SkipBom final : public Scanner {
 public:
  explicit SkipBom(std::unique_ptr<Scanner> into) : into_(std::move(into)) {}

  Result<> feed(std::string_view bytes, Batch& out) override {
    if (past_start_) return into_->feed(bytes, out);
    start_ += bytes;
    return start_.size() < kLongest ? Result<>() : pass_start(out);
  }

  Result<> finish(Batch& out) override {
    if (!past_start_) TRY(pass_start(out));
    return into_->finish(out);
  }

 private:
  static constexpr std::size_t kLongest = 4;

  Result<> pass_start(Batch& out) {
    static constexpr std::string_view kMarks[] = {
        {"\x00\x00\xFE\xFF", 4}, {"\xFF\xFE\x00\x00", 4}, "\xEF\xBB\xBF", "\xFE\xFF", "\xFF\xFE"};
    past_start_ = true;
    std::string_view text = start_;
    for (const std::string_view mark : kMarks) {
      if (text.starts_with(mark)) {
        text.remove_prefix(mark.size());
        break;
      }
    }
    return text.empty() ? Result<>() : into_->feed(text, out);
  }

  const std::unique_ptr<Scanner> into_;
  std::string start_;
  bool past_start_ = false;
};

class DecompressStream final : public Scanner {
 public:
  DecompressStream(Compression algorithm, std::unique_ptr<Scanner> into)
      : inflater_(Inflater::make(algorithm)), into_(std::move(into)) {}

  Result<> feed(std::string_view bytes, Batch& out) override {
    return inflater_->feed(bytes, [&](std::string_view piece) { return into_->feed(piece, out); });
  }

  Result<> finish(Batch& out) override {
    TRY(inflater_->finish([&](std::string_view piece) { return into_->feed(piece, out); }));
    return into_->finish(out);
  }

 private:
  const std::unique_ptr<Inflater> inflater_;
  const std::unique_ptr<Scanner> into_;
};

/// Stands for a stream that no case of a switch is for.
class NoScanner final : public Scanner {
 public:
  Result<> feed(std::string_view, Batch&) override { return refuse(); }
  Result<> finish(Batch&) override { return refuse(); }

 private:
  static Result<> refuse() {
    return invalid("source details did not match against any scanners");
  }
};

struct Case {
  std::shared_ptr<const re2::RE2> pattern;  ///< null: all names
  ScannerFactory scanner;
};

Result<ScannerFactory> make_bom(BomConfig config, BuildContext& context) {
  return [into = TRY(context.scanner("into", config.into.node))](std::string_view name) {
    return std::make_unique<SkipBom>(into(name));
  };
}

Result<ScannerFactory> make_decompress(DecompressConfig config, BuildContext& context) {
  auto algorithm = compression_named(config.algorithm);
  if (!algorithm) return invalid("decompression type not recognised: " + config.algorithm);
  if (*algorithm == Compression::snappy) algorithm = Compression::snappy_framed;
  return [algorithm = *algorithm,
          into = TRY(context.scanner("into", config.into.node))](std::string_view name) {
    return std::make_unique<DecompressStream>(algorithm, into(name));
  };
}

void check_decompress(const DecompressConfig& config, const Node& body, ReadContext& context) {
  if (body["algorithm"] && !compression_named(config.algorithm)) {
    context.error(body["algorithm"].position(),
                  "decompression type not recognised: " + config.algorithm);
  }
}

Result<ScannerFactory> make_switch(SwitchConfig config, BuildContext& context) {
  std::vector<Case> cases;
  for (std::size_t i = 0; i < config.cases.size(); ++i) {
    const CaseConfig& each = config.cases[i];
    Case made{nullptr, TRY(context.scanner(std::to_string(i) + ".scanner", each.scanner.node))};
    if (each.re_match_name) {
      made.pattern = std::make_shared<const re2::RE2>(*each.re_match_name, re2::RE2::Quiet);
      if (!made.pattern->ok()) return invalid("error parsing regexp: " + made.pattern->error());
    }
    cases.push_back(std::move(made));
  }
  return [cases = std::move(cases)](std::string_view name) -> std::unique_ptr<Scanner> {
    for (const Case& each : cases) {
      if (!each.pattern || re2::RE2::PartialMatch(re2::StringPiece(name.data(), name.size()),
                                                  *each.pattern)) {
        return each.scanner(name);
      }
    }
    return std::make_unique<NoScanner>();
  };
}

}  // namespace

// Registration ------------------------------------------------------------------------------------

extern constinit const ScannerType skip_bom_scanner;
constinit const ScannerType skip_bom_scanner = component_type<bom_schema, make_bom>({
    .name = "skip_bom",
    .summary = "Drops a byte order mark at the start of the stream.",
});

extern constinit const ScannerType decompress_scanner;
constinit const ScannerType decompress_scanner =
    component_type<decompress_schema, make_decompress, check_decompress>({
        .name = "decompress",
        .summary = "Decompresses the stream for another scanner.",
    });

extern constinit const ScannerType switch_scanner;
constinit const ScannerType switch_scanner = component_type<switch_schema, make_switch>({
    .name = "switch",
    .summary = "Chooses a scanner by the name of the source.",
    .description = R"md(
The first case whose pattern the name matches is taken. A name that none matches is an error.
)md",
});

}  // namespace tollgate
