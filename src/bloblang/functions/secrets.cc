// Methods that compare a text with a hashed secret: compare_argon2, compare_bcrypt.

#include <argon2.h>
#include <crypt.h>
#include <openssl/crypto.h>

#include <algorithm>
#include <array>
#include <memory>

#include "base/strings.h"
#include "bloblang/functions/catalogue.h"
#include "value/encoding.h"
#include "value/number.h"

namespace tollgate::bloblang {
namespace {

bool same_bytes(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

// Argon2 ------------------------------------------------------------------------------------------

constexpr std::string_view kInvalidArgon2 = "invalid argon2 hash";
/// Beyond these a hash is no password hash but an attack: 1 GiB, and ten seconds or so.
constexpr std::uint32_t kMaxArgon2Memory = 1u << 20;        // KiB
constexpr std::uint64_t kMaxArgon2Work = 4ull << 20;        // KiB × passes
/// What RFC 9106's reference implementation takes.
constexpr std::size_t kMinTag = 4, kMinSalt = 8;

struct Argon2Hash {
  argon2_type type = Argon2_id;
  std::uint32_t memory = 0, passes = 0, lanes = 0;
  std::string salt, tag;
};

using Scanned = std::expected<std::uint32_t, std::string>;

/// The number after `label`, which starts `rest`, with the errors of Go's fmt.Sscanf.
Scanned scan_parameter(std::string_view& rest, std::string_view label, std::uint32_t max) {
  const std::size_t shared = std::min(rest.size(), label.size());
  if (rest.substr(0, shared) != label.substr(0, shared)) {
    return std::unexpected("input does not match format");
  }
  rest.remove_prefix(shared);
  while (rest.starts_with(' ') || rest.starts_with('\t')) rest.remove_prefix(1);
  if (rest.empty()) return std::unexpected("unexpected EOF");
  const auto digits = rest.substr(0, std::min(rest.find_first_not_of("0123456789"), rest.size()));
  if (digits.empty()) return std::unexpected("expected integer");
  rest.remove_prefix(digits.size());
  const auto number = scan_uint(digits);
  if (number.fault != NumberFault::none) {
    return std::unexpected(number_error("ParseUint", digits, number.fault));
  }
  if (number.value > max) {
    return std::unexpected("unsigned integer overflow on token " + std::string(digits));
  }
  return static_cast<std::uint32_t>(number.value);
}

std::unexpected<std::string> bad_argon2(std::string_view part, std::string_view why = {}) {
  std::string text = std::string(kInvalidArgon2) + ": " + std::string(part);
  if (!why.empty()) text += "; " + std::string(why);
  return std::unexpected(text);
}

std::expected<Argon2Hash, std::string> parse_argon2(std::string_view text) {
  const auto parts = split(text, "$");
  if (parts.size() != 6) return std::unexpected(std::string(kInvalidArgon2));
  Argon2Hash hash;
  if (parts[1] == "argon2i") {
    hash.type = Argon2_i;
  } else if (parts[1] != "argon2id") {
    return bad_argon2("unrecognised argon2 format");
  }
  // Of the version only the form matters; all use version 19.
  std::string_view version = parts[2];
  if (!version.starts_with("v=")) {
    const bool cut_short = version.empty() || version == "v";
    return bad_argon2("parsing version",
                      cut_short ? "unexpected EOF" : "input does not match format");
  }
  if (version.find_first_not_of(" \t", 2) == version.npos) {
    return bad_argon2("parsing version", "EOF");
  }
  std::string_view rest = parts[3];
  std::uint32_t* const numbers[] = {&hash.memory, &hash.passes, &hash.lanes};
  constexpr std::string_view labels[] = {"m=", ",t=", ",p="};
  const std::string terminated = std::string(parts[3]) + "$";  // as it stands in the whole
  rest = terminated;
  for (std::size_t i = 0; i < 3; ++i) {
    const auto number = scan_parameter(rest, labels[i], i == 2 ? UINT8_MAX : UINT32_MAX);
    if (!number) return bad_argon2("parsing parameters", number.error());
    *numbers[i] = *number;
  }
  if (rest != "$") return bad_argon2("excess characters in parameters segment");
  auto salt = decode_base64(parts[4], {.padded = false});
  if (!salt) return bad_argon2("parsing base64 salt", salt.error().message());
  auto tag = decode_base64(parts[5], {.padded = false});
  if (!tag) return bad_argon2("parsing base64 key", tag.error().message());
  hash.salt = std::move(*salt);
  hash.tag = std::move(*tag);
  return hash;
}

/// Empty, or why the parameters are refused.
std::string check_argon2(const Argon2Hash& hash) {
  if (hash.memory > kMaxArgon2Memory) {
    return "memory of " + std::to_string(hash.memory) + " KiB exceeds the limit of " +
           std::to_string(kMaxArgon2Memory) + " KiB";
  }
  if (std::uint64_t{hash.memory} * hash.passes > kMaxArgon2Work) {
    return "memory of " + std::to_string(hash.memory) + " KiB times " +
           std::to_string(hash.passes) + " iterations exceeds the limit of " +
           std::to_string(kMaxArgon2Work) + " KiB";
  }
  return {};
}

Value compare_argon2(Call& call, Value target) {
  const auto input = as_string(target, call.arena());
  if (!input) return call.type_error(target, "string");
  if (input->empty()) return Value::boolean(false);
  const auto hash = parse_argon2(call.text(0));
  if (!hash) return call.error(hash.error());
  if (const auto problem = check_argon2(*hash); !problem.empty()) {
    return call.error(kInvalidArgon2, ": ", problem);
  }
  if (!hash->tag.empty() && hash->tag.size() < kMinTag) return Value::boolean(false);  // nobody's
  std::string computed(hash->tag.size(), '\0');
  const int outcome =
      argon2_hash(hash->passes, hash->memory, hash->lanes, input->data(), input->size(),
                  hash->salt.data(), hash->salt.size(), computed.data(), computed.size(), nullptr, 0,
                  hash->type, ARGON2_VERSION_13);
  if (outcome == ARGON2_SALT_TOO_SHORT) {
    return call.error(kInvalidArgon2, ": the salt must have at least ", std::to_string(kMinSalt),
                      " bytes");
  }
  if (outcome != ARGON2_OK) {
    return call.error(kInvalidArgon2, ": ", argon2_error_message(outcome));
  }
  return Value::boolean(same_bytes(computed, hash->tag));
}

// bcrypt ------------------------------------------------------------------------------------------

constexpr std::size_t kBcryptSize = 59, kBcryptSalt = 22;
constexpr std::size_t kBcryptSecret = 72;  // what comes after does not count
/// Each step doubles the time; 16 is some five seconds.
constexpr std::int64_t kMaxBcryptCost = 16;

struct BcryptHash {
  std::int64_t cost = 0;
  std::string_view salt, digest;
};

std::expected<BcryptHash, std::string> parse_bcrypt(std::string_view text) {
  using Problem = std::unexpected<std::string>;
  if (text.size() < kBcryptSize) {
    return Problem("crypto/bcrypt: hashedSecret too short to be a bcrypted password");
  }
  if (text[0] != '$') {
    return Problem("crypto/bcrypt: bcrypt hashes must start with '$', but hashedSecret started with '" +
                   std::string(1, text[0]) + "'");
  }
  if (static_cast<unsigned char>(text[1]) > '2') {
    return Problem("crypto/bcrypt: bcrypt algorithm version '" + std::string(1, text[1]) +
                   "' requested is newer than current version '2'");
  }
  text.remove_prefix(text[2] == '$' ? 3 : 4);
  const auto digits = text.substr(0, 2);
  const auto cost = scan_int(digits);
  if (cost.fault != NumberFault::none) return Problem(number_error("Atoi", digits, cost.fault));
  if (cost.value < 4 || cost.value > 31) {
    return Problem("crypto/bcrypt: cost " + std::to_string(cost.value) +
                   " is outside allowed inclusive range 4..31");
  }
  return BcryptHash{cost.value, text.substr(3, kBcryptSalt), text.substr(3 + kBcryptSalt)};
}

/// Where `salt` leaves the alphabet of bcrypt's base64; npos if nowhere.
std::size_t bad_digit(std::string_view salt) {
  return salt.find_first_not_of("./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");
}

Value compare_bcrypt(Call& call, Value target) {
  const auto input = as_string(target, call.arena());
  if (!input) return call.type_error(target, "string");
  const auto hash = parse_bcrypt(call.text(0));
  if (!hash) return call.error(hash.error());
  if (const auto at = bad_digit(hash->salt); at != std::string_view::npos) {
    return call.error("illegal base64 data at input byte ", std::to_string(at));
  }
  if (hash->cost > kMaxBcryptCost) {
    return call.error("bcrypt cost ", std::to_string(hash->cost), " exceeds the limit of ",
                      std::to_string(kMaxBcryptCost));
  }
  // Only its tools in C are known to make hashes; none can have hashed a zero byte.
  if (input->contains('\0')) return Value::boolean(false);
  std::string setting = hash->cost < 10 ? "$2b$0" : "$2b$";
  setting += std::to_string(hash->cost);
  setting += '$';
  setting += hash->salt;
  const std::string secret(input->substr(0, kBcryptSecret));
  const auto data = std::make_unique<crypt_data>();
  const char* const computed = crypt_r(secret.c_str(), setting.c_str(), data.get());
  if (!computed || computed[0] != '$') return call.error("bcrypt is not available");
  // The last digit of a salt has bits that do not count; only the digest is compared.
  const std::string_view digest = std::string_view(computed).substr(setting.size());
  return Value::boolean(same_bytes(digest, hash->digest.substr(0, digest.size())));
}

// Entries -----------------------------------------------------------------------------------------

constinit const Function kEntries[] = {
    {.name = "compare_argon2",
     .category = Category::strings,
     .parameters = {{"hashed_secret", Type::string,
                     "The hash, with its parameters: $argon2id$v=19$m=…,t=…,p=…$salt$hash."}},
     .errors = Function::Errors::as_given,
     .call = compare_argon2,
     .description = "Whether the text is the secret of an Argon2 hash (argon2i or argon2id). Hashes "
                    "that ask for more than 1 GiB, or 4 GiB over all iterations, are refused.",
     .examples = {{.mapping = "root.match = this.secret.compare_argon2(\"$argon2id$v=19$m=64,t=2,p=1$"
                              "dG9sbGdhdGUtc2FsdA$w8Zkx/gwJKGOOvyjDLQgHtA0ccFozIMswY9AZTDWG9I\")",
                   .cases = {{R"({"secret":"open sesame"})", R"({"match":true})"},
                             {R"({"secret":"open barley"})", R"({"match":false})"}}}}},
    {.name = "compare_bcrypt",
     .category = Category::strings,
     .parameters = {{"hashed_secret", Type::string, "The hash: $2b$10$…."}},
     .errors = Function::Errors::as_given,
     .call = compare_bcrypt,
     .description = "Whether the text is the secret of a bcrypt hash, whose cost is 16 at most.",
     .examples = {{.mapping = "root.match = this.secret.compare_bcrypt("
                              "\"$2b$04$TollgateTollgateTollgu7cCqHN5/.EpQW7e7zP.34degMb3kt8e\")",
                   .cases = {{R"({"secret":"open sesame"})", R"({"match":true})"},
                             {R"({"secret":"open barley"})", R"({"match":false})"}}}}},
};

}  // namespace

constinit const std::span<const Function> kSecretMethods = kEntries;

}  // namespace tollgate::bloblang
