// Methods of category Encoding and Encryption: AES.

#include <openssl/evp.h>

#include <array>

#include "bloblang/functions/catalogue.h"

namespace tollgate::bloblang {
namespace {

constexpr std::size_t kBlock = 16, kNonce = 12, kTag = 16;

enum class Mode : std::uint8_t { ctr, gcm, ofb, cbc };

struct CipherState final : CallState {
  Mode mode = Mode::ctr;
  const EVP_CIPHER* cipher = nullptr;
  std::string key, iv;
};

const EVP_CIPHER* cipher_of(Mode mode, std::size_t key_size) {
  const std::size_t at = key_size / 8 - 2;
  switch (mode) {
    case Mode::ctr: return std::array{EVP_aes_128_ctr, EVP_aes_192_ctr, EVP_aes_256_ctr}[at]();
    case Mode::gcm: return std::array{EVP_aes_128_gcm, EVP_aes_192_gcm, EVP_aes_256_gcm}[at]();
    case Mode::ofb: return std::array{EVP_aes_128_ofb, EVP_aes_192_ofb, EVP_aes_256_ofb}[at]();
    case Mode::cbc: return std::array{EVP_aes_128_cbc, EVP_aes_192_cbc, EVP_aes_256_cbc}[at]();
  }
  return nullptr;
}

Prepared prepare(const Arguments& arguments, std::string_view verb) {
  const std::string_view scheme = arguments.text(0), key = arguments.text(1);
  if (key.size() != 16 && key.size() != 24 && key.size() != 32) {
    return std::unexpected("crypto/aes: invalid key size " + std::to_string(key.size()));
  }
  auto state = std::make_unique<CipherState>();
  state->key = key;
  state->iv = arguments.text(2);
  if (scheme != "ctr" && scheme != "gcm" && scheme != "ofb" && scheme != "cbc") {
    return std::unexpected("unrecognized " + std::string(verb) +
                           "ion type: " + std::string(scheme));
  }
  if (scheme == "gcm") state->mode = Mode::gcm;
  if (scheme == "ofb") state->mode = Mode::ofb;
  if (scheme == "cbc") state->mode = Mode::cbc;
  if (state->mode != Mode::gcm && state->iv.size() != kBlock) {
    return std::unexpected("the key must match the initialisation vector size");
  }
  state->cipher = cipher_of(state->mode, key.size());
  return state;
}

Prepared prepare_encrypt(const Arguments& arguments) { return prepare(arguments, "encrypt"); }
Prepared prepare_decrypt(const Arguments& arguments) { return prepare(arguments, "decrypt"); }

using Context = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;

const unsigned char* as_bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

/// The whole of `input` through the cipher; for gcm `tag` is checked, or written.
bool run_cipher(const CipherState& state, bool encrypts, std::string_view input, std::string& out,
                std::string& tag) {
  const Context context(EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free);
  const bool is_gcm = state.mode == Mode::gcm;
  int size = 0, rest = 0;
  out.resize(input.size() + kBlock);
  auto* const to = reinterpret_cast<unsigned char*>(out.data());
  bool good = context && EVP_CipherInit_ex(context.get(), state.cipher, nullptr,
                                           as_bytes(state.key), as_bytes(state.iv), encrypts);
  good = good && EVP_CIPHER_CTX_set_padding(context.get(), 0);
  good = good && EVP_CipherUpdate(context.get(), to, &size, as_bytes(input),
                                  static_cast<int>(input.size()));
  if (is_gcm && !encrypts) {
    good = good && EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_SET_TAG, kTag, tag.data());
  }
  good = good && EVP_CipherFinal_ex(context.get(), to + size, &rest);
  if (is_gcm && encrypts) {
    tag.resize(kTag);
    good = good && EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, kTag, tag.data());
  }
  out.resize(good ? static_cast<std::size_t>(size + rest) : 0);
  return good;
}

template <bool encrypts>
Value run(Call& call, Value target) {
  if (!target.is_text()) return call.type_error(target, "string");
  const auto& state = call.state<CipherState>();
  std::string_view input = target.as_text();
  if (input.size() > kMaxBytes * 4) return call.error("the message is too large to encrypt");
  if (state.mode == Mode::cbc && input.size() % kBlock != 0) {
    return call.error(encrypts ? "plaintext" : "ciphertext",
                      " is not a multiple of the block size");
  }
  std::string tag, out;
  if (state.mode == Mode::gcm) {
    if (state.iv.size() != kNonce) {
      return call.error("the initialisation vector of gcm must have 12 bytes");
    }
    if (!encrypts && input.size() < kTag) {
      return call.error("gcm decrypting failed: cipher: message authentication failed");
    }
    if (!encrypts) {
      tag = input.substr(input.size() - kTag);
      input.remove_suffix(kTag);
    }
  }
  if (!run_cipher(state, encrypts, input, out, tag)) {
    return call.error(state.mode == Mode::gcm && !encrypts
                          ? "gcm decrypting failed: cipher: message authentication failed"
                          : "the cipher failed");
  }
  if (!encrypts) return call.bytes(out);
  return call.string(state.mode == Mode::gcm ? out + tag : out);
}

// Entries -----------------------------------------------------------------------------------------

constinit const Function kEntries[] = {
    {.name = "encrypt_aes",
     .category = Category::encryption,
     .parameters = {{"scheme", Type::string, "ctr, gcm, ofb or cbc."},
                    {"key", Type::string, "16, 24 or 32 bytes."},
                    {"iv", Type::string, "The initialisation vector: 16 bytes, of gcm 12."}},
     .prepare = prepare_encrypt,
     .call = run<true>,
     .description = "The text or bytes encrypted. For cbc its size must be a multiple of 16.",
     .examples = {{.mapping = "let key = \"2b7e151628aed2a6abf7158809cf4f3c\".decode(\"hex\")\n"
                              "let iv = \"f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff\".decode(\"hex\")\n"
                              "root.secret = this.text.encrypt_aes(\"ctr\", $key, $iv)"
                              ".encode(\"hex\")",
                   .cases = {{R"({"text":"hello world!"})",
                              R"({"secret":"84e9b31ff7400bdf80be7254"})"}}}}},
    {.name = "decrypt_aes",
     .category = Category::encryption,
     .parameters = {{"scheme", Type::string, "ctr, gcm, ofb or cbc."},
                    {"key", Type::string, "16, 24 or 32 bytes."},
                    {"iv", Type::string, "The initialisation vector: 16 bytes, of gcm 12."}},
     .prepare = prepare_decrypt,
     .call = run<false>,
     .description = "What was encrypted, as bytes.",
     .examples = {{.mapping = "let key = \"2b7e151628aed2a6abf7158809cf4f3c\".decode(\"hex\")\n"
                              "let iv = \"f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff\".decode(\"hex\")\n"
                              "root.text = this.secret.decode(\"hex\").decrypt_aes(\"ctr\", $key, "
                              "$iv).string()",
                   .cases = {{R"({"secret":"84e9b31ff7400bdf80be7254"})",
                              R"({"text":"hello world!"})"}}}}},
};

}  // namespace

constinit const std::span<const Function> kCipherMethods = kEntries;

}  // namespace tollgate::bloblang
