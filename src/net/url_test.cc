#include "net/url.h"

#include <gtest/gtest.h>

namespace tollgate {
namespace {

TEST(Url, Parts) {
  auto url = parse_url("HTTPS://user:pw@Example.COM:8443/a/b?x=1&y=2#frag");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->scheme, "https");
  EXPECT_EQ(url->userinfo, "user:pw");
  EXPECT_EQ(url->host, "example.com");
  EXPECT_EQ(url->port, 8443);
  EXPECT_EQ(url->path, "/a/b");
  EXPECT_EQ(url->query, "x=1&y=2");
  EXPECT_EQ(url->fragment, "frag");
  EXPECT_EQ(url->redacted(), "https://example.com:8443/a/b");
  EXPECT_EQ(parse_url("http://[::1]:80/")->host, "::1");
  EXPECT_EQ(parse_url("http://[::1]/")->authority(), "[::1]");
  EXPECT_EQ(parse_url("https://h")->effective_port(), 443);
}

TEST(Url, Malformed) {
  for (const char* text : {"", "foo", "/path", "http:", "http://", "http://h:99999/", "http://h:x/",
                           "http://[::1/", "http://a b/", "http://h\n/", "http:///p"}) {
    EXPECT_FALSE(parse_url(text)) << text;
  }
}

TEST(Url, Resolve) {
  struct Row {
    const char* reference;
    const char* expected;
  };
  for (Row row : {Row{"g", "http://a/b/c/g"}, {"./g", "http://a/b/c/g"}, {"g/", "http://a/b/c/g/"},
                  {"/g", "http://a/g"}, {"//g", "http://g"}, {"?y", "http://a/b/c/d;p?y"},
                  {"g?y", "http://a/b/c/g?y"}, {"", "http://a/b/c/d;p?q"}, {"..", "http://a/b/"},
                  {"../g", "http://a/b/g"}, {"../../../g", "http://a/g"}, {"http://x/y", "http://x/y"}}) {
    auto resolved = resolve_url("http://a/b/c/d;p?q", row.reference);
    ASSERT_TRUE(resolved) << row.reference;
    EXPECT_EQ(*resolved, row.expected) << row.reference;
  }
}

TEST(Url, ResolvedAddressesKeepTheUserOfTheSameHost) {
  EXPECT_EQ(*resolve_url("http://me:pw@a/b", "/c"), "http://me:pw@a/c");
  EXPECT_EQ(*resolve_url("http://me:pw@a/b", "//a/c"), "http://a/c");
  EXPECT_EQ(*resolve_url("http://me:pw@a/b", "http://x/c"), "http://x/c");
}

TEST(Url, Escapes) {
  EXPECT_EQ(escape_url("a b/ü~"), "a%20b%2F%C3%BC~");
  EXPECT_EQ(unescape_url("a%20b+c%"), "a b+c%");
  EXPECT_EQ(unescape_url("a+b", true), "a b");
  auto fields = parse_query("a=1&b=x%26y&&c&a=2");
  ASSERT_EQ(fields.size(), 4u);
  EXPECT_EQ(fields[1].second, "x&y");
  EXPECT_EQ(fields[2].first, "c");
  EXPECT_EQ(fields[3].second, "2");
}

TEST(Url, HostPort) {
  EXPECT_EQ(*split_host_port("0.0.0.0:4317"), std::pair(std::string("0.0.0.0"), 4317));
  EXPECT_EQ(*split_host_port(":80"), std::pair(std::string(), 80));
  EXPECT_EQ(*split_host_port("[::]:80"), std::pair(std::string("::"), 80));
  for (const char* text : {"", "host", "host:", "host:x", "::1", "h:70000"}) {
    EXPECT_FALSE(split_host_port(text)) << text;
  }
}

}  // namespace
}  // namespace tollgate
