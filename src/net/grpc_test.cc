#include "net/grpc.h"

#include <gtest/gtest.h>
#include <zlib.h>

namespace tollgate {
namespace {

using namespace std::chrono_literals;

TEST(GrpcMessage, InflatesWhatItDeflated) {
  std::string text;
  for (int i = 0; i < 20'000; ++i) text += std::to_string(i * 7919);
  for (auto encoding : {GrpcEncoding::identity, GrpcEncoding::gzip, GrpcEncoding::deflate}) {
    auto packed = deflate_message(text, encoding);
    EXPECT_EQ(inflate_message(packed, encoding, text.size()).value(), text);
    auto refused = inflate_message(packed, encoding, text.size() - 1);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().status, GrpcStatus::resource_exhausted);
  }
  EXPECT_EQ(inflate_message(deflate_message("", GrpcEncoding::gzip), GrpcEncoding::gzip, 0).value(), "");
}

TEST(GrpcMessage, RefusesDamage) {
  auto packed = deflate_message(std::string(10'000, 'x') + "end", GrpcEncoding::gzip);
  for (const auto& damaged : {packed.substr(0, packed.size() - 5), packed + "tail", std::string("junk"), std::string()}) {
    auto result = inflate_message(damaged, GrpcEncoding::gzip, 1 << 20);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().status, GrpcStatus::internal);
  }
  EXPECT_EQ(inflate_message(packed + packed, GrpcEncoding::gzip, 1 << 20).value().size(), 20'006u);
}

TEST(GrpcMessage, RefusesABomb) {
  // Level 9 packs zeros about a thousand times.
  std::string zeros(100 << 20, '\0');
  auto size = compressBound(zeros.size());
  std::string bomb(size, '\0');
  ASSERT_EQ(compress2(reinterpret_cast<Bytef*>(bomb.data()), &size,
                      reinterpret_cast<const Bytef*>(zeros.data()), zeros.size(), 9),
            Z_OK);
  bomb.resize(size);
  for (std::size_t cap : {std::size_t{64} << 20, std::size_t{1} << 40}) {
    auto result = inflate_message(bomb, GrpcEncoding::deflate, cap);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().status, GrpcStatus::resource_exhausted);
  }
}

TEST(GrpcText, PercentEncoding) {
  std::string text = "50% of ü\nlines ~";
  auto encoded = encode_grpc_message(text);
  EXPECT_EQ(encoded, "50%25 of %C3%BC%0Alines ~");
  EXPECT_EQ(decode_grpc_message(encoded), text);
  EXPECT_EQ(decode_grpc_message("%zz%4"), "%zz%4");
}

TEST(GrpcText, StatusDetails) {
  GrpcFailure failure{GrpcStatus::unavailable, "later", 2750ms};
  EXPECT_EQ(decode_retry_delay(encode_status_details(failure)), 2750ms);
  failure.retry_delay = std::nullopt;
  EXPECT_EQ(decode_retry_delay(encode_status_details(failure)), std::nullopt);
  EXPECT_EQ(decode_retry_delay("\x1a\xff\xff"), std::nullopt);
  std::string bytes = "\x01\xfe\x00zz";
  EXPECT_EQ(decode_base64(encode_base64(bytes, false)), bytes);
  EXPECT_EQ(decode_base64(encode_base64(bytes, true)), bytes);
  EXPECT_FALSE(decode_base64("a*"));
}

TEST(GrpcText, Timeouts) {
  EXPECT_EQ(parse_grpc_timeout("10S"), 10s);
  EXPECT_EQ(parse_grpc_timeout("250m"), 250ms);
  EXPECT_EQ(parse_grpc_timeout("99999999H"), 24h * 366);
  for (const char* text : {"", "S", "10", "10x", "-1S", "123456789S", "1 S"}) {
    EXPECT_FALSE(parse_grpc_timeout(text)) << text;
  }
  for (std::chrono::nanoseconds time : {std::chrono::nanoseconds(5), std::chrono::nanoseconds(10s),
                                        std::chrono::nanoseconds(100h), std::chrono::nanoseconds(1500ms)}) {
    EXPECT_EQ(parse_grpc_timeout(format_grpc_timeout(time)), time);
  }
}

}  // namespace
}  // namespace tollgate
