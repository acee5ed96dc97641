#include "bloblang/functions/random_source.h"

#include <openssl/evp.h>
#include <sys/random.h>

// Known sizes make it several times as fast.
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "message/message.h"

namespace tollgate::bloblang {

namespace {

/// ChaCha20 over zeros, keyed by the kernel at the first use in a thread and again every so often.
class Generator {
 public:
  Generator() : context_(EVP_CIPHER_CTX_new()) {
    if (!context_) std::abort();
  }
  ~Generator() { EVP_CIPHER_CTX_free(context_); }
  Generator(const Generator&) = delete;
  Generator& operator=(const Generator&) = delete;

  void fill(std::span<unsigned char> bytes) {
    while (!bytes.empty()) {
      if (used_ == sizeof pool_) refill();
      const std::size_t count = std::min(bytes.size(), sizeof pool_ - used_);
      std::memcpy(bytes.data(), pool_ + used_, count);
      std::memset(pool_ + used_, 0, count);
      used_ += count;
      bytes = bytes.subspan(count);
    }
  }

 private:
  static constexpr int kRefillsPerKey = 4096;

  void refill() {
    if (refills_++ % kRefillsPerKey == 0) rekey();
    std::memset(pool_, 0, sizeof pool_);
    int written = 0;
    if (EVP_EncryptUpdate(context_, pool_, &written, pool_, sizeof pool_) != 1) std::abort();
    used_ = 0;
  }

  void rekey() {
    unsigned char seed[48];
    if (getentropy(seed, sizeof seed) != 0) std::abort();
    if (EVP_EncryptInit_ex(context_, EVP_chacha20(), nullptr, seed, seed + 32) != 1) std::abort();
  }

  EVP_CIPHER_CTX* context_;
  unsigned char pool_[1024];
  std::size_t used_ = sizeof pool_;
  int refills_ = 0;
};

/// Keys the ids of this product; changing it changes the ids of events that are being resent.
constexpr std::uint64_t kProductKey = 0x7c0116a7e5eed001;

/// Block number `block` of the id number `ordinal` of a message.
DrawnId derive(const Identity& identity, std::uint64_t ordinal, std::uint64_t block) {
  const std::uint64_t input[4] = {identity.high, identity.low, ordinal, block};
  const XXH128_hash_t hash = XXH3_128bits_withSeed(input, sizeof input, kProductKey);
  return {hash.low64, hash.high64};
}

}  // namespace

void random_bytes(std::span<unsigned char> bytes) {
  thread_local Generator generator;
  generator.fill(bytes);
}

void draw(const Call& call, std::span<unsigned char> bytes) {
  Message* message = call.run().output;
  if (!message || !message->identity.is_set()) return random_bytes(bytes);
  const std::uint64_t ordinal = message->draws++;
  for (std::uint64_t block = 0; !bytes.empty(); ++block) {
    const DrawnId id = derive(message->identity, ordinal, block);
    const std::size_t count = std::min(bytes.size(), sizeof id);
    std::memcpy(bytes.data(), &id, count);
    bytes = bytes.subspan(count);
  }
}

DrawnId draw_id(const Call& call) {
  if (Message* message = call.run().output; message && message->identity.is_set()) {
    return derive(message->identity, message->draws++, 0);
  }
  unsigned char bytes[sizeof(DrawnId)];
  random_bytes(bytes);
  DrawnId id;
  std::memcpy(&id, bytes, sizeof id);
  return id;
}

}  // namespace tollgate::bloblang
