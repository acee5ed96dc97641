// geoip_* on databases that are written here: MaxMind's format is a binary tree of address bits, a
// section of values and a description of both.

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "bloblang/bloblang.h"
#include "message/message.h"

namespace tollgate {
namespace {

// Writing -----------------------------------------------------------------------------------------

enum Type { text = 2, float64 = 3, uint16 = 5, uint32 = 6, map = 7, uint64 = 9, array = 11,
            boolean = 14 };

std::string big_endian(std::uint64_t number, int bytes) {
  std::string out;
  for (int i = bytes - 1; i >= 0; --i) out += static_cast<char>(number >> (8 * i));
  return out;
}

/// The head of a value; sizes of less than 29 only.
std::string head(Type type, std::size_t size) {
  std::string out(1, static_cast<char>((type < 8 ? type << 5 : 0) | static_cast<int>(size)));
  if (type >= 8) out += static_cast<char>(type - 7);
  return out;
}

std::string string(std::string_view content) {
  return head(text, content.size()) + std::string(content);
}
std::string number(Type type, std::uint64_t value) {
  return head(type, 4) + big_endian(value, 4);
}
std::string number(double value) {
  std::uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof bits);
  return head(float64, 8) + big_endian(bits, 8);
}
std::string truth(bool value) { return head(boolean, value ? 1 : 0); }

std::string object(const std::vector<std::pair<std::string_view, std::string>>& members) {
  std::string out = head(map, members.size());
  for (const auto& [key, value] : members) out += string(key) + value;
  return out;
}

/// A database of IPv4 addresses in which those that start with byte `first` have `record`.
class Database {
 public:
  Database(std::string_view type, unsigned first, const std::string& record) {
    constexpr std::uint64_t kNodes = 8;  // one for each bit of the byte
    std::string bytes;
    for (std::uint64_t i = 0; i < kNodes; ++i) {
      const bool right = (first >> (7 - i)) & 1;
      const std::uint64_t next = i + 1 < kNodes ? i + 1 : kNodes + 16;
      bytes += big_endian(right ? kNodes : next, 3) + big_endian(right ? next : kNodes, 3);
    }
    bytes += std::string(16, '\0') + record + "\xAB\xCD\xEFMaxMind.com" +
             object({{"node_count", number(uint32, kNodes)},
                     {"record_size", head(uint16, 2) + big_endian(24, 2)},
                     {"ip_version", head(uint16, 2) + big_endian(4, 2)},
                     {"database_type", string(type)},
                     {"languages", head(array, 1) + string("en")},
                     {"binary_format_major_version", head(uint16, 2) + big_endian(2, 2)},
                     {"binary_format_minor_version", head(uint16, 2) + big_endian(0, 2)},
                     {"build_epoch", head(uint64, 8) + big_endian(1'700'000'000, 8)},
                     {"description", object({{"en", string("made by a test")}})}});
    path_ = testing::TempDir() + "geoip_" + std::to_string(::getpid()) + "_" +
            std::to_string(reinterpret_cast<std::uintptr_t>(this)) + ".mmdb";
    std::ofstream(path_, std::ios::binary) << bytes;
  }
  ~Database() { std::remove(path_.c_str()); }
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// Asking ------------------------------------------------------------------------------------------

std::string look_up(std::string_view method, const std::string& path, std::string_view address) {
  const auto mapping =
      Mapping::compile("root = this.ip." + std::string(method) + "(\"" + path + "\")");
  if (!mapping) return mapping.error().text;
  Batch batch;
  const std::string document = R"({"ip":")" + std::string(address) + R"("})";
  batch.add().set_bytes(batch.arena().copy(document));
  Message out = batch[0].copy();
  const auto mapped = mapping->map(batch, 0, out);
  return mapped.what == Mapped::replaced ? std::string(out.bytes()) : std::string(mapped.error);
}

TEST(Geoip, CountryOfAnAddress) {
  const Database database("GeoLite2-Country", 81,
                          object({{"country", object({{"iso_code", string("DE")},
                                                      {"names", object({{"en", string("Germany")}})},
                                                      {"geoname_id", number(uint32, 2'921'044)},
                                                      {"is_in_european_union", truth(true)}})},
                                  {"unheard_of", object({{"x", number(1.5)}})}}));
  const std::string found = look_up("geoip_country", database.path(), "81.2.3.4");
  EXPECT_NE(found.find(R"("Country":{"GeoNameID":2921044,"IsInEuropeanUnion":true,"IsoCode":"DE",)"
                       R"("Names":{"en":"Germany"}})"),
            std::string::npos)
      << found;
  EXPECT_NE(found.find(R"("Traits":{"IsAnonymousProxy":false)"), std::string::npos) << found;
}

TEST(Geoip, AnUnknownAddressHasABlankRecord) {
  const Database database("GeoLite2-ASN", 81, object({}));
  EXPECT_EQ(look_up("geoip_asn", database.path(), "9.9.9.9"),
            R"({"AutonomousSystemNumber":0,"AutonomousSystemOrganization":""})");
}

TEST(Geoip, AnIpv6AddressMayStandForAnIpv4One) {
  const Database database("GeoIP2-Domain", 81, object({{"domain", string("example.com")}}));
  EXPECT_EQ(look_up("geoip_domain", database.path(), "::ffff:81.2.3.4"),
            R"({"Domain":"example.com"})");
}

TEST(Geoip, NumbersAndTextsOfACity) {
  const Database database(
      "GeoLite2-City", 81,
      object({{"location", object({{"latitude", number(52.5)}, {"longitude", number(-0.25)}})}}));
  const std::string found = look_up("geoip_city", database.path(), "81.0.0.1");
  EXPECT_NE(found.find(R"("Latitude":52.5,"Longitude":-0.25,"MetroCode":0)"), std::string::npos)
      << found;
  EXPECT_NE(found.find(R"("Subdivisions":null)"), std::string::npos) << found;
}

TEST(Geoip, Refusals) {
  const Database asn("GeoLite2-ASN", 81, object({}));
  EXPECT_EQ(look_up("geoip_city", asn.path(), "81.2.3.4"),
            "failed assignment (line 1): geoip2: the City method does not support the GeoLite2-ASN "
            "database");
  EXPECT_EQ(look_up("geoip_asn", asn.path(), "2001:db8::1"),
            "failed assignment (line 1): error looking up '2001:db8::1': you attempted to look up an "
            "IPv6 address in an IPv4-only database");
  EXPECT_EQ(look_up("geoip_asn", asn.path(), "81.2.3"),
            "failed assignment (line 1): value 81.2.3 does not appear to be a valid v4 or v6 IP "
            "address");
  const Database wrong("GeoLite2-ASN", 81,
                       object({{"autonomous_system_number", string("many")}}));
  EXPECT_EQ(look_up("geoip_asn", wrong.path(), "81.2.3.4"),
            "failed assignment (line 1): decoding value for autonomous_system_number: maxminddb: "
            "cannot unmarshal many (string) into type uint");
  EXPECT_NE(look_up("geoip_asn", "/nowhere.mmdb", "1.1.1.1").find("no such file or directory"),
            std::string::npos);
  const Database odd("Oddity", 81, object({}));
  EXPECT_NE(look_up("geoip_asn", odd.path(), "1.1.1.1")
                .find("geoip2: reader does not support the \"Oddity\" database type"),
            std::string::npos);
}

}  // namespace
}  // namespace tollgate
