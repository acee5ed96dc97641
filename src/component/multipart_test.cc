#include "component/multipart.h"

#include <gtest/gtest.h>

namespace tollgate {
namespace {

TEST(MultipartTest, WritesWhatItReads) {
  MultipartWriter writer;
  writer.add({{"Content-Type", "text/plain"}, {"X", "bad\r\nheader"}}, "one\r\n");
  writer.add({}, "");
  writer.add({{"foo", "bar"}}, std::string("\0--two", 6));
  const auto media = parse_media_type(writer.content_type());
  ASSERT_TRUE(media);
  EXPECT_TRUE(media->is_multipart());
  const std::string body = writer.finish();
  const auto parts = parse_multipart(body, media->parameter("boundary"));
  ASSERT_TRUE(parts) << parts.error().message();
  ASSERT_EQ(parts->size(), 3u);
  EXPECT_EQ((*parts)[0].body, "one\r\n");
  EXPECT_EQ((*parts)[0].headers, (HttpHeaders{{"Content-Type", "text/plain"}}));
  EXPECT_EQ((*parts)[1].body, "");
  EXPECT_EQ((*parts)[2].body, std::string("\0--two", 6));
}

TEST(MultipartTest, ReadsSloppyBodies) {
  const auto parts = parse_multipart(
      "preamble\n--b \nA: 1\n\nx\n--bb is not it\n--b\n\ny\n--b--\nepilogue", "b");
  ASSERT_TRUE(parts) << parts.error().message();
  ASSERT_EQ(parts->size(), 2u);
  EXPECT_EQ((*parts)[0].body, "x\n--bb is not it");
  EXPECT_EQ((*parts)[1].body, "y");
}

TEST(MultipartTest, RefusesBrokenBodies) {
  for (const std::string_view body : {"", "nothing", "--b\r\nA: 1\r\n\r\nunfinished",
                                      "--b\r\nno colon\r\n\r\nx\r\n--b--", "--b\r\n--b--"}) {
    EXPECT_FALSE(parse_multipart(body, "b")) << body;
  }
  EXPECT_FALSE(parse_multipart("--\r\n\r\n----", ""));
}

TEST(MultipartTest, MediaTypes) {
  const auto media = parse_media_type("Multipart/Mixed; Boundary=\"a\\\"b;c\"; x=1");
  ASSERT_TRUE(media);
  EXPECT_EQ(media->type, "multipart/mixed");
  EXPECT_EQ(media->parameter("boundary"), "a\"b;c");
  EXPECT_EQ(media->parameter("x"), "1");
  EXPECT_FALSE(parse_media_type(";;"));
  EXPECT_FALSE(parse_media_type("text/"));
}

}  // namespace
}  // namespace tollgate
