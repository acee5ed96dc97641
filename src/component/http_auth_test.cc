#include "component/http_auth.h"

#include <gtest/gtest.h>

namespace tollgate {
namespace {

// The worked example of OAuth Core 1.0, appendix A.
TEST(HttpAuthTest, OAuth1Signature) {
  const OAuthConfig config{.enabled = true,
                           .consumer_key = "dpf43f3p2l4k3l03",
                           .consumer_secret = "kd94hf93k423kf44",
                           .access_token = "nnch734d00sl2jdk",
                           .access_token_secret = "pfkkdhi9sl3r4s00"};
  EXPECT_EQ(http_auth_detail::oauth1_header(
                config, "GET", "http://photos.example.net:80/photos?file=vacation.jpg&size=original",
                "kllo9940pd9333jh", 1191242096),
            "OAuth oauth_consumer_key=\"dpf43f3p2l4k3l03\",oauth_nonce=\"kllo9940pd9333jh\","
            "oauth_signature_method=\"HMAC-SHA1\",oauth_timestamp=\"1191242096\","
            "oauth_token=\"nnch734d00sl2jdk\",oauth_version=\"1.0\","
            "oauth_signature=\"tR3%2BTy81lMeYAr%2FFid0kMTYa%2FWM%3D\"");
}

}  // namespace
}  // namespace tollgate
