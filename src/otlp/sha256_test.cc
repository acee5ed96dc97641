#include "otlp/sha256.h"

#include <gtest/gtest.h>
#include <openssl/sha.h>

#include <random>
#include <string>
#include <vector>

namespace tollgate {
namespace {

std::string random_text(std::mt19937& random, std::size_t size) {
  std::string text(size, '\0');
  for (char& c : text) c = static_cast<char>(random());
  return text;
}

Sha256Digest expected(const std::string& prefix, const std::string& text) {
  std::string all = prefix;
  all.resize((all.size() + 63) / 64 * 64);
  all += text;
  Sha256Digest digest;
  SHA256(reinterpret_cast<const unsigned char*>(all.data()), all.size(), digest.data());
  return digest;
}

/// Both implementations against OpenSSL's, for texts of `sizes` behind a prefix of `prefix_size`.
void check(std::mt19937& random, std::size_t prefix_size, const std::vector<std::size_t>& sizes) {
  const std::string prefix_text = random_text(random, prefix_size);
  Sha256Prefix prefix;
  const std::size_t half = prefix_size / 2;
  prefix.add(std::string_view(prefix_text).substr(0, half));
  prefix.add(std::string_view(prefix_text).substr(half));
  prefix.pad();
  std::vector<std::string> texts;
  for (const std::size_t size : sizes) texts.push_back(random_text(random, size));
  const std::vector<std::string_view> views(texts.begin(), texts.end());
  for (const auto* implementation : {&sha256_detail::best(), &sha256_detail::portable}) {
    std::vector<Sha256Digest> digests(texts.size());
    sha256_detail::each(*implementation, prefix, views, digests);
    for (std::size_t i = 0; i < texts.size(); ++i) {
      EXPECT_EQ(digests[i], expected(prefix_text, texts[i]))
          << "prefix of " << prefix_size << ", text " << i << " of " << sizes[i];
    }
  }
}

TEST(Sha256, EveryLengthAroundTheBlocks) {
  std::mt19937 random(1);
  std::vector<std::size_t> sizes;
  for (std::size_t size = 0; size < 330; ++size) sizes.push_back(size);
  for (std::size_t prefix = 0; prefix < 130; ++prefix) check(random, prefix, sizes);
}

TEST(Sha256, LanesOfUnequalLength) {
  std::mt19937 random(2);
  check(random, 70, {});
  check(random, 70, {5});
  check(random, 70, {5000, 1, 2, 3, 900, 64, 70'000});
  for (int round = 0; round < 50; ++round) {
    std::vector<std::size_t> sizes(random() % 20);
    for (std::size_t& size : sizes) size = random() % (round % 2 ? 300 : 5000);
    check(random, random() % 200, sizes);
  }
}

}  // namespace
}  // namespace tollgate
