#include "net/redact.h"

#include <gtest/gtest.h>

#include "net/secret.h"

namespace tollgate {
namespace {

TEST(Redact, NamesOfCredentials) {
  for (const char* name : {"Authorization", "proxy-authorization", "Cookie", "Set-Cookie", "X-Api-Key",
                           "apikey", "access_token", "client_secret", "X-Amz-Signature", "sig"}) {
    EXPECT_TRUE(holds_credentials(name)) << name;
  }
  for (const char* name : {"Content-Type", "WWW-Authenticate", "Idempotency-Key", "Host", "page"}) {
    EXPECT_FALSE(holds_credentials(name)) << name;
  }
}

TEST(Redact, Addresses) {
  struct Row {
    const char* url;
    const char* shown;
  };
  for (Row row : {Row{"http://h/p?a=1", "http://h/p?a=1"}, {"http://me:pw@h/p", "http://h/p"},
                  {"https://h/p?a=1&token=abc&b=2#f", "https://h/p?a=1&token=<redacted>&b=2#f"},
                  {"https://h/?api%5fkey=x", "https://h/?api%5fkey=<redacted>"},
                  {"https://h/?flag", "https://h/?flag"}, {"no address", "no address"}}) {
    EXPECT_EQ(shown_url(row.url), row.shown);
  }
}

TEST(Redact, WhatServersEcho) {
  const auto credentials = credentials_of(
      "http://me:p%40ssword@h/?key=k-1234", {{"Authorization", "Bearer t0ken"}, {"X", "seen"}});
  EXPECT_EQ(without_credentials("Bearer t0ken, t0ken, p%40ssword, p@ssword, k-1234, seen", credentials),
            "<redacted>, <redacted>, <redacted>, <redacted>, <redacted>, seen");
  EXPECT_TRUE(credentials_of("http://h/", {{"Authorization", "x"}}).empty()) << "found anywhere";
}

TEST(Secret, Comparisons) {
  EXPECT_TRUE(same_secret("abc", "abc"));
  for (const char* given : {"", "ab", "abd", "abcd"}) EXPECT_FALSE(same_secret(given, "abc")) << given;
  EXPECT_FALSE(same_secret("", ""));
  EXPECT_TRUE(carries_bearer("Bearer abc", "abc"));
  EXPECT_TRUE(carries_bearer("bearer abc", "abc"));
  for (const char* header : {"", "Bearer", "Bearer ", "abc", "Basic abc", "Bearer abcd", "Bearer  abc"}) {
    EXPECT_FALSE(carries_bearer(header, "abc")) << header;
  }
  EXPECT_FALSE(carries_bearer("Bearer ", ""));
}

}  // namespace
}  // namespace tollgate
