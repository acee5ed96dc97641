#include "otlp/blake3.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <string>
#include <vector>

namespace tollgate {
namespace {

std::string hex(const Blake3Words& words) {
  static constexpr char digits[] = "0123456789abcdef";
  unsigned char bytes[sizeof words];
  std::memcpy(bytes, words.data(), sizeof bytes);
  std::string text;
  for (int i = 0; i < 16; ++i) text.append({digits[bytes[i] >> 4], digits[bytes[i] & 15]});
  return text;
}

/// The function's own test inputs: byte i is i mod 251.
std::string counting(std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i % 251);
  return text;
}

struct Vector {
  std::size_t size;
  const char* plain;
  const char* keyed;
};

/// The first 128 bits, as the authors' implementation gives them.
constexpr Vector kVectors[] = {
    {0, "af1349b9f5f9a1a6a0404dea36dcc949", "92b2b75604ed3c761f9d6f62392c8a92"},
    {1, "2d3adedff11b61f14c886e35afa03673", "6d7878dfff2f485635d39013278ae14f"},
    {64, "4eed7141ea4a5cd4b788606bd23f46e2", "ba8ced36f327700d213f120b1a207a3b"},
    {206, "fec6b19a5c757d3578aa6b8ae8427d6f", "53be14cf42bd2a763c166062e0744afe"},
    {1023, "10108970eeda3eb932baac1428c7a216", "c951ecdf03288d0fcc96ee3413563d8a"},
    {1024, "42214739f095a406f3fc83deb889744a", "75c46f6f3d9eb4f55ecaaee480db732e"},
    {1025, "d00278ae47eb27b34faecf67b4fe263f", "357dc55de0c7e382c900fd6e320acc04"},
    {3073, "7124b49501012f81cc7f11ca069ec922", "68dede9bef00ba89e43f31a6825f4cf4"},
    {5120, "9cadc15fed8b5d854562b26a9536d970", "2c493e48e9b9bf31e0553a22b23503c0"},
    {31744, "62b6960e1a44bcc1eb1a611a8d6235b6", "efa53b389ab67c593dba624d898d0f73"},
};

Blake3Words published_key() {
  Blake3Words key;
  std::memcpy(key.data(), "whats the Elvish word for friend", sizeof key);
  return key;
}

TEST(Blake3, GivesThePublishedHashes) {
  std::vector<std::string> texts;
  for (const Vector& vector : kVectors) {
    texts.push_back(counting(vector.size));
    EXPECT_EQ(hex(blake3(texts.back())), vector.plain) << vector.size;
  }
  // All at once, so that lanes end at different times.
  const std::vector<std::string_view> views(texts.begin(), texts.end());
  for (const auto compress : blake3_detail::implementations()) {
    std::vector<Blake3Words> digests(views.size());
    blake3_detail::keyed(compress, published_key(), views, digests);
    for (std::size_t i = 0; i < views.size(); ++i) {
      EXPECT_EQ(hex(digests[i]), kVectors[i].keyed) << kVectors[i].size;
    }
  }
}

TEST(Blake3, AllImplementationsAgree) {
  std::mt19937 random(1);
  const auto implementations = blake3_detail::implementations();
  for (int round = 0; round < 200; ++round) {
    Blake3Words key;
    for (auto& word : key) word = static_cast<std::uint32_t>(random());
    std::vector<std::string> texts(random() % 40);
    for (auto& text : texts) {
      text.resize(random() % (round % 4 == 0 ? 5000 : 300));
      for (char& c : text) c = static_cast<char>(random());
    }
    const std::vector<std::string_view> views(texts.begin(), texts.end());
    std::vector<Blake3Words> wanted(views.size());
    for (std::size_t i = 0; i < views.size(); ++i) {
      blake3_detail::keyed(implementations.back(), key, std::span(views).subspan(i, 1),
                           std::span(wanted).subspan(i, 1));
    }
    for (const auto compress : implementations) {
      std::vector<Blake3Words> digests(views.size());
      blake3_detail::keyed(compress, key, views, digests);
      EXPECT_EQ(digests, wanted);
    }
  }
}

}  // namespace
}  // namespace tollgate
