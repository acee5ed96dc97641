#include "bloblang/functions/jwt_keys.h"

#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

namespace tollgate::bloblang {
namespace {

constexpr std::string_view kNames[] = {"HS256", "HS384", "HS512", "RS256", "RS384",
                                       "RS512", "ES256", "ES384", "ES512"};

int index_of(JwtAlgorithm algorithm) { return static_cast<int>(algorithm); }
char family_of(JwtAlgorithm algorithm) { return jwt_name(algorithm)[0]; }

const EVP_MD* digest_of(JwtAlgorithm algorithm) {
  switch (index_of(algorithm) % 3) {
    case 0: return EVP_sha256();
    case 1: return EVP_sha384();
    default: return EVP_sha512();
  }
}

/// Bytes of each of the two numbers of an ES signature.
std::size_t number_size(JwtAlgorithm algorithm) {
  switch (algorithm) {
    case JwtAlgorithm::es256: return 32;
    case JwtAlgorithm::es384: return 48;
    default: return 66;
  }
}

const unsigned char* as_bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(ECDSA_SIG* signature) const { ECDSA_SIG_free(signature); }
};
template <typename T>
using Owned = std::unique_ptr<T, FreeKey>;

/// Never asks for a passphrase.
int no_passphrase(char*, int, int, void*) { return 0; }

Owned<EVP_PKEY> read_pem(std::string_view pem, bool is_private) {
  const auto open = [&] {
    return Owned<BIO>(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  };
  Owned<EVP_PKEY> key;
  if (is_private) {
    const auto source = open();
    key.reset(PEM_read_bio_PrivateKey(source.get(), nullptr, no_passphrase, nullptr));
  } else {
    const auto source = open();
    key.reset(PEM_read_bio_PUBKEY(source.get(), nullptr, no_passphrase, nullptr));
    if (!key) {
      const auto again = open();
      const Owned<X509> certificate(
          PEM_read_bio_X509(again.get(), nullptr, no_passphrase, nullptr));
      if (certificate) key.reset(X509_get_pubkey(certificate.get()));
    }
  }
  ERR_clear_error();
  return key;
}

bool is_pem(std::string_view text) {
  const Owned<BIO> source(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  char* name = nullptr;
  char* header = nullptr;
  unsigned char* content = nullptr;
  long size = 0;
  const bool read = source && PEM_read_bio(source.get(), &name, &header, &content, &size) == 1;
  OPENSSL_free(name);
  OPENSSL_free(header);
  OPENSSL_clear_free(content, read ? static_cast<std::size_t>(size) : 0);
  ERR_clear_error();
  return read;
}

/// r and s side by side, from the DER form that OpenSSL gives; empty if it is none.
std::string plain_signature(std::string_view der, std::size_t size) {
  const unsigned char* at = as_bytes(der);
  const Owned<ECDSA_SIG> signature(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())));
  if (!signature) return {};
  std::string out(size * 2, '\0');
  auto* to = reinterpret_cast<unsigned char*>(out.data());
  const int width = static_cast<int>(size);
  if (BN_bn2binpad(ECDSA_SIG_get0_r(signature.get()), to, width) < 0 ||
      BN_bn2binpad(ECDSA_SIG_get0_s(signature.get()), to + size, width) < 0) {
    return {};
  }
  return out;
}

std::string der_signature(std::string_view plain, std::size_t size) {
  const int width = static_cast<int>(size);
  const Owned<ECDSA_SIG> signature(ECDSA_SIG_new());
  BIGNUM* const r = BN_bin2bn(as_bytes(plain), width, nullptr);
  BIGNUM* const s = BN_bin2bn(as_bytes(plain) + size, width, nullptr);
  if (!signature || !r || !s || !ECDSA_SIG_set0(signature.get(), r, s)) {
    BN_free(r);
    BN_free(s);
    return {};
  }
  unsigned char* der = nullptr;
  const int length = i2d_ECDSA_SIG(signature.get(), &der);
  if (length <= 0) return {};
  std::string out(reinterpret_cast<char*>(der), static_cast<std::size_t>(length));
  OPENSSL_free(der);
  return out;
}

}  // namespace

std::string_view jwt_name(JwtAlgorithm algorithm) { return kNames[index_of(algorithm)]; }

struct JwtKey::Key {
  std::string secret;
  Owned<EVP_PKEY> pair;
};

JwtKey::JwtKey(JwtAlgorithm algorithm, std::unique_ptr<Key> key)
    : algorithm_(algorithm), key_(std::move(key)) {}
JwtKey::JwtKey(JwtKey&&) noexcept = default;
JwtKey::~JwtKey() = default;

std::expected<JwtKey, std::string> JwtKey::load(JwtAlgorithm algorithm, std::string_view secret,
                                                bool is_private) {
  auto key = std::make_unique<Key>();
  key->secret = secret;
  const char family = family_of(algorithm);
  if (family == 'H') return JwtKey(algorithm, std::move(key));
  if (secret.size() > INT32_MAX || !is_pem(secret)) {
    return std::unexpected("invalid key: Key must be a PEM encoded PKCS1 or PKCS8 key");
  }
  key->pair = read_pem(secret, is_private);
  const int wanted = family == 'R' ? EVP_PKEY_RSA : EVP_PKEY_EC;
  if (!key->pair || EVP_PKEY_base_id(key->pair.get()) != wanted) {
    return std::unexpected(std::string("key is not a valid ") +
                           (family == 'R' ? "RSA " : "ECDSA ") +
                           (is_private ? "private key" : "public key"));
  }
  return JwtKey(algorithm, std::move(key));
}

std::expected<std::string, std::string> JwtKey::sign(std::string_view text) const {
  const EVP_MD* const digest = digest_of(algorithm_);
  const char family = family_of(algorithm_);
  if (family == 'H') {
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    if (!HMAC(digest, key_->secret.data(), static_cast<int>(key_->secret.size()), as_bytes(text),
              text.size(), mac, &size)) {
      return std::unexpected("the hash failed");
    }
    return std::string(reinterpret_cast<char*>(mac), size);
  }
  const auto width = number_size(algorithm_);
  if (family == 'E' &&
      (static_cast<std::size_t>(EVP_PKEY_bits(key_->pair.get())) + 7) / 8 != width) {
    return std::unexpected("key is invalid");
  }
  const Owned<EVP_MD_CTX> context(EVP_MD_CTX_new());
  std::size_t size = 0;
  if (!context ||
      EVP_DigestSignInit(context.get(), nullptr, digest, nullptr, key_->pair.get()) != 1 ||
      EVP_DigestSign(context.get(), nullptr, &size, as_bytes(text), text.size()) != 1) {
    return std::unexpected("key is invalid");
  }
  std::string signature(size, '\0');
  if (EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                     as_bytes(text), text.size()) != 1) {
    return std::unexpected("key is invalid");
  }
  signature.resize(size);
  return family == 'E' ? plain_signature(signature, width) : signature;
}

std::string_view JwtKey::verify(std::string_view text, std::string_view signature) const {
  const char family = family_of(algorithm_);
  if (family == 'H') {
    const auto expected = sign(text);
    const bool same = expected && expected->size() == signature.size() &&
                      CRYPTO_memcmp(expected->data(), signature.data(), signature.size()) == 0;
    return same ? "" : "signature is invalid";
  }
  std::string der(signature);
  if (family == 'E') {
    const auto width = number_size(algorithm_);
    if (signature.size() != 2 * width) return "crypto/ecdsa: verification error";
    der = der_signature(signature, width);
  }
  const Owned<EVP_MD_CTX> context(EVP_MD_CTX_new());
  const bool good =
      context &&
      EVP_DigestVerifyInit(context.get(), nullptr, digest_of(algorithm_), nullptr,
                           key_->pair.get()) == 1 &&
      EVP_DigestVerify(context.get(), as_bytes(der), der.size(), as_bytes(text), text.size()) == 1;
  ERR_clear_error();
  if (good) return "";
  return family == 'R' ? "crypto/rsa: verification error" : "crypto/ecdsa: verification error";
}

}  // namespace tollgate::bloblang
