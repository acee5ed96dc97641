// Methods of category GeoIP: what a MaxMind database says of an IP address.

#include <arpa/inet.h>
#include <maxminddb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstring>
#include <memory>

#include "bloblang/functions/catalogue.h"
#include "bloblang/program/files.h"
#include "value/encoding.h"
#include "value/number.h"

namespace tollgate::bloblang {
namespace {

// Records -----------------------------------------------------------------------------------------

enum class Form : std::uint8_t { text, boolean, number, uint, uint16, uint8, names, object, list };

/// A member of a record: its name in results and in the database, and what it holds.
struct Field {
  std::string_view name, key;
  Form form;
  std::span<const Field> fields = {};  ///< of an object, or of each object of a list
};

constexpr Field kNames{"Names", "names", Form::names};
constexpr Field kGeoNameId{"GeoNameID", "geoname_id", Form::uint};
constexpr Field kCode{"Code", "code", Form::text};
constexpr Field kIsoCode{"IsoCode", "iso_code", Form::text};
constexpr Field kConfidence{"Confidence", "confidence", Form::uint8};
constexpr Field kInUnion{"IsInEuropeanUnion", "is_in_european_union", Form::boolean};
constexpr Field kAnonymousProxy{"IsAnonymousProxy", "is_anonymous_proxy", Form::boolean};
constexpr Field kAnycast{"IsAnycast", "is_anycast", Form::boolean};
constexpr Field kSatellite{"IsSatelliteProvider", "is_satellite_provider", Form::boolean};
constexpr Field kAsNumber{"AutonomousSystemNumber", "autonomous_system_number", Form::uint};
constexpr Field kAsOrganization{"AutonomousSystemOrganization", "autonomous_system_organization",
                                Form::text};
constexpr Field kIsp{"ISP", "isp", Form::text};
constexpr Field kOrganization{"Organization", "organization", Form::text};
constexpr Field kMobileCountry{"MobileCountryCode", "mobile_country_code", Form::text};
constexpr Field kMobileNetwork{"MobileNetworkCode", "mobile_network_code", Form::text};
constexpr Field kConnection{"ConnectionType", "connection_type", Form::text};
constexpr Field kDomainName{"Domain", "domain", Form::text};

constexpr Field kContinentFields[] = {kNames, kCode, kGeoNameId};
constexpr Field kContinent{"Continent", "continent", Form::object, kContinentFields};
constexpr Field kCountryFields[] = {kNames, kIsoCode, kGeoNameId, kInUnion};
constexpr Field kCountry{"Country", "country", Form::object, kCountryFields};
constexpr Field kRegistered{"RegisteredCountry", "registered_country", Form::object,
                            kCountryFields};
constexpr Field kRepresentedFields[] = {
    kNames, kIsoCode, {"Type", "type", Form::text}, kGeoNameId, kInUnion};
constexpr Field kRepresented{"RepresentedCountry", "represented_country", Form::object,
                             kRepresentedFields};
constexpr Field kTraitFields[] = {kAnonymousProxy, kAnycast, kSatellite};
constexpr Field kTraits{"Traits", "traits", Form::object, kTraitFields};
constexpr Field kCityFields[] = {kNames, kGeoNameId};
constexpr Field kPostalFields[] = {kCode};
constexpr Field kDivisionFields[] = {kNames, kIsoCode, kGeoNameId};
constexpr Field kLocationFields[] = {{"TimeZone", "time_zone", Form::text},
                                     {"Latitude", "latitude", Form::number},
                                     {"Longitude", "longitude", Form::number},
                                     {"MetroCode", "metro_code", Form::uint},
                                     {"AccuracyRadius", "accuracy_radius", Form::uint16}};
constexpr Field kLocation{"Location", "location", Form::object, kLocationFields};

constexpr Field kCountryRecord[] = {kContinent, kCountry, kRegistered, kRepresented, kTraits};
constexpr Field kCityRecord[] = {{"City", "city", Form::object, kCityFields},
                                 {"Postal", "postal", Form::object, kPostalFields},
                                 kContinent,
                                 {"Subdivisions", "subdivisions", Form::list, kDivisionFields},
                                 kRepresented,
                                 kCountry,
                                 kRegistered,
                                 kLocation,
                                 kTraits};

constexpr Field kSureCityFields[] = {kNames, kGeoNameId, kConfidence};
constexpr Field kSurePostalFields[] = {kCode, kConfidence};
constexpr Field kSureDivisionFields[] = {kNames, kIsoCode, kGeoNameId, kConfidence};
constexpr Field kSureCountryFields[] = {kNames, kIsoCode, kGeoNameId, kConfidence, kInUnion};
constexpr Field kAllTraitFields[] = {
    kAsOrganization, kConnection, kDomainName, kIsp, kMobileCountry, kMobileNetwork, kOrganization,
    {"UserType", "user_type", Form::text},
    kAsNumber,
    {"StaticIPScore", "static_ip_score", Form::number},
    kAnonymousProxy, kAnycast,
    {"IsLegitimateProxy", "is_legitimate_proxy", Form::boolean},
    kSatellite};
constexpr Field kEnterpriseRecord[] = {
    kContinent,
    {"City", "city", Form::object, kSureCityFields},
    {"Postal", "postal", Form::object, kSurePostalFields},
    {"Subdivisions", "subdivisions", Form::list, kSureDivisionFields},
    kRepresented,
    {"Country", "country", Form::object, kSureCountryFields},
    {"RegisteredCountry", "registered_country", Form::object, kSureCountryFields},
    {"Traits", "traits", Form::object, kAllTraitFields},
    kLocation};

constexpr Field kAnonymousRecord[] = {
    {"IsAnonymous", "is_anonymous", Form::boolean},
    {"IsAnonymousVPN", "is_anonymous_vpn", Form::boolean},
    {"IsHostingProvider", "is_hosting_provider", Form::boolean},
    {"IsPublicProxy", "is_public_proxy", Form::boolean},
    {"IsResidentialProxy", "is_residential_proxy", Form::boolean},
    {"IsTorExitNode", "is_tor_exit_node", Form::boolean}};
constexpr Field kAsnRecord[] = {kAsOrganization, kAsNumber};
constexpr Field kConnectionRecord[] = {kConnection};
constexpr Field kDomainRecord[] = {kDomainName};
constexpr Field kIspRecord[] = {kAsOrganization, kIsp,          kMobileCountry,
                                kMobileNetwork,  kOrganization, kAsNumber};

// Databases ---------------------------------------------------------------------------------------

struct Lookup {
  std::string_view method;
  std::span<const Field> record;
};
constexpr Lookup kAnonymousLookup{"AnonymousIP", kAnonymousRecord};
constexpr Lookup kAsnLookup{"ASN", kAsnRecord};
constexpr Lookup kCityLookup{"City", kCityRecord};
constexpr Lookup kConnectionLookup{"ConnectionType", kConnectionRecord};
constexpr Lookup kCountryLookup{"Country", kCountryRecord};
constexpr Lookup kDomainLookup{"Domain", kDomainRecord};
constexpr Lookup kEnterpriseLookup{"Enterprise", kEnterpriseRecord};
constexpr Lookup kIspLookup{"ISP", kIspRecord};

/// Which lookups a type of database answers, by their methods' names.
struct DatabaseType {
  std::string_view name, methods;
};
constexpr std::string_view kPlaces = "City Country", kFirms = "Enterprise City Country",
                           kNetworks = "ISP ASN";
constexpr DatabaseType kDatabaseTypes[] = {
    {"GeoIP2-Anonymous-IP", "AnonymousIP"},
    {"DBIP-ASN-Lite (compat=GeoLite2-ASN)", "ASN"},
    {"GeoLite2-ASN", "ASN"},
    {"DBIP-City-Lite", kPlaces},
    {"DBIP-Country-Lite", kPlaces},
    {"DBIP-Country", kPlaces},
    {"DBIP-Location (compat=City)", kPlaces},
    {"GeoLite2-City", kPlaces},
    {"GeoIP-City-Redacted-US", kPlaces},
    {"GeoIP2-City", kPlaces},
    {"GeoIP2-City-Africa", kPlaces},
    {"GeoIP2-City-Asia-Pacific", kPlaces},
    {"GeoIP2-City-Europe", kPlaces},
    {"GeoIP2-City-North-America", kPlaces},
    {"GeoIP2-City-South-America", kPlaces},
    {"GeoIP2-Precision-City", kPlaces},
    {"GeoLite2-Country", kPlaces},
    {"GeoIP2-Country", kPlaces},
    {"GeoIP2-Connection-Type", "ConnectionType"},
    {"GeoIP2-Domain", "Domain"},
    {"DBIP-ISP (compat=Enterprise)", kFirms},
    {"DBIP-Location-ISP (compat=Enterprise)", kFirms},
    {"GeoIP-Enterprise-Redacted-US", kFirms},
    {"GeoIP2-Enterprise", kFirms},
    {"GeoIP2-ISP", kNetworks},
    {"GeoIP2-Precision-ISP", kNetworks},
};

const DatabaseType* type_named(std::string_view name) {
  for (const DatabaseType& type : kDatabaseTypes) {
    if (type.name == name) return &type;
  }
  return nullptr;
}

bool answers(const DatabaseType& type, std::string_view method) {
  return (" " + std::string(type.methods) + " ").contains(" " + std::string(method) + " ");
}

/// An open database; reading one needs no lock.
struct Database final : CallState {
  MMDB_s file{};
  const DatabaseType* type = nullptr;
  bool is_open = false;

  Database() = default;
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  ~Database() override {
    if (is_open) MMDB_close(&file);
  }
};

Prepared prepare_database(const Arguments& arguments) {
  const std::string path(arguments.text(0));
  auto database = std::make_unique<Database>();
  const int status = MMDB_open(path.c_str(), MMDB_MODE_MMAP, &database->file);
  if (status != MMDB_SUCCESS) {
    if (const auto content = read_file(path); !content) return std::unexpected(content.error());
    if (status == MMDB_INVALID_METADATA_ERROR) {
      return std::unexpected("error opening database: invalid MaxMind DB file");
    }
    return std::unexpected("error opening database: " + std::string(MMDB_strerror(status)));
  }
  database->is_open = true;
  const std::string_view name = database->file.metadata.database_type;
  database->type = type_named(name);
  if (!database->type) {
    std::string quoted;
    append_go_quoted(quoted, name);
    return std::unexpected("geoip2: reader does not support the " + quoted + " database type");
  }
  return database;
}

// Reading -----------------------------------------------------------------------------------------

/// Walks the list of values that a record is, each container before what it holds.
class RecordReader {
 public:
  RecordReader(Arena& arena, const MMDB_entry_data_list_s* list) : arena_(arena), at_(list) {}

  /// The object of a map, or a failure to be read from error().
  Value object(std::span<const Field> fields, std::string_view type = "struct") {
    Object* const object = blank(fields);
    const MMDB_entry_data_s* map = next();
    if (!map) return Value::object(object);
    if (map->type != MMDB_DATA_TYPE_MAP) return mismatch(*map, type);
    for (std::uint32_t left = map->data_size; left > 0 && error_.empty(); --left) {
      const MMDB_entry_data_s* const key = next();
      if (!key) break;
      const std::string_view name = text_of(*key);
      const Field* field = nullptr;
      for (const Field& each : fields) {
        if (each.key == name) field = &each;
      }
      if (field) {
        object->set(field->name, value(*field), arena_);
        name_place(name);
      } else {
        skip();
      }
    }
    return Value::object(object);
  }

  const std::string& error() const { return error_; }

 private:
  const MMDB_entry_data_s* next() {
    if (!at_) return nullptr;
    const MMDB_entry_data_s* const data = &at_->entry_data;
    at_ = at_->next;
    return data;
  }

  void skip() {
    std::uint64_t values = 1;
    while (values > 0) {
      const MMDB_entry_data_s* const data = next();
      if (!data) return;
      --values;
      if (data->type == MMDB_DATA_TYPE_MAP) values += std::uint64_t{data->data_size} * 2;
      if (data->type == MMDB_DATA_TYPE_ARRAY) values += data->data_size;
    }
  }

  static std::string_view text_of(const MMDB_entry_data_s& data) {
    return data.type == MMDB_DATA_TYPE_UTF8_STRING
               ? std::string_view(data.utf8_string, data.data_size)
               : std::string_view{};
  }

  Object* blank(std::span<const Field> fields) {
    Object* const object = make_object(arena_, fields.size());
    for (const Field& field : fields) object->set(field.name, blank(field), arena_);
    return object;
  }

  Value blank(const Field& field) {
    switch (field.form) {
      case Form::text: return Value::string({});
      case Form::boolean: return Value::boolean(false);
      case Form::names:
      case Form::list: return Value::null();
      case Form::object: return Value::object(blank(field.fields));
      default: return Value::number_text("0");
    }
  }

  Value value(const Field& field) {
    if (field.form == Form::object) return object(field.fields);
    const MMDB_entry_data_s* const data = next();
    if (!data) return blank(field);
    switch (field.form) {
      case Form::text:
        if (data->type != MMDB_DATA_TYPE_UTF8_STRING) return mismatch(*data, "string");
        return Value::string(arena_.copy(text_of(*data)));
      case Form::boolean:
        if (data->type != MMDB_DATA_TYPE_BOOLEAN) return mismatch(*data, "bool");
        return Value::boolean(data->boolean);
      case Form::number: return number(*data);
      case Form::names: return names(*data);
      case Form::list: return list(*data, field.fields);
      case Form::uint8: return integer(*data, UINT8_MAX, "uint8");
      case Form::uint16: return integer(*data, UINT16_MAX, "uint16");
      default: return integer(*data, UINT64_MAX, "uint");
    }
  }

  Value names(const MMDB_entry_data_s& map) {
    if (map.type != MMDB_DATA_TYPE_MAP) return mismatch(map, "map[string]string");
    Object* const names = make_object(arena_, map.data_size);
    for (std::uint32_t left = map.data_size; left > 0; --left) {
      const MMDB_entry_data_s* const key = next();
      const MMDB_entry_data_s* const name = next();
      if (!key || !name) break;
      if (name->type != MMDB_DATA_TYPE_UTF8_STRING) {
        mismatch(*name, "string");
        name_place(text_of(*key));
        break;
      }
      names->set(arena_.copy(text_of(*key)), Value::string(arena_.copy(text_of(*name))), arena_);
    }
    return Value::object(names);
  }

  Value list(const MMDB_entry_data_s& array, std::span<const Field> fields) {
    if (array.type != MMDB_DATA_TYPE_ARRAY) return mismatch(array, "[]struct");
    Array* const all = make_array(arena_);
    for (std::uint32_t left = array.data_size; left > 0 && at_ && error_.empty(); --left) {
      all->push(object(fields), arena_);
    }
    return Value::array(all);
  }

  static std::optional<std::uint64_t> unsigned_of(const MMDB_entry_data_s& data) {
    switch (data.type) {
      case MMDB_DATA_TYPE_UINT16: return data.uint16;
      case MMDB_DATA_TYPE_UINT32: return data.uint32;
      case MMDB_DATA_TYPE_UINT64: return data.uint64;
      case MMDB_DATA_TYPE_INT32:
        if (data.int32 >= 0) return static_cast<std::uint64_t>(data.int32);
        return std::nullopt;
      default: return std::nullopt;
    }
  }

  Value integer(const MMDB_entry_data_s& data, std::uint64_t max, std::string_view wanted) {
    const auto number = unsigned_of(data);
    if (!number || *number > max) return mismatch(data, wanted);
    std::string text;
    append_uint(text, *number);
    return Value::number_text(arena_.copy(text));
  }

  Value number(const MMDB_entry_data_s& data) {
    double number = 0;
    if (data.type == MMDB_DATA_TYPE_DOUBLE) {
      number = data.double_value;
    } else if (data.type == MMDB_DATA_TYPE_FLOAT) {
      number = static_cast<double>(data.float_value);
    } else if (const auto integer = unsigned_of(data)) {
      number = static_cast<double>(*integer);
    } else {
      return mismatch(data, "float64");
    }
    if (number - number != 0) return mismatch(data, "a finite number");
    std::string text;
    append_json_float(text, number);
    return Value::number_text(arena_.copy(text));
  }

  static std::string describe(const MMDB_entry_data_s& data) {
    std::string text;
    switch (data.type) {
      case MMDB_DATA_TYPE_UTF8_STRING: return std::string(text_of(data)) + " (string)";
      case MMDB_DATA_TYPE_BOOLEAN: return data.boolean ? "true (bool)" : "false (bool)";
      case MMDB_DATA_TYPE_MAP: return "map";
      case MMDB_DATA_TYPE_ARRAY: return "array";
      case MMDB_DATA_TYPE_INT32: return std::to_string(data.int32) + " (int)";
      case MMDB_DATA_TYPE_DOUBLE: append_go_float(text, data.double_value); break;
      case MMDB_DATA_TYPE_FLOAT:
        append_go_float(text, static_cast<double>(data.float_value));
        return text + " (float32)";
      case MMDB_DATA_TYPE_BYTES: return "bytes ([]uint8)";
      default:
        if (const auto number = unsigned_of(data)) return std::to_string(*number) + " (uint64)";
        return "a value of type " + std::to_string(data.type);
    }
    return text + " (float64)";
  }

  Value mismatch(const MMDB_entry_data_s& data, std::string_view wanted) {
    if (error_.empty()) {
      error_ = "maxminddb: cannot unmarshal " + describe(data) + " into type " + std::string(wanted);
    }
    return Value::null();
  }

  /// Says in which member the failure was, if there was one.
  void name_place(std::string_view key) {
    if (!error_.empty()) error_.insert(0, "decoding value for " + std::string(key) + ": ");
  }

  Arena& arena_;
  const MMDB_entry_data_list_s* at_;
  std::string error_;
};

struct Address {
  sockaddr_storage storage{};
  bool is_v6 = false;
};

/// An IPv6 address that stands for an IPv4 one is taken as that.
std::optional<Address> parse_address(std::string_view text) {
  const std::string terminated(text);
  if (terminated.contains('\0')) return std::nullopt;
  Address address;
  auto& v4 = reinterpret_cast<sockaddr_in&>(address.storage);
  if (::inet_pton(AF_INET, terminated.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    return address;
  }
  in6_addr bytes{};
  if (::inet_pton(AF_INET6, terminated.c_str(), &bytes) != 1) return std::nullopt;
  if (IN6_IS_ADDR_V4MAPPED(&bytes)) {
    v4.sin_family = AF_INET;
    std::memcpy(&v4.sin_addr, bytes.s6_addr + 12, 4);
    return address;
  }
  auto& v6 = reinterpret_cast<sockaddr_in6&>(address.storage);
  v6.sin6_family = AF_INET6;
  v6.sin6_addr = bytes;
  address.is_v6 = true;
  return address;
}

std::string canonical(const Address& address) {
  char text[INET6_ADDRSTRLEN] = {};
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address.storage);
  return ::inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text) ? text : "";
}

Value look_up(Call& call, Value target, const Lookup& lookup) {
  const auto text = as_string(target, call.arena());
  if (!text) return call.type_error(target, "string");
  const auto address = parse_address(*text);
  if (!address) {
    return call.error("value ", *text, " does not appear to be a valid v4 or v6 IP address");
  }
  const auto& database = call.state<Database>();
  if (!answers(*database.type, lookup.method)) {
    return call.error("geoip2: the ", lookup.method, " method does not support the ",
                      database.type->name, " database");
  }
  if (address->is_v6 && database.file.metadata.ip_version == 4) {
    return call.error("error looking up '", canonical(*address),
                      "': you attempted to look up an IPv6 address in an IPv4-only database");
  }
  int status = MMDB_SUCCESS;
  auto found = MMDB_lookup_sockaddr(
      &database.file, reinterpret_cast<const sockaddr*>(&address->storage), &status);
  MMDB_entry_data_list_s* list = nullptr;
  if (status == MMDB_SUCCESS && found.found_entry) {
    status = MMDB_get_entry_data_list(&found.entry, &list);
  }
  const std::unique_ptr<MMDB_entry_data_list_s, decltype(&MMDB_free_entry_data_list)> owner(
      list, MMDB_free_entry_data_list);
  if (status != MMDB_SUCCESS) return call.error(MMDB_strerror(status));
  RecordReader reader(call.arena(), list);
  const Value record = reader.object(lookup.record, "geoip2." + std::string(lookup.method));
  return reader.error().empty() ? record : call.error(reader.error());
}

template <const Lookup& lookup>
Value look_up(Call& call, Value target) {
  return look_up(call, target, lookup);
}

// Entries -----------------------------------------------------------------------------------------

constexpr Parameter kPath{"path", Type::string, "The database file (.mmdb)."};
constexpr auto kAsGiven = Function::Errors::as_given;

constinit const Function kEntries[] = {
    {.name = "geoip_anonymous_ip",
     .category = Category::geoip,
     .parameters = {kPath},
     .errors = kAsGiven,
     .prepare = prepare_database,
     .call = look_up<kAnonymousLookup>,
     .description = "Whether an address belongs to a VPN, proxy or hosting provider.",
     .examples = {{.mapping = "root.vpn = this.ip.geoip_anonymous_ip(\"/data/anonymous.mmdb\")"
                              ".IsAnonymousVPN",
                   .is_random = true}}},
    {.name = "geoip_asn",
     .category = Category::geoip,
     .parameters = {kPath},
     .errors = kAsGiven,
     .prepare = prepare_database,
     .call = look_up<kAsnLookup>,
     .description = "The autonomous system of an address.",
     .examples = {{.mapping = "root.as = this.ip.geoip_asn(\"/data/asn.mmdb\")"
                              ".AutonomousSystemNumber",
                   .is_random = true}}},
    {.name = "geoip_city",
     .category = Category::geoip,
     .parameters = {kPath},
     .errors = kAsGiven,
     .prepare = prepare_database,
     .call = look_up<kCityLookup>,
     .description = "The city of an address, with country, postal code and location.",
     .examples = {{.mapping = "root.city = this.ip.geoip_city(\"/data/city.mmdb\").City.Names.en",
                   .is_random = true}}},
    {.name = "geoip_connection_type",
     .category = Category::geoip,
     .parameters = {kPath},
     .errors = kAsGiven,
     .prepare = prepare_database,
     .call = look_up<kConnectionLookup>,
     .description = "How an address is connected: Cable/DSL, Cellular, Corporate.",
     .examples = {{.mapping = "root = this.ip.geoip_connection_type(\"/data/connection.mmdb\")",
                   .is_random = true}}},
    {.name = "geoip_country",
     .category = Category::geoip,
     .parameters = {kPath},
     .errors = kAsGiven,
     .prepare = prepare_database,
     .call = look_up<kCountryLookup>,
     .description = "The country of an address.",
     .examples = {{.mapping = "root.country = this.ip.geoip_country(\"/data/country.mmdb\")"
                              ".Country.IsoCode",
                   .is_random = true}}},
    {.name = "geoip_domain",
     .category = Category::geoip,
     .parameters = {kPath},
     .errors = kAsGiven,
     .prepare = prepare_database,
     .call = look_up<kDomainLookup>,
     .description = "The second-level domain of an address.",
     .examples = {{.mapping = "root = this.ip.geoip_domain(\"/data/domain.mmdb\")",
                   .is_random = true}}},
    {.name = "geoip_enterprise",
     .category = Category::geoip,
     .parameters = {kPath},
     .errors = kAsGiven,
     .prepare = prepare_database,
     .call = look_up<kEnterpriseLookup>,
     .description = "What an enterprise database says of an address, with how sure it is.",
     .examples = {{.mapping = "root = this.ip.geoip_enterprise(\"/data/enterprise.mmdb\")",
                   .is_random = true}}},
    {.name = "geoip_isp",
     .category = Category::geoip,
     .parameters = {kPath},
     .errors = kAsGiven,
     .prepare = prepare_database,
     .call = look_up<kIspLookup>,
     .description = "The provider of an address.",
     .examples = {{.mapping = "root.isp = this.ip.geoip_isp(\"/data/isp.mmdb\").ISP",
                   .is_random = true}}},
};

}  // namespace

constinit const std::span<const Function> kGeoipMethods = kEntries;

}  // namespace tollgate::bloblang
