// fake: made-up data for tests and demonstrations.

#include <arpa/inet.h>

#include <algorithm>
#include <chrono>
#include <numeric>
#include <vector>

#include "base/strings.h"
#include "bloblang/functions/catalogue.h"
#include "bloblang/functions/fake_words.h"
#include "bloblang/functions/random_source.h"
#include "value/encoding.h"
#include "value/time_layout.h"

namespace tollgate::bloblang {
namespace {

// Chance ------------------------------------------------------------------------------------------

std::uint64_t random_number() {
  std::uint64_t number = 0;
  random_bytes({reinterpret_cast<unsigned char*>(&number), sizeof number});
  return number;
}

/// 0 to `count` - 1. The bias of the modulus is far below what anybody could see in fake data.
std::uint64_t below(std::uint64_t count) { return random_number() % count; }

/// 0 to 1, 1 excluded.
double fraction() { return static_cast<double>(random_number() >> 11) * 0x1p-53; }

template <std::size_t n>
std::string_view pick(const std::string_view (&words)[n]) {
  return words[below(n)];
}

std::string pick_digits(std::size_t count) {
  std::string digits;
  for (std::size_t i = 0; i < count; ++i) digits += static_cast<char>('0' + below(10));
  return digits;
}

std::string pick_letters(std::size_t count) {
  constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  std::string letters;
  for (std::size_t i = 0; i < count; ++i) letters += kLetters[below(kLetters.size())];
  return letters;
}

/// The numbers 1 to `last` in any order, one after the other.
std::string shuffled(std::size_t last) {
  std::vector<std::size_t> numbers(last);
  std::iota(numbers.begin(), numbers.end(), 1);
  std::string digits;
  for (std::size_t left = last; left > 0; --left) {
    std::swap(numbers[below(left)], numbers[left - 1]);
    digits += std::to_string(numbers[left - 1]);
  }
  return digits;
}

// Places and times --------------------------------------------------------------------------------

Value latitude(Call&) { return Value::float64(fraction() * 180 - 90); }
Value longitude(Call&) { return Value::float64(fraction() * 360 - 180); }

/// A second between 1970 and now.
std::int64_t some_second() {
  using namespace std::chrono;
  const auto present = floor<seconds>(system_clock::now().time_since_epoch()).count();
  return static_cast<std::int64_t>(below(static_cast<std::uint64_t>(present)));
}

Value unix_time(Call&) { return Value::int64(some_second()); }

/// Such a second, in Go's layout.
template <const std::string_view& layout>
Value some_time(Call& call) {
  std::string text;
  append_time(text, {some_second(), 0, Zone::local()}, layout);
  return call.string(text);
}

constexpr std::string_view kDate = "2006-01-02", kClock = "15:04:05", kMonth = "January",
                           kYear = "2006", kWeekday = "Monday", kDay = "_2",
                           kTimestamp = "2006-01-02 15:04:05", kPeriod = "PM";

// Networks ----------------------------------------------------------------------------------------

std::string domain() {
  return to_lower(pick_letters(7)) + "." + std::string(pick(fake_words::kTopDomains));
}

Value email(Call& call) {
  return call.string(pick_letters(7) + "@" + pick_letters(7) + "." +
                     std::string(pick(fake_words::kTopDomains)));
}

Value mac_address(Call& call) {
  std::string text;
  for (int i = 0; i < 6; ++i) {
    if (i > 0) text += ':';
    append_hex(text, std::string(1, static_cast<char>(below(256))));
  }
  return call.string(text);
}

Value domain_name(Call& call) { return call.string(domain()); }

Value url(Call& call) {
  std::string text = below(2) ? "https://" : "http://";
  if (below(2)) text += "www.";
  text += domain() + "/";
  constexpr std::string_view kEnds[] = {"", ".html", ".php"};
  if (below(2)) text += pick_letters(7) + std::string(pick(kEnds));
  return call.string(text);
}

template <std::size_t count>
Value letters(Call& call) {
  return call.string(pick_letters(count));
}

template <int family, std::size_t size>
Value address(Call& call) {
  unsigned char bytes[size];
  random_bytes(bytes);
  char text[INET6_ADDRSTRLEN] = {};
  return call.string(::inet_ntop(family, bytes, text, sizeof text) ? text : "");
}

Value jwt(Call& call) {
  const std::string part = pick_letters(40);
  return call.string(part + "." + part + "." + part);
}

// Words -------------------------------------------------------------------------------------------

template <const auto& words>
Value one_of(Call&) {
  return Value::string(pick(words));
}

std::string sentence_of_words() {
  std::string text;
  for (int i = 0; i < 6; ++i) {
    std::string word(pick(fake_words::kWords));
    if (i == 0) word[0] = static_cast<char>(word[0] - 'a' + 'A');
    text += (i > 0 ? " " : "") + word;
  }
  return text + ".";
}

Value sentence(Call& call) { return call.string(sentence_of_words()); }

Value paragraph(Call& call) {
  std::string text = sentence_of_words();
  for (std::uint64_t more = below(10); more > 0; --more) text += " " + sentence_of_words();
  return call.string(text);
}

// Payment -----------------------------------------------------------------------------------------

struct Card {
  std::string_view name;
  std::size_t length;
  std::string_view prefixes[4];
};
constexpr Card kCards[] = {{"VISA", 16, {"4539", "4556", "4916", "4"}},
                           {"MasterCard", 16, {"51", "52", "54", "55"}},
                           {"American Express", 15, {"34", "37", "34", "37"}},
                           {"Discover", 16, {"6011", "6011", "6011", "6011"}},
                           {"JCB", 16, {"3528", "3538", "3558", "3588"}},
                           {"Diners Club", 14, {"36", "38", "39", "36"}}};

Value card_type(Call&) { return Value::string(kCards[below(std::size(kCards))].name); }

Value card_number(Call& call) {
  const Card& card = kCards[below(std::size(kCards))];
  const std::string prefix(pick(card.prefixes));
  return call.string(prefix + pick_digits(card.length - prefix.size()));
}

/// With two decimals at most, like prices, and six of them printed.
Value amount_with_currency(Call& call) {
  constexpr std::uint64_t kPowers[] = {1, 10, 100, 1000, 10'000, 100'000, 1'000'000, 10'000'000};
  const std::uint64_t cents = below(kPowers[below(std::size(kPowers))] * 100);
  const std::string text = std::to_string(cents % 100 + 100).substr(1);
  return call.string(std::string(pick(fake_words::kCurrencies)) + " " +
                     std::to_string(cents / 100) + "." + text + "0000");
}

// People ------------------------------------------------------------------------------------------

Value first_name(Call&) {
  return Value::string(below(2) ? pick(fake_words::kFirstNamesMale)
                                : pick(fake_words::kFirstNamesFemale));
}

Value name(Call& call) {
  const bool male = below(2) == 1;
  std::string text(male ? pick(fake_words::kTitlesMale) : pick(fake_words::kTitlesFemale));
  text += ' ';
  text += male ? pick(fake_words::kFirstNamesMale) : pick(fake_words::kFirstNamesFemale);
  text += ' ';
  text += pick(fake_words::kLastNames);
  return call.string(text);
}

Value chinese_name(Call& call) {
  return call.string(std::string(pick(fake_words::kChineseFirstNames)) +
                     std::string(pick(fake_words::kChineseLastNames)));
}

Value phone_number(Call& call) {
  const std::string digits = shuffled(10);
  return call.string(digits.substr(0, 3) + "-" + digits.substr(3, 3) + "-" + digits.substr(6, 4));
}

Value toll_free_number(Call& call) {
  const std::string digits = shuffled(9);
  return call.string(std::string(below(2) ? "(777) " : "(888) ") + digits.substr(0, 3) + "-" +
                     digits.substr(3));
}

Value international_number(Call& call) {
  return call.string(std::string(below(2) ? "+7" : "+8") + shuffled(10));
}

// UUIDs -------------------------------------------------------------------------------------------

std::string uuid_digits() {
  unsigned char id[16];
  random_bytes(id);
  id[6] = static_cast<unsigned char>((id[6] & 0x0F) | 0x40);
  id[8] = static_cast<unsigned char>((id[8] & 0x3F) | 0x80);
  std::string text;
  append_hex(text, {reinterpret_cast<const char*>(id), sizeof id});
  return text;
}

Value uuid_digit(Call& call) { return call.string(uuid_digits()); }

Value uuid_hyphenated(Call& call) {
  std::string text = uuid_digits();
  for (const std::size_t at : {8u, 13u, 18u, 23u}) text.insert(at, "-");
  return call.string(text);
}

// The function ------------------------------------------------------------------------------------

struct Generator {
  std::string_view name;
  Value (*make)(Call&);
};
constexpr Generator kGenerators[] = {
    {"", letters<25>},
    {"latitude", latitude},
    {"longitude", longitude},
    {"unix_time", unix_time},
    {"date", some_time<kDate>},
    {"time_string", some_time<kClock>},
    {"month_name", some_time<kMonth>},
    {"year_string", some_time<kYear>},
    {"day_of_week", some_time<kWeekday>},
    {"day_of_month", some_time<kDay>},
    {"timestamp", some_time<kTimestamp>},
    {"century", one_of<fake_words::kCenturies>},
    {"timezone", one_of<fake_words::kTimeZones>},
    {"time_period", some_time<kPeriod>},
    {"email", email},
    {"mac_address", mac_address},
    {"domain_name", domain_name},
    {"url", url},
    {"username", letters<7>},
    {"ipv4", address<AF_INET, 4>},
    {"ipv6", address<AF_INET6, 16>},
    {"password", letters<50>},
    {"jwt", jwt},
    {"word", one_of<fake_words::kWords>},
    {"sentence", sentence},
    {"paragraph", paragraph},
    {"cc_type", card_type},
    {"cc_number", card_number},
    {"currency", one_of<fake_words::kCurrencies>},
    {"amount_with_currency", amount_with_currency},
    {"title_male", one_of<fake_words::kTitlesMale>},
    {"title_female", one_of<fake_words::kTitlesFemale>},
    {"first_name", first_name},
    {"first_name_male", one_of<fake_words::kFirstNamesMale>},
    {"first_name_female", one_of<fake_words::kFirstNamesFemale>},
    {"last_name", one_of<fake_words::kLastNames>},
    {"name", name},
    {"gender", one_of<fake_words::kGenders>},
    {"chinese_first_name", one_of<fake_words::kChineseFirstNames>},
    {"chinese_last_name", one_of<fake_words::kChineseLastNames>},
    {"chinese_name", chinese_name},
    {"phone_number", phone_number},
    {"toll_free_phone_number", toll_free_number},
    {"e164_phone_number", international_number},
    {"uuid_hyphenated", uuid_hyphenated},
    {"uuid_digit", uuid_digit},
};

Value fake(Call& call, Value) {
  const std::string wanted = to_lower(call.text(0));
  for (const Generator& generator : kGenerators) {
    if (generator.name == wanted) return generator.make(call);
  }
  return call.error("invalid faker function: ", call.text(0));
}

constinit const Function kEntries[] = {
    {.name = "fake",
     .category = Category::fake,
     .parameters = {{"function", Type::string,
                     "latitude, longitude, unix_time, date, time_string, month_name, year_string, "
                     "day_of_week, day_of_month, timestamp, century, timezone, time_period, email, "
                     "mac_address, domain_name, url, username, ipv4, ipv6, password, jwt, word, "
                     "sentence, paragraph, cc_type, cc_number, currency, amount_with_currency, "
                     "title_male, title_female, first_name, first_name_male, first_name_female, "
                     "last_name, name, gender, chinese_first_name, chinese_last_name, chinese_name, "
                     "phone_number, toll_free_phone_number, e164_phone_number, uuid_hyphenated or "
                     "uuid_digit; if empty, random letters.",
                     Need::defaulted, Value::string("")}},
     .errors = Function::Errors::as_given,
     .call = fake,
     .description = "Made-up data for tests and demonstrations.",
     .examples = {{.mapping = "root.user = {\"name\": fake(\"name\"), \"email\": fake(\"email\")}",
                   .is_random = true},
                  {.mapping = "root.digits = fake(\"cc_number\").length() > 13",
                   .cases = {{"{}", R"({"digits":true})"}}}}},
};

}  // namespace

constinit const std::span<const Function> kFakeFunctions = kEntries;

}  // namespace tollgate::bloblang
