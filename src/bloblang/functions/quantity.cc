// resource_quantity: amounts as Kubernetes writes them ("500m", "1.5Gi", "2e3"), in plain decimals.

#include <algorithm>

#include "bloblang/functions/catalogue.h"
#include "value/number.h"

namespace tollgate::bloblang {
namespace {

constexpr std::string_view kBadForm =
    "quantities must match the regular expression "
    "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
constexpr std::string_view kBadNumber = "unable to parse numeric part of quantity";
constexpr std::string_view kBadSuffix = "unable to parse quantity's suffix";
constexpr std::string_view kDigits = "0123456789";

/// Amounts of so many digits are computed as they stand; others to this many decimals, upwards.
constexpr std::int64_t kExactDigits = 18, kDecimals = 9;
constexpr std::string_view kLargest = "9223372036854775807";  // for suffixes such as Ki
/// Digits of a result. Of such an exponent the incumbent would write gigabytes.
constexpr std::int64_t kMaxDigits = 100'000;

struct Suffix {
  std::string_view name;
  int base, exponent;
};
constexpr Suffix kSuffixes[] = {
    {"", 10, 0},   {"n", 10, -9}, {"u", 10, -6}, {"m", 10, -3}, {"k", 10, 3},
    {"M", 10, 6},  {"G", 10, 9},  {"T", 10, 12}, {"P", 10, 15}, {"E", 10, 18},
    {"Ki", 2, 10}, {"Mi", 2, 20}, {"Gi", 2, 30}, {"Ti", 2, 40}, {"Pi", 2, 50},
    {"Ei", 2, 60}};

using Text = std::expected<std::string, std::string>;
std::unexpected<std::string> refuse(std::string_view why) {
  return std::unexpected(std::string(why));
}

std::optional<Suffix> suffix_named(std::string_view name) {
  for (const Suffix& suffix : kSuffixes) {
    if (suffix.name == name) return suffix;
  }
  if (name.size() < 2 || (name[0] != 'e' && name[0] != 'E')) return std::nullopt;
  const auto exponent = parse_int(name.substr(1));
  if (!exponent) return std::nullopt;
  return Suffix{name, 10, static_cast<std::int32_t>(*exponent)};
}

/// A decimal number: digits without leading zeros (none is zero), the last `scale` of them decimals.
struct Amount {
  bool negative = false;
  std::string digits;
  std::int64_t scale = 0;

  bool is_zero() const { return digits.empty(); }

  void double_times(int times) {
    for (; times > 0; --times) {
      int carry = 0;
      for (auto digit = digits.rbegin(); digit != digits.rend(); ++digit) {
        const int twice = (*digit - '0') * 2 + carry;
        *digit = static_cast<char>('0' + twice % 10);
        carry = twice / 10;
      }
      if (carry) digits.insert(digits.begin(), '1');
    }
  }

  /// To exactly `decimals`, away from zero.
  void round_up(std::int64_t decimals) {
    if (scale <= decimals) {
      digits.append(static_cast<std::size_t>(decimals - scale), '0');
    } else {
      const auto drop = static_cast<std::size_t>(
          std::min<std::int64_t>(scale - decimals, static_cast<std::int64_t>(digits.size())));
      const auto kept = digits.size() - drop;
      const bool exact = digits.find_first_not_of('0', kept) == std::string::npos;
      digits.resize(kept);
      if (!exact) increment();
    }
    scale = decimals;
  }

  std::string text() const {
    std::string out = negative && !is_zero() ? "-" : "";
    if (scale <= 0) {
      if (is_zero()) return "0";
      return out + digits + std::string(static_cast<std::size_t>(-scale), '0');
    }
    std::string all = is_zero() ? "0" : digits;
    const auto decimals = static_cast<std::size_t>(scale);
    if (all.size() <= decimals) all.insert(0, decimals + 1 - all.size(), '0');
    all.insert(all.size() - decimals, ".");
    return out + all;
  }

 private:
  void increment() {
    for (auto digit = digits.rbegin(); digit != digits.rend(); ++digit) {
      if (*digit != '9') {
        ++*digit;
        return;
      }
      *digit = '0';
    }
    digits.insert(digits.begin(), '1');
  }
};

/// Whether `amount` above `kLargest`; its scale is not negative.
bool exceeds_largest(const Amount& amount) {
  const auto decimals = static_cast<std::size_t>(amount.scale);
  if (amount.digits.size() <= decimals) return false;
  const auto whole = std::string_view(amount.digits).substr(0, amount.digits.size() - decimals);
  if (whole.size() != kLargest.size()) return whole.size() > kLargest.size();
  if (whole != kLargest) return whole > kLargest;
  return amount.digits.find_first_not_of('0', whole.size()) != std::string::npos;
}

Text plain_decimal(std::string_view text) {
  std::string_view rest = text;
  const bool negative = rest.starts_with('-');
  if (negative || rest.starts_with('+')) rest.remove_prefix(1);
  const auto take = [&rest](std::string_view set) {
    const auto taken = rest.substr(0, std::min(rest.find_first_not_of(set), rest.size()));
    rest.remove_prefix(taken.size());
    return taken;
  };
  std::string_view whole = take(kDigits);
  const bool has_digits = !whole.empty();
  whole.remove_prefix(std::min(whole.find_first_not_of('0'), whole.size()));
  std::string_view decimals;
  if (rest.starts_with('.')) {
    rest.remove_prefix(1);
    decimals = take(kDigits);
  }
  const std::string_view name = rest;
  take("eEinumkKMGTP");
  if (rest.starts_with('-') || rest.starts_with('+')) rest.remove_prefix(1);
  take(kDigits);
  if (!rest.empty()) return refuse(kBadForm);
  const auto suffix = suffix_named(name);
  if (!suffix) return refuse(kBadSuffix);

  Amount amount{.negative = negative, .digits = std::string(whole) + std::string(decimals)};
  amount.digits.erase(0, std::min(amount.digits.find_first_not_of('0'), amount.digits.size()));
  amount.scale = static_cast<std::int64_t>(decimals.size());
  const auto written = static_cast<std::int64_t>(std::max<std::size_t>(whole.size(), 1));
  bool exact = false;
  if (suffix->base == 10) {
    amount.scale -= suffix->exponent;
    exact = written + static_cast<std::int64_t>(decimals.size()) <= kExactDigits &&
            amount.scale <= kDecimals;
  } else {
    exact = decimals.empty() && written + suffix->exponent * 3 / 10 <= 14;
  }
  if (-amount.scale > kMaxDigits) {
    return refuse("the quantity exceeds the limit of " + std::to_string(kMaxDigits) + " digits");
  }
  if (!exact && !has_digits && decimals.empty()) return refuse(kBadNumber);
  if (suffix->base == 2) amount.double_times(suffix->exponent);
  if (exact) return amount.text();
  if (!amount.is_zero()) amount.round_up(kDecimals);
  if (suffix->base == 2 && exceeds_largest(amount)) {
    amount.digits = kLargest;
    amount.scale = 0;
  }
  return amount.text();
}

struct QuantityState final : CallState {
  explicit QuantityState(std::string decimal) : text(std::move(decimal)) {}
  std::string text;  // empty: of an empty quantity
};

Prepared prepare(const Arguments& arguments) {
  if (arguments.text(0).empty()) return std::make_unique<QuantityState>("");
  auto text = plain_decimal(arguments.text(0));
  if (!text) return std::unexpected(text.error());
  return std::make_unique<QuantityState>(std::move(*text));
}

Value resource_quantity(Call& call, Value) {
  const std::string& text = call.state<QuantityState>().text;
  return text.empty() ? Value::int64(0) : call.string(text);
}

constinit const Function kEntries[] = {
    {.name = "resource_quantity",
     .category = Category::plugin,
     .parameters = {{"value", Type::string, "A quantity: 500m, 2k, 1.5Gi, 3e6."}},
     .errors = Function::Errors::as_given,
     .prepare = prepare,
     .call = resource_quantity,
     .description = "A Kubernetes resource quantity as a decimal number, in text; of an empty text "
                    "the number 0.",
     .examples = {{.mapping = "root.cpu = resource_quantity(this.cpu)\n"
                              "root.memory = resource_quantity(this.memory)",
                   .cases = {{R"({"cpu":"250m","memory":"64Mi"})",
                              R"({"cpu":"0.250","memory":"67108864"})"}}}}},
};

}  // namespace

constinit const std::span<const Function> kQuantityFunctions = kEntries;

}  // namespace tollgate::bloblang
