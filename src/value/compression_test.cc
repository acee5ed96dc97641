#include "value/compression.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "value/deflate.h"
#include "value/deflate_block.h"
#include "value/encoding.h"

namespace tollgate {
namespace {

std::string base64(std::string_view bytes) {
  std::string out;
  append_base64(out, bytes);
  return out;
}

/// Words, so that there is something to repeat.
std::string words(std::size_t size, std::uint32_t seed) {
  std::minstd_rand random(seed);
  std::string text;
  while (text.size() < size) {
    for (auto letters = random() % 7 + 1; letters > 0; --letters) {
      text += static_cast<char>('a' + random() % 5);
    }
    text += ' ';
  }
  text.resize(size);
  return text;
}

std::string noise(std::size_t size) {
  std::minstd_rand random(7);
  std::string text(size, '\0');
  for (char& c : text) c = static_cast<char>(random() >> 8);
  return text;
}

TEST(Compression, WritesTheBytesOfTheIncumbent) {
  EXPECT_EQ(base64(*compress(Compression::gzip, -1, "hello world")),
            "H4sIAAAJbogA/wALAPT/aGVsbG8gd29ybGQDAIURSg0LAAAA");
  EXPECT_EQ(base64(*compress(Compression::pgzip, -1, "know")),
            "H4sIAAAJbogA/wAEAPv/a25vdwAAAP//AwDD2i6jBAAAAA==");
  EXPECT_EQ(base64(*compress(Compression::zlib, -1, "")), "eJwDAAAAAAE=");
}

TEST(Compression, ComesBack) {
  const Compression algorithms[] = {Compression::gzip, Compression::pgzip, Compression::zlib,
                                    Compression::flate, Compression::lz4, Compression::zstd};
  for (const std::size_t size : {0u, 1u, 31u, 32u, 33u, 127u, 128u, 129u, 500u, 5'000u, 40'000u,
                                 65'535u, 65'536u, 200'000u}) {
    for (const auto& text : {words(size, 1), noise(size), std::string(size, 'x')}) {
      for (const auto algorithm : algorithms) {
        for (const int level : {-2, -1, 0, 1, 5, 6, 7, 8, 9}) {
          const auto packed = compress(algorithm, level, text);
          ASSERT_TRUE(packed) << packed.error().message();
          const auto unpacked = decompress(algorithm, *packed);
          ASSERT_TRUE(unpacked) << unpacked.error().message() << ": " << size << " bytes, level "
                                << level << ", " << static_cast<int>(algorithm);
          ASSERT_TRUE(*unpacked == text) << size << " bytes, level " << level;
        }
      }
    }
  }
}

TEST(Compression, KnowsTheBytesOfShortTextsOnly) {
  EXPECT_TRUE(deflate_as_incumbent(words(65'535, 2), -1));
  EXPECT_FALSE(deflate_as_incumbent(words(65'536, 2), -1));
  EXPECT_FALSE(deflate_as_incumbent(words(32'769, 2), -2));
}

TEST(Compression, LimitsTheLengthOfHuffmanCodes) {
  std::vector<std::uint32_t> fibonacci{1, 1};
  while (fibonacci.size() < 30) fibonacci.push_back(fibonacci.end()[-1] + fibonacci.end()[-2]);
  for (const int longest : {7, 15}) {
    double used = 0;  // Kraft's sum: 1 for a complete code
    for (const auto length : huffman_lengths(fibonacci, longest)) {
      EXPECT_LE(length, longest);
      used += std::pow(0.5, length);
    }
    EXPECT_EQ(used, 1);
  }
}

}  // namespace
}  // namespace tollgate
