// Methods of category Encoding and Encryption: encode, decode, compress, decompress.

#include "bloblang/functions/catalogue.h"
#include "bloblang/functions/text_codecs.h"
#include "value/compression.h"
#include "value/encoding.h"

namespace tollgate::bloblang {
namespace {

// Encodings ---------------------------------------------------------------------------------------

using Codec = Result<std::string> (*)(std::string_view);

template <bool url, bool padded>
Result<std::string> to_base64(std::string_view bytes) {
  std::string out;
  append_base64(out, bytes, {.url = url, .padded = padded});
  return out;
}

template <bool url, bool padded>
Result<std::string> from_base64(std::string_view text) {
  return decode_base64_stream(text, {.url = url, .padded = padded});
}

Result<std::string> to_hex(std::string_view bytes) {
  std::string out;
  append_hex(out, bytes);
  return out;
}

Result<std::string> from_hex(std::string_view text) {
  auto bytes = decode_hex(text);
  if (bytes || !bytes.error().message().contains("odd length")) return bytes;
  return invalid("unexpected EOF");
}

Result<std::string> to_ascii85(std::string_view bytes) { return encode_ascii85(bytes); }

struct Scheme {
  std::string_view name;
  Codec encode, decode;
};
constexpr Scheme kSchemes[] = {
    {"base64", to_base64<false, true>, from_base64<false, true>},
    {"base64url", to_base64<true, true>, from_base64<true, true>},
    {"base64rawurl", to_base64<true, false>, from_base64<true, false>},
    {"hex", to_hex, from_hex},
    {"ascii85", to_ascii85, decode_ascii85},
    {"z85", encode_z85, decode_z85},
};

struct CodecState final : CallState {
  explicit CodecState(Codec chosen) : codec(chosen) {}
  Codec codec;
};

Prepared prepare_codec(const Arguments& arguments, bool encodes) {
  for (const Scheme& scheme : kSchemes) {
    if (arguments.text(0) == scheme.name) {
      return std::make_unique<CodecState>(encodes ? scheme.encode : scheme.decode);
    }
  }
  return std::unexpected("unrecognized encoding type: " + std::string(arguments.text(0)));
}

Prepared prepare_encode(const Arguments& arguments) { return prepare_codec(arguments, true); }
Prepared prepare_decode(const Arguments& arguments) { return prepare_codec(arguments, false); }

template <bool encodes>
Value convert(Call& call, Value target) {
  if (!target.is_text()) return call.type_error(target, "string");
  const auto result = call.state<CodecState>().codec(target.as_text());
  if (!result) return call.error(result.error().message());
  return encodes ? call.string(*result) : call.bytes(*result);
}

// Compression -------------------------------------------------------------------------------------

struct CompressionState final : CallState {
  explicit CompressionState(Compression chosen) : algorithm(chosen) {}
  Compression algorithm;
};

Prepared prepare_compression(const Arguments& arguments, bool compresses) {
  const auto algorithm = compression_named(arguments.text(0));
  if (!algorithm || (compresses && algorithm == Compression::bzip2)) {
    return std::unexpected("compression type not recognised: " + std::string(arguments.text(0)));
  }
  return std::make_unique<CompressionState>(*algorithm);
}

Prepared prepare_compress(const Arguments& arguments) {
  return prepare_compression(arguments, true);
}
Prepared prepare_decompress(const Arguments& arguments) {
  return prepare_compression(arguments, false);
}

template <bool compresses>
Value run_compression(Call& call, Value target) {
  const auto bytes = as_string(target, call.arena());
  if (!bytes) return call.type_error(target, "bytes");
  const Compression algorithm = call.state<CompressionState>().algorithm;
  Result<std::string> result;
  if constexpr (compresses) {
    result = compress(algorithm, call.integer(1), *bytes);
  } else {
    result = decompress(algorithm, *bytes);
  }
  return result ? call.bytes(*result) : call.error(result.error().message());
}

// Entries -----------------------------------------------------------------------------------------

constexpr std::string_view kSchemeHelp = "base64, base64url, base64rawurl, hex, ascii85 or z85.";

constinit const Function kEntries[] = {
    {.name = "encode",
     .category = Category::encryption,
     .parameters = {{"scheme", Type::string, kSchemeHelp}},
     .prepare = prepare_encode,
     .call = convert<true>,
     .description = "The text or bytes in an encoding of printable characters.",
     .examples = {{.mapping = "root.hex = this.text.encode(\"hex\")\nroot.b64 = "
                              "this.text.encode(\"base64\")",
                   .cases = {{R"({"text":"hello"})",
                              R"({"b64":"aGVsbG8=","hex":"68656c6c6f"})"}}}}},
    {.name = "decode",
     .category = Category::encryption,
     .parameters = {{"scheme", Type::string, kSchemeHelp}},
     .prepare = prepare_decode,
     .call = convert<false>,
     .description = "The bytes that an encoding of printable characters stands for.",
     .examples = {{.mapping = "root.text = this.b64.decode(\"base64\").string()",
                   .cases = {{R"({"b64":"aGVsbG8="})", R"({"text":"hello"})"}}}}},
    {.name = "compress",
     .category = Category::encryption,
     .parameters = {{"algorithm", Type::string,
                     "flate, gzip, lz4, pgzip, snappy, zlib or zstd."},
                    {"level", Type::integer, "How hard to try; -1 is the algorithm's default.",
                     Need::defaulted, Value::int64(-1)}},
     .errors = Function::Errors::as_given,
     .prepare = prepare_compress,
     .call = run_compression<true>,
     .description = "The text or bytes compressed.",
     .examples = {{.mapping = "root.same = this.text.compress(\"zlib\").decompress(\"zlib\") == "
                              "this.text",
                   .cases = {{R"({"text":"aaaaaaaaaa"})", R"({"same":true})"}}}}},
    {.name = "decompress",
     .category = Category::encryption,
     .parameters = {{"algorithm", Type::string,
                     "bzip2, flate, gzip, lz4, pgzip, snappy, zlib or zstd."}},
     .errors = Function::Errors::as_given,
     .prepare = prepare_decompress,
     .call = run_compression<false>,
     .description = "The bytes that were compressed; at most 256 MiB.",
     .examples = {{.mapping = "root.text = this.zip.decode(\"base64\").decompress(\"zlib\").string()",
                   .cases = {{R"({"zip":"eJzLSM3JyQcABiwCFQ=="})", R"({"text":"hello"})"}}}}},
};

}  // namespace

constinit const std::span<const Function> kEncodingMethods = kEntries;

}  // namespace tollgate::bloblang
