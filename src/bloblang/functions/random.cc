// Identifiers and random numbers.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <limits>
#include <mutex>
#include <optional>
#include <vector>

#include "bloblang/functions/catalogue.h"
#include "bloblang/functions/go_random.h"
#include "bloblang/functions/random_source.h"
#include "value/encoding.h"
#include "value/timestamp.h"

namespace tollgate::bloblang {
namespace {

std::int64_t unix_milliseconds() {
  using namespace std::chrono;
  return floor<milliseconds>(system_clock::now().time_since_epoch()).count();
}

void put_big_endian(unsigned char* to, std::uint64_t number, int bytes) {
  for (int i = bytes - 1; i >= 0; --i, number >>= 8) to[i] = static_cast<unsigned char>(number);
}

// UUIDs -------------------------------------------------------------------------------------------

/// Sets version and variant and writes the usual form.
Value write_uuid(Arena& arena, DrawnId id, unsigned version) {
  using Bytes [[gnu::vector_size(16)]] = unsigned char;
  using Halves [[gnu::vector_size(16)]] = std::uint64_t;
  id.first = (id.first & ~(std::uint64_t{0xf0} << 48)) | std::uint64_t{version} << 52;  // byte 6
  id.second = (id.second & ~std::uint64_t{0xc0}) | 0x80;                                // byte 8
  const auto bytes = Bytes(Halves{id.first, id.second});
  const Bytes ones = bytes & 15, sixteens = bytes >> 4;
  Bytes digits[2] = {
      __builtin_shufflevector(sixteens, ones, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23),
      __builtin_shufflevector(sixteens, ones, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15,
                              31)};
  for (Bytes& half : digits) half += '0' + (Bytes(half > 9) & ('a' - '0' - 10));
  char hex[32];
  std::memcpy(hex, digits, sizeof hex);
  auto* const text = arena.allocate_array<char>(36);
  std::memcpy(text, hex, 8);
  std::memcpy(text + 9, hex + 8, 4);
  std::memcpy(text + 14, hex + 12, 4);
  std::memcpy(text + 19, hex + 16, 4);
  std::memcpy(text + 24, hex + 20, 12);
  for (const int dash : {8, 13, 18, 23}) text[dash] = '-';
  return Value::string({text, 36});
}

Value uuid_v4(Call& call, Value) {
  return write_uuid(call.arena(), draw_id(call), 4);
}

Value uuid_v7(Call& call, Value) {
  std::int64_t milliseconds = unix_milliseconds();
  if (call.has(0)) {
    const Timestamp& time = call[0].as_timestamp();
    const auto part = static_cast<std::uint64_t>(time.nanoseconds / 1'000'000);
    milliseconds = static_cast<std::int64_t>(static_cast<std::uint64_t>(time.seconds) * 1000 + part);
  }
  unsigned char bytes[16];
  draw(call, bytes);
  put_big_endian(bytes, static_cast<std::uint64_t>(milliseconds), 6);
  DrawnId id;
  std::memcpy(&id, bytes, sizeof id);
  return write_uuid(call.arena(), id, 7);
}

// Nano ID -----------------------------------------------------------------------------------------

constexpr std::string_view kNanoAlphabet =
    "_-0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
constexpr std::int64_t kNanoLength = 21;

Prepared prepare_nanoid(const Arguments& arguments) {
  if (arguments.has(1) && !arguments.has(0)) {
    return std::unexpected("field length must be specified when an alphabet is specified");
  }
  return nullptr;
}

/// `length` characters of `alphabet`, each as likely as the others: other bytes are drawn again.
std::string pick(const Call& call, const std::vector<std::string_view>& alphabet,
                 std::size_t length) {
  unsigned mask = 3;
  while (mask + 1 < alphabet.size()) mask = mask * 2 + 1;
  std::string text;
  unsigned char bytes[64];
  std::size_t used = sizeof bytes;
  for (std::size_t picked = 0; picked < length;) {
    if (used == sizeof bytes) {
      draw(call, bytes);
      used = 0;
    }
    const unsigned index = bytes[used++] & mask;
    if (index >= alphabet.size()) continue;
    text += alphabet[index];
    ++picked;
  }
  return text;
}

Value nanoid(Call& call, Value) {
  const std::int64_t length = call.has(0) ? call.integer(0) : kNanoLength;
  const std::string_view letters = call.has(1) ? call.text(1) : kNanoAlphabet;
  if (letters.empty() || letters.size() > 255) {
    return call.error("alphabet must not be empty and contain no more than 255 chars");
  }
  if (call.has(1) && length <= 0) return call.error("size must be positive integer");
  if (length < 0) return call.error("negative id length");
  if (const Value refusal = call.check_size(static_cast<std::uint64_t>(length) * 4);
      refusal.is_error()) {
    return refusal;
  }
  std::vector<std::string_view> alphabet;
  for (std::size_t at = 0; at < letters.size();) {
    const Rune rune = decode_rune(letters.data() + at, letters.data() + letters.size());
    alphabet.push_back(letters.substr(at, rune.width));
    at += rune.width;
  }
  return call.string(pick(call, alphabet, static_cast<std::size_t>(length)));
}

// KSUID, ULID, snowflake --------------------------------------------------------------------------

/// The number in `bytes`, big-endian, in base 62, 27 digits.
Value ksuid(Call& call, Value) {
  constexpr std::string_view kDigits =
      "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  constexpr std::int64_t kEpoch = 1'400'000'000;
  unsigned char id[20];
  draw(call, std::span(id).subspan(4));
  put_big_endian(id, static_cast<std::uint64_t>(unix_milliseconds() / 1000 - kEpoch), 4);
  char text[27];
  for (int digit = 26; digit >= 0; --digit) {
    unsigned remainder = 0;
    for (unsigned char& byte : id) {
      const unsigned value = remainder * 256 + byte;
      byte = static_cast<unsigned char>(value / 62);
      remainder = value % 62;
    }
    text[digit] = kDigits[remainder];
  }
  return call.string({text, sizeof text});
}

Prepared prepare_ulid(const Arguments& arguments) {
  const auto encoding = arguments.text(0), source = arguments.text(1);
  if (encoding != "crockford" && encoding != "hex") {
    return std::unexpected("invalid ulid encoding: " + std::string(encoding));
  }
  if (source != "secure_random" && source != "fast_random") {
    return std::unexpected("invalid randomness source: " + std::string(source));
  }
  return nullptr;
}

Value ulid(Call& call, Value) {
  unsigned char id[16];
  draw(call, id);
  put_big_endian(id, static_cast<std::uint64_t>(unix_milliseconds()), 6);
  if (call.text(0) == "hex") {
    std::string text;
    append_hex(text, {reinterpret_cast<const char*>(id), sizeof id});
    return call.string(text);
  }
  constexpr std::string_view kDigits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  char text[26];
  for (int digit = 0; digit < 26; ++digit) {  // 130 bits: two zeros, then the id
    unsigned value = 0;
    for (int bit = 0; bit < 5; ++bit) {
      const int at = digit * 5 + bit - 2;
      const unsigned set = at < 0 ? 0 : (id[at / 8] >> (7 - at % 8)) & 1u;
      value = value * 2 + set;
    }
    text[digit] = kDigits[value];
  }
  return call.string({text, sizeof text});
}

/// The ids of one node: milliseconds and a sequence number within them, never going back.
struct Snowflake final : CallState {
  std::atomic<std::int64_t> last{0};  // milliseconds << 12 | sequence
};

Prepared prepare_snowflake(const Arguments& arguments) {
  if (arguments.integer(0) < 0 || arguments.integer(0) > 1023) {
    return std::unexpected("Node number must be between 0 and 1023");
  }
  return std::make_unique<Snowflake>();
}

Value snowflake_id(Call& call, Value) {
  constexpr std::int64_t kEpoch = 1'288'834'974'657;
  std::atomic<std::int64_t>& last = call.state<Snowflake>().last;
  const std::int64_t present = (unix_milliseconds() - kEpoch) << 12;
  std::int64_t before = last.load(std::memory_order_relaxed), next = 0;
  do next = std::max(present, before + 1);
  while (!last.compare_exchange_weak(before, next, std::memory_order_relaxed));
  const std::int64_t id = (next >> 12 << 22) | (call.integer(0) << 12) | (next & 0xfff);
  return call.string(std::to_string(id));
}

// Random numbers ----------------------------------------------------------------------------------

/// A sequence that its seed determines, shared by all threads.
struct RandomSequence final : CallState {
  std::atomic<bool> seeded = false;
  std::mutex lock;
  std::optional<GoRandom> numbers;  // guarded by `lock`
};

Prepared prepare_random_int(const Arguments& arguments) {
  constexpr auto kLimit = std::numeric_limits<std::int64_t>::max();
  const auto min = arguments.integer(1), max = arguments.integer(2);
  if (min < 0) {
    return std::unexpected("min (" + std::to_string(min) + ") must be a positive number");
  }
  if (max < min) {
    return std::unexpected("min (" + std::to_string(min) + ") must be smaller or equal than max (" +
                           std::to_string(max) + ")");
  }
  if (max == kLimit) {
    return std::unexpected("max must be smaller than the max allowed for an int64 (" +
                           std::to_string(kLimit) + ")");
  }
  return std::make_unique<RandomSequence>();
}

/// A seed: an integer, or text that spells one. An error says why it is none.
Value seed_of(Call& call) {
  const Value seed = call.evaluate(0);
  if (seed.is_error()) return seed;
  const auto number = to_int(seed);
  return number ? Value::int64(*number) : call.error(number.error().message());
}

Value random_int(Call& call, Value) {
  auto& sequence = call.state<RandomSequence>();
  if (!sequence.seeded) {
    const Value seed = seed_of(call);
    if (seed.is_error()) {
      return call.error("failed to seed random number generator: ", seed.as_text());
    }
    std::lock_guard guard(sequence.lock);
    if (!sequence.seeded) {
      sequence.numbers.emplace(seed.as_int64());
      sequence.seeded = true;
    }
  }
  const std::int64_t least = call.integer(1);
  std::lock_guard guard(sequence.lock);
  return Value::int64(sequence.numbers->below(call.integer(2) - least + 1) + least);
}

// Entries -----------------------------------------------------------------------------------------

constexpr auto kMaxRandom = std::numeric_limits<std::int64_t>::max() - 1;

constinit const Function kEntries[] = {
    {.name = "uuid_v4",
     .category = Category::general,
     .call = uuid_v4,
     .description = "A random UUID. A message that is resent or replayed gets the same ones again, "
                    "in the order they are drawn.",
     .examples = {{.mapping = "root = this\nroot.id = uuid_v4()", .is_random = true}}},
    {.name = "uuid_v7",
     .category = Category::general,
     .parameters = {{"time", Type::timestamp, "Instead of now.", Need::optional}},
     .call = uuid_v7,
     .description = "A UUID that sorts by time.",
     .examples = {{.mapping = "root.id = uuid_v7()", .is_random = true}}},
    {.name = "nanoid",
     .category = Category::general,
     .parameters = {{"length", Type::integer, "21 if left out.", Need::optional},
                    {"alphabet", Type::string, "The characters to pick from; needs a length.",
                     Need::optional}},
     .prepare = prepare_nanoid,
     .call = nanoid,
     .description = "A short random id of characters that URLs allow.",
     .examples = {{.mapping = "root.id = nanoid(8, \"abcdef\")", .is_random = true}}},
    {.name = "ksuid",
     .category = Category::general,
     .call = ksuid,
     .description = "A random id that sorts by the second it was made in, in base 62.",
     .examples = {{.mapping = "root.id = ksuid()", .is_random = true}}},
    {.name = "ulid",
     .category = Category::general,
     .parameters = {{"encoding", Type::string, "crockford or hex.",
                     Need::defaulted, Value::string("crockford")},
                    {"random_source", Type::string,
                     "secure_random or fast_random; both are secure here.",
                     Need::defaulted, Value::string("secure_random")}},
     .prepare = prepare_ulid,
     .call = ulid,
     .description = "A random id that sorts by the millisecond it was made in.",
     .examples = {{.mapping = "root.id = ulid(\"hex\")", .is_random = true}}},
    {.name = "snowflake_id",
     .category = Category::general,
     .parameters = {{"node_id", Type::integer, "Tells machines apart: 0 to 1023.",
                     Need::defaulted, Value::int64(1)}},
     .prepare = prepare_snowflake,
     .call = snowflake_id,
     .description = "A 63-bit id, as text, that grows with time and is never given out twice by one "
                    "call in a mapping.",
     .examples = {{.mapping = "root.id = snowflake_id(7)", .is_random = true}}},
    {.name = "random_int",
     .category = Category::general,
     .parameters = {{"seed", Type::value_or_query, "Where the sequence starts. Evaluated once.",
                     Need::defaulted, Value::int64(0)},
                    {"min", Type::integer, "The least number.",
                     Need::defaulted, Value::int64(0), true},
                    {"max", Type::integer, "The greatest number.",
                     Need::defaulted, Value::int64(kMaxRandom), true}},
     .prepare = prepare_random_int,
     .call = random_int,
     .description = "The next number of a pseudo-random sequence.",
     .examples = {{.mapping = "root.dice = random_int(timestamp_unix_nano(), 1, 6)",
                   .is_random = true}}},
};

}  // namespace

constinit const std::span<const Function> kRandomFunctions = kEntries;

}  // namespace tollgate::bloblang
