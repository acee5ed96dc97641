#include "component/scanned_stream.h"

#include <charconv>

#include <fmt/format.h>

namespace tollgate {
namespace {

Node object(std::string key, Node value) { return Node::map({{std::move(key), {}, std::move(value)}}); }

Node decompress(std::string algorithm, Node into) {
  return object("decompress", Node::map({{"algorithm", {}, Node::of(std::move(algorithm))},
                                         {"into", {}, std::move(into)}}));
}

// What "auto" does, by the file's name.
Node by_name() {
  const auto choice = [](const char* pattern, Node scanner) {
    return Node::map({{"re_match_name", {}, Node::of(pattern)}, {"scanner", {}, std::move(scanner)}});
  };
  const Node all = object("to_the_end", Node::map({}));
  const Node csv = object("csv", Node::map({}));
  const Node tar = object("tar", Node::map({}));
  return object("switch",
                Node::list({choice("\\.csv$", csv), choice("\\.csv\\.gz(ip)?$", decompress("gzip", csv)),
                            choice("\\.tar$", tar),
                            choice("\\.(tar\\.gz(ip)?|tgz)$", decompress("gzip", tar)),
                            choice("\\.gz(ip)?$", decompress("gzip", all)),
                            Node::map({{"scanner", {}, all}})}));
}

Node lines(std::int64_t max_buffer, std::string_view delimiter) {
  std::vector<Node::Entry> body{{"max_buffer_size", {}, Node::of(max_buffer)}};
  if (!delimiter.empty()) body.push_back({"custom_delimiter", {}, Node::of(std::string(delimiter))});
  return object("lines", Node::map(std::move(body)));
}

}  // namespace

Result<Node> scanner_of_codec(std::string_view codec, std::int64_t max_buffer) {
  const std::size_t slash = codec.find('/');
  if (slash != codec.npos && codec.find(':') > slash) {
    const std::string_view first = codec.substr(0, slash);
    Node inner = TRY(scanner_of_codec(codec.substr(slash + 1), max_buffer));
    if (first == "gzip" || first == "pgzip") return decompress(std::string(first), std::move(inner));
    if (first == "skipbom") return object("skip_bom", Node::map({{"into", {}, std::move(inner)}}));
    return invalid(fmt::format("codec was not recognised: {}", codec));
  }
  const std::size_t colon = std::min(codec.find(':'), codec.size());
  const std::string_view name = codec.substr(0, colon);
  const std::string_view argument = codec.substr(std::min(colon + 1, codec.size()));
  if (codec == "auto") return by_name();
  if (codec == "all-bytes") return object("to_the_end", Node::map({}));
  if (codec == "lines") return lines(max_buffer, "");
  if (name == "delim" && !argument.empty()) return lines(max_buffer, argument);
  if (codec == "tar") return object("tar", Node::map({}));
  if (codec == "gzip" || codec == "pgzip") {
    return decompress(std::string(codec), object("to_the_end", Node::map({})));
  }
  if (codec == "skipbom") {
    return object("skip_bom",
                  Node::map({{"into", {}, object("to_the_end", Node::map({}))}}));
  }
  if (name == "csv" || name == "csv-safe") {
    std::vector<Node::Entry> body;
    if (!argument.empty()) body.push_back({"custom_delimiter", {}, Node::of(std::string(argument))});
    if (name == "csv-safe") body.push_back({"continue_on_error", {}, Node::of(true)});
    return object("csv", Node::map(std::move(body)));
  }
  if (name == "chunker") {
    std::int64_t size = 0;
    const auto [end, problem] =
        std::from_chars(argument.data(), argument.data() + argument.size(), size);
    if (problem == std::errc() && end == argument.data() + argument.size() && size > 0) {
      return object("chunker", Node::map({{"size", {}, Node::of(size)}}));
    }
  }
  if (name == "regex" && !argument.empty()) {
    return object("re_match", Node::map({{"pattern", {}, Node::of(std::string(argument))},
                                         {"max_buffer_size", {}, Node::of(max_buffer)}}));
  }
  return invalid(fmt::format("codec was not recognised: {}", codec));
}

ChildScanner default_scanner() { return {object("lines", Node::map({}))}; }

Result<ScannerFactory> make_scanner(const std::optional<std::string>& codec,
                                    std::int64_t max_buffer, const ChildScanner& scanner,
                                    BuildContext& context) {
  if (!codec || codec->empty()) return context.scanner("scanner", scanner.node);
  return context.scanner("codec", TRY(scanner_of_codec(*codec, max_buffer)));
}

std::optional<Batch> ScannedMessages::take() {
  if (next_ == found_.size()) {
    if (next_ > 0) found_ = Batch();
    next_ = 0;
    return std::nullopt;
  }
  Batch one;
  one.add(found_[next_++].move_to(one.memory()));
  return one;
}

}  // namespace tollgate
