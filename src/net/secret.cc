#include "net/secret.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "net/http.h"

namespace tollgate {

bool same_secret(std::string_view given, std::string_view expected) {
  // Digests have one length, and their comparison says nothing about what they were made of.
  unsigned char digests[2][EVP_MAX_MD_SIZE];
  unsigned size = 0;
  if (EVP_Digest(given.data(), given.size(), digests[0], &size, EVP_sha256(), nullptr) != 1 ||
      EVP_Digest(expected.data(), expected.size(), digests[1], &size, EVP_sha256(), nullptr) != 1) {
    return false;
  }
  return CRYPTO_memcmp(digests[0], digests[1], size) == 0 && !expected.empty();
}

bool carries_bearer(std::string_view authorization, std::string_view token) {
  constexpr std::string_view scheme = "Bearer ";
  const bool bearer = authorization.size() > scheme.size() &&
                      same_header(authorization.substr(0, scheme.size()), scheme);
  const bool same = same_secret(bearer ? authorization.substr(scheme.size()) : "", token);
  return bearer && same;
}

}  // namespace tollgate
