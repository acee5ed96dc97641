#include "cli/basic_auth.h"

#include <crypt.h>
#include <fmt/format.h>
#include <openssl/evp.h>

#include <cstring>

#include "net/secret.h"
#include "value/encoding.h"

namespace tollgate {

namespace {

std::string digest(const EVP_MD* algorithm, std::string_view text) {
  unsigned char bytes[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  EVP_Digest(text.data(), text.size(), bytes, &size, algorithm, nullptr);
  return {reinterpret_cast<char*>(bytes), size};
}

std::string scrypt(std::string_view password, std::string_view salt) {
  constexpr std::uint64_t kCost = 32768, kBlock = 8, kParallel = 1, kMemory = 64u << 20;
  std::string key(32, '\0');
  const auto* salt_bytes = reinterpret_cast<const unsigned char*>(salt.data());
  EVP_PBE_scrypt(password.data(), password.size(), salt_bytes, salt.size(), kCost, kBlock, kParallel,
                 kMemory, reinterpret_cast<unsigned char*>(key.data()), key.size());
  return key;
}

bool bcrypt_matches(const std::string& password, const std::string& hash) {
  crypt_data data{};
  const char* made = crypt_r(password.c_str(), hash.c_str(), &data);
  return made && same_secret(made, hash);
}

bool matches(const ServiceConfig::BasicAuth& config, const std::string& hash,
             const std::string& salt, const std::string& password) {
  if (config.algorithm == "bcrypt") return bcrypt_matches(password, hash);
  if (config.algorithm == "scrypt") return same_secret(scrypt(password, salt), hash);
  return same_secret(digest(config.algorithm == "md5" ? EVP_md5() : EVP_sha256(), password), hash);
}

}  // namespace

Result<std::function<std::optional<ServerResponse>(const ServerRequest&)>> basic_auth_check(
    const ServiceConfig::BasicAuth& config) {
  if (config.username.empty() || config.password_hash.empty()) {
    return invalid("http.basic_auth needs a username and a password_hash");
  }
  const std::string_view algorithm = config.algorithm;
  if (algorithm != "md5" && algorithm != "sha256" && algorithm != "bcrypt" &&
      algorithm != "scrypt") {
    return invalid(fmt::format("http.basic_auth.algorithm: expected md5, sha256, bcrypt or scrypt, "
                               "found '{}'", algorithm));
  }
  if (algorithm == "scrypt" && config.salt.empty()) {
    return invalid("http.basic_auth.salt is needed for scrypt");
  }
  const std::string hash = TRY(decode_base64(config.password_hash));
  const std::string salt = TRY(decode_base64(config.salt));
  return [config, hash, salt](const ServerRequest& request) -> std::optional<ServerResponse> {
    const auto given = basic_credentials(request);
    // Both are looked at in any case, so that the time does not tell which names there are.
    const bool known = given && same_secret(given->first, config.username);
    if (given && matches(config, hash, salt, given->second) && known) return std::nullopt;
    ServerResponse refused = ServerResponse::text(401, "Unauthorized");
    refused.headers.push_back(
        {"WWW-Authenticate", fmt::format("Basic realm=\"{}\"", config.realm)});
    return refused;
  };
}

}  // namespace tollgate
