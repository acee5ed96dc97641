#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>

namespace tollgate::bloblang {

/// The signature algorithms of JSON Web Tokens that there are methods for.
enum class JwtAlgorithm : std::uint8_t { hs256, hs384, hs512, rs256, rs384, rs512, es256, es384,
                                         es512 };

std::string_view jwt_name(JwtAlgorithm algorithm);  ///< "HS256"

/// A key for one algorithm: a secret for HS, else a PEM text. Immutable; any thread may use it.
class JwtKey {
 public:
  /// Error: "invalid key: Key must be a PEM encoded PKCS1 or PKCS8 key".
  static std::expected<JwtKey, std::string> load(JwtAlgorithm algorithm, std::string_view secret,
                                                 bool is_private);
  JwtKey(JwtKey&&) noexcept;
  ~JwtKey();

  std::expected<std::string, std::string> sign(std::string_view text) const;
  /// Empty, or why the signature does not fit.
  std::string_view verify(std::string_view text, std::string_view signature) const;

 private:
  struct Key;
  JwtKey(JwtAlgorithm algorithm, std::unique_ptr<Key> key);

  JwtAlgorithm algorithm_;
  std::unique_ptr<Key> key_;
};

}  // namespace tollgate::bloblang
