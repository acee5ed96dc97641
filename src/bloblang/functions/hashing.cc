// Methods of category Encoding and Encryption: hash and uuid_v5.

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <xxhash.h>

#include <array>

#include "bloblang/functions/catalogue.h"
#include "value/encoding.h"

namespace tollgate::bloblang {
namespace {

// Checksums ---------------------------------------------------------------------------------------

/// A CRC-32 by its polynomial, lowest bit first.
std::uint32_t crc32(std::string_view bytes, std::uint32_t polynomial) {
  std::array<std::uint32_t, 16> table{};  // by half bytes
  for (std::uint32_t i = 0; i < table.size(); ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 4; ++bit) crc = crc & 1 ? crc >> 1 ^ polynomial : crc >> 1;
    table[i] = crc;
  }
  std::uint32_t crc = 0xFFFFFFFF;
  for (const char c : bytes) {
    crc ^= static_cast<unsigned char>(c);
    crc = crc >> 4 ^ table[crc & 15];
    crc = crc >> 4 ^ table[crc & 15];
  }
  return ~crc;
}

std::uint32_t fnv32(std::string_view bytes) {
  std::uint32_t hash = 2166136261;
  for (const char c : bytes) hash = (hash * 16777619) ^ static_cast<unsigned char>(c);
  return hash;
}

// Digests -----------------------------------------------------------------------------------------

enum class Algorithm : std::uint8_t { digest, keyed, xxhash64, crc32, fnv32 };

struct HashName {
  std::string_view name;
  Algorithm algorithm;
  const EVP_MD* (*digest)() = nullptr;
};
constexpr HashName kHashes[] = {
    {"hmac_sha1", Algorithm::keyed, EVP_sha1},
    {"hmac-sha1", Algorithm::keyed, EVP_sha1},
    {"hmac_sha256", Algorithm::keyed, EVP_sha256},
    {"hmac-sha256", Algorithm::keyed, EVP_sha256},
    {"hmac_sha512", Algorithm::keyed, EVP_sha512},
    {"hmac-sha512", Algorithm::keyed, EVP_sha512},
    {"md5", Algorithm::digest, EVP_md5},
    {"sha1", Algorithm::digest, EVP_sha1},
    {"sha256", Algorithm::digest, EVP_sha256},
    {"sha512", Algorithm::digest, EVP_sha512},
    {"sha3_256", Algorithm::digest, EVP_sha3_256},
    {"sha3_512", Algorithm::digest, EVP_sha3_512},
    {"xxhash64", Algorithm::xxhash64},
    {"crc32", Algorithm::crc32},
    {"fnv32", Algorithm::fnv32},
};

struct HashState final : CallState {
  const HashName* hash = nullptr;
  std::uint32_t polynomial = 0;  ///< 0: unknown
};

Prepared prepare_hash(const Arguments& arguments) {
  const std::string name(arguments.text(0));
  for (const HashName& hash : kHashes) {
    if (hash.name != name) continue;
    if (hash.algorithm == Algorithm::keyed && (!arguments.has(1) || arguments.text(1).empty())) {
      return std::unexpected("hash algorithm " + name + " requires a key argument");
    }
    auto state = std::make_unique<HashState>();
    state->hash = &hash;
    if (arguments.text(2) == "IEEE") state->polynomial = 0xEDB88320;
    if (arguments.text(2) == "Castagnoli") state->polynomial = 0x82F63B78;
    if (arguments.text(2) == "Koopman") state->polynomial = 0xEB31D82E;
    return state;
  }
  return std::unexpected("unrecognized hash type: " + name);
}

const unsigned char* as_bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

Value hash(Call& call, Value target) {
  if (!target.is_text()) return call.type_error(target, "string");
  const std::string_view text = target.as_text();
  const auto& state = call.state<HashState>();
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  switch (state.hash->algorithm) {
    case Algorithm::xxhash64: return call.bytes(std::to_string(XXH64(text.data(), text.size(), 0)));
    case Algorithm::fnv32: return call.bytes(std::to_string(fnv32(text)));
    case Algorithm::crc32: {
      if (!state.polynomial) {
        std::string quoted;
        append_go_quoted(quoted, call.text(2));
        return call.error("unsupported crc32 hash key ", quoted);
      }
      const std::uint32_t crc = crc32(text, state.polynomial);
      for (; size < 4; ++size) digest[size] = static_cast<unsigned char>(crc >> (24 - 8 * size));
      break;
    }
    case Algorithm::digest:
      if (!EVP_Digest(text.data(), text.size(), digest, &size, state.hash->digest(), nullptr)) {
        return call.error("hash algorithm ", state.hash->name, " is not available");
      }
      break;
    case Algorithm::keyed: {
      const std::string_view key = call.text(1);
      if (!HMAC(state.hash->digest(), key.data(), static_cast<int>(key.size()), as_bytes(text),
                text.size(), digest, &size)) {
        return call.error("hash algorithm ", state.hash->name, " is not available");
      }
      break;
    }
  }
  return call.bytes({reinterpret_cast<const char*>(digest), size});
}

// UUIDs of names ----------------------------------------------------------------------------------

/// The namespace a user names, as 16 bytes.
std::optional<std::string> namespace_of(std::string_view name) {
  constexpr std::string_view kTail = "-9dad-11d1-80b4-00c04fd430c8";
  if (name == "dns" || name == "DNS") return namespace_of("6ba7b810" + std::string(kTail));
  if (name == "url" || name == "URL") return namespace_of("6ba7b811" + std::string(kTail));
  if (name == "oid" || name == "OID") return namespace_of("6ba7b812" + std::string(kTail));
  if (name == "x500" || name == "X500") return namespace_of("6ba7b814" + std::string(kTail));
  if (name.starts_with("urn:uuid:")) {
    name.remove_prefix(9);
    if (name.size() != 36 && name.size() != 32) return std::nullopt;
  } else if (name.size() >= 2 && name.front() == '{' && name.back() == '}') {
    name = name.substr(1, name.size() - 2);
  }
  std::string digits(name);
  if (name.size() == 36) {
    for (const std::size_t dash : {8u, 13u, 18u, 23u}) {
      if (name[dash] != '-') return std::nullopt;
    }
    std::erase(digits, '-');
  }
  if (digits.size() != 32) return std::nullopt;
  auto bytes = decode_hex(digits);
  return bytes ? std::optional(std::move(*bytes)) : std::nullopt;
}

Value uuid_v5(Call& call, Value target) {
  if (target.is_null()) return target;
  std::string input(16, '\0');
  if (call.has(0)) {
    const auto space = namespace_of(call.text(0));
    if (!space) {
      std::string quoted;
      append_go_quoted(quoted, call.text(0));
      return call.error("invalid ns uuid: ", quoted);
    }
    input = *space;
  }
  if (!target.is_text()) return call.type_error(target, "string");
  input += target.as_text();
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  if (!EVP_Digest(input.data(), input.size(), digest, &size, EVP_sha1(), nullptr)) {
    return call.error("hash algorithm sha1 is not available");
  }
  digest[6] = (digest[6] & 0x0F) | 0x50;
  digest[8] = (digest[8] & 0x3F) | 0x80;
  std::string text;
  append_hex(text, {reinterpret_cast<const char*>(digest), 16});
  for (const std::size_t dash : {8u, 13u, 18u, 23u}) text.insert(dash, "-");
  return call.string(text);
}

// Entries -----------------------------------------------------------------------------------------

constinit const Function kEntries[] = {
    {.name = "hash",
     .category = Category::encryption,
     .parameters = {{"algorithm", Type::string,
                     "hmac_sha1, hmac_sha256, hmac_sha512, md5, sha1, sha256, sha512, sha3_256, "
                     "sha3_512, xxhash64, crc32 or fnv32."},
                    {"key", Type::string, "The key of an hmac.", Need::optional},
                    {"polynomial", Type::string, "Of crc32: IEEE, Castagnoli or Koopman.",
                     Need::defaulted, Value::string("IEEE")}},
     .prepare = prepare_hash,
     .call = hash,
     .description = "The hash of a text or bytes, as bytes; of xxhash64 and fnv32 as the digits of "
                    "a decimal number.",
     .examples = {{.mapping = "root.id = this.text.hash(\"sha1\").encode(\"hex\")",
                   .cases = {{R"({"text":"hello"})",
                              R"({"id":"aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d"})"}}},
                  {.mapping = "root.mac = this.text.hash(\"hmac_sha1\", \"key\").encode(\"base64\")",
                   .cases = {{R"({"text":"hello"})",
                              R"({"mac":"s0zqxFFv8joUPmHXnQ+npPvl8mY="})"}}}}},
    {.name = "uuid_v5",
     .category = Category::encryption,
     .parameters = {{"ns", Type::string, "dns, url, oid, x500 or a UUID; else the nil UUID.",
                     Need::optional}},
     .call = uuid_v5,
     .description = "The UUID of a name in a namespace, the same for the same name.",
     .examples = {{.mapping = "root.id = this.host.uuid_v5(\"dns\")",
                   .cases = {{R"({"host":"example.com"})",
                              R"({"id":"cfbff0d1-9375-5685-968c-48ce8b15ae17"})"}}}}},
};

}  // namespace

constinit const std::span<const Function> kHashMethods = kEntries;

}  // namespace tollgate::bloblang
