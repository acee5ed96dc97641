#include "bloblang/functions/go_math.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>

namespace tollgate::bloblang {
namespace {

// π/4 in three parts, and from which size on angles are reduced with all bits of 4/π instead.
constexpr double kQuarterPi1 = 7.85398125648498535156e-1;
constexpr double kQuarterPi2 = 3.77489470793079817668e-8;
constexpr double kQuarterPi3 = 2.69515142907905952645e-15;
constexpr double kReduceFrom = 1 << 29;

constexpr double kSin[] = {1.58962301576546568060e-10, -2.50507477628578072866e-8,
                           2.75573136213857245213e-6,  -1.98412698295895385996e-4,
                           8.33333333332211858878e-3,  -1.66666666666666307295e-1};
constexpr double kCos[] = {-1.13585365213876817300e-11, 2.08757008419747316778e-9,
                           -2.75573141792967388112e-7,  2.48015872888517045348e-5,
                           -1.38888888888730564116e-3,  4.16666666666665929218e-2};
constexpr double kTanP[] = {-1.30936939181383734205e4, 1.15351664838587416140e6,
                            -1.79565251976484877988e7};
constexpr double kTanQ[] = {1.36812963470692954678e4, -1.32089234440210967447e6,
                            2.50083801823357915839e7, -5.38695755929454629881e7};

/// 4/π: its whole part, then its fraction.
constexpr std::uint64_t kFourOverPi[] = {
    0x0000000000000001, 0x45f306dc9c882a53, 0xf84eafa3ea69bb81, 0xb6c52b3278872083,
    0xfca2c757bd778ac3, 0x6e48dc74849ba5c0, 0x0c925dd413a32439, 0xfc3bd63962534e7d,
    0xd1046bea5d768909, 0xd338e04d68befc82, 0x7323ac7306a673e9, 0x3908bf177bf25076,
    0x3ff12fffbc0b301f, 0xde5e2316b414da3e, 0xda6cfd9e4f96136e, 0x9e8c7ecd3cbfd45a,
    0xea4f758fd7cbe2f6, 0x7a0e73ef14a525d4, 0xd7f6bf623f1aba10, 0xac06608df8f6d757};

/// An angle as an octant and what is left of it.
struct Octant {
  std::uint64_t number;
  double rest;
};

/// angle × 4/π modulo 8, with the bits of 4/π that count for it: the mantissa is multiplied by 192 of
/// them, so that the product's first three bits are the octant and the others its fraction.
Octant reduce_large(double angle) {
  __extension__ typedef unsigned __int128 Wide;
  const auto bits = std::bit_cast<std::uint64_t>(angle);
  const std::uint64_t mantissa = (bits & ((1ull << 52) - 1)) | 1ull << 52;
  const auto exponent = static_cast<std::size_t>(bits >> 52) - 1023 - 52 + 61;  // 61: see above
  const std::size_t word = exponent / 64, shift = exponent % 64;
  const auto bits_at = [&](std::size_t i) {
    const std::uint64_t high = kFourOverPi[i] << shift;
    return shift ? high | kFourOverPi[i + 1] >> (64 - shift) : high;
  };
  Wide low = static_cast<Wide>(bits_at(word + 2)) * mantissa;
  low = static_cast<Wide>(bits_at(word + 1)) * mantissa + (low >> 64);
  const std::uint64_t top = bits_at(word) * mantissa + static_cast<std::uint64_t>(low >> 64);
  std::uint64_t octant = top >> 61;
  const Wide fraction = ((static_cast<Wide>(top) << 64 | static_cast<std::uint64_t>(low)) << 3);
  const int zeros = fraction >> 64 ? std::countl_zero(static_cast<std::uint64_t>(fraction >> 64)) : 64;
  double rest = 0;
  if (zeros < 64) {
    const auto kept = static_cast<std::uint64_t>((fraction << zeros) >> 75);  // 53 bits, cut off
    rest = std::ldexp(static_cast<double>(kept), -53 - zeros);
  }
  if (octant & 1) {
    octant = (octant + 1) & 7;
    --rest;
  }
  return {octant, rest * (std::numbers::pi / 4)};
}

Octant reduce(double angle) {
  if (angle >= kReduceFrom) return reduce_large(angle);
  auto octant = static_cast<std::uint64_t>(angle * (4 / std::numbers::pi));
  double count = static_cast<double>(octant);
  if (octant & 1) {
    ++octant;
    ++count;
  }
  octant &= 7;
  return {octant,
          ((angle - count * kQuarterPi1) - count * kQuarterPi2) - count * kQuarterPi3};
}

double sine_part(double z) {
  const double zz = z * z;
  double sum = kSin[0];
  for (int i = 1; i < 6; ++i) sum = sum * zz + kSin[i];
  return z + z * zz * sum;
}

double cosine_part(double z) {
  const double zz = z * z;
  double sum = kCos[0];
  for (int i = 1; i < 6; ++i) sum = sum * zz + kCos[i];
  return 1.0 - 0.5 * zz + zz * zz * sum;
}

bool is_odd(double whole) {
  if (std::abs(whole) >= 9007199254740992.0) return false;
  return (static_cast<std::int64_t>(whole) & 1) != 0;
}

/// The cases in which a power needs no multiplication; false if this is none of them.
bool special_power(double base, double exponent, double& power) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (exponent == 0 || base == 1) {
    power = 1;
  } else if (exponent == 1) {
    power = base;
  } else if (std::isnan(base) || std::isnan(exponent)) {
    power = std::numeric_limits<double>::quiet_NaN();
  } else if (base == 0) {
    const double zero = exponent < 0 ? kInfinity : 0;
    const bool odd = std::trunc(exponent) == exponent && is_odd(exponent);
    power = odd ? std::copysign(zero, base) : zero;
  } else if (std::isinf(exponent)) {
    power = base == -1 ? 1 : (std::abs(base) < 1) == (exponent > 0) ? 0 : kInfinity;
  } else if (std::isinf(base)) {
    const bool odd = std::trunc(exponent) == exponent && is_odd(exponent);
    const double size = exponent < 0 ? 0 : kInfinity;
    power = base < 0 && odd ? -size : size;
  } else if (exponent == 0.5) {
    power = std::sqrt(base);
  } else if (exponent == -0.5) {
    power = 1 / std::sqrt(base);
  } else {
    return false;
  }
  return true;
}

}  // namespace

double go_sin(double angle) {
  if (angle == 0 || std::isnan(angle)) return angle;
  if (std::isinf(angle)) return std::numeric_limits<double>::quiet_NaN();
  bool negative = std::signbit(angle);
  angle = std::abs(angle);
  auto [octant, rest] = reduce(angle);
  if (octant > 3) {
    negative = !negative;
    octant -= 4;
  }
  const double sine = octant == 1 || octant == 2 ? cosine_part(rest) : sine_part(rest);
  return negative ? -sine : sine;
}

double go_cos(double angle) {
  if (std::isnan(angle) || std::isinf(angle)) return std::numeric_limits<double>::quiet_NaN();
  angle = std::abs(angle);
  auto [octant, rest] = reduce(angle);
  bool negative = false;
  if (octant > 3) {
    octant -= 4;
    negative = true;
  }
  if (octant > 1) negative = !negative;
  const double cosine = octant == 1 || octant == 2 ? sine_part(rest) : cosine_part(rest);
  return negative ? -cosine : cosine;
}

double go_tan(double angle) {
  if (angle == 0 || std::isnan(angle)) return angle;
  if (std::isinf(angle)) return std::numeric_limits<double>::quiet_NaN();
  const bool negative = std::signbit(angle);
  angle = std::abs(angle);
  const auto [octant, rest] = reduce(angle);
  const double zz = rest * rest;
  double tangent = rest;
  if (zz > 1e-14) {
    const double p = (kTanP[0] * zz + kTanP[1]) * zz + kTanP[2];
    const double q = (((zz + kTanQ[0]) * zz + kTanQ[1]) * zz + kTanQ[2]) * zz + kTanQ[3];
    tangent = rest + rest * (zz * p / q);
  }
  if (octant & 2) tangent = -1 / tangent;
  return negative ? -tangent : tangent;
}

double go_log(double number) {
  if (std::isnan(number) || number == std::numeric_limits<double>::infinity()) return number;
  if (number < 0) return std::numeric_limits<double>::quiet_NaN();
  if (number == 0) return -std::numeric_limits<double>::infinity();
  constexpr double kLn2High = 6.93147180369123816490e-01, kLn2Low = 1.90821492927058770002e-10;
  constexpr double kL[] = {6.666666666666735130e-01, 3.999999999940941908e-01,
                           2.857142874366239149e-01, 2.222219843214978396e-01,
                           1.818357216161805012e-01, 1.531383769920937332e-01,
                           1.479819860511658591e-01};
  int scale = 0;
  double fraction = std::frexp(number, &scale);
  if (fraction < std::numbers::sqrt2 / 2) {
    fraction *= 2;
    --scale;
  }
  const double f = fraction - 1, k = scale;
  const double s = f / (2 + f), s2 = s * s, s4 = s2 * s2;
  const double odd = s2 * (kL[0] + s4 * (kL[2] + s4 * (kL[4] + s4 * kL[6])));
  const double even = s4 * (kL[1] + s4 * (kL[3] + s4 * kL[5]));
  const double remainder = odd + even, half_square = 0.5 * f * f;
  return k * kLn2High - ((half_square - (s * (half_square + remainder) + k * kLn2Low)) - f);
}

double go_log10(double number) { return go_log(number) * std::numbers::log10e; }

double go_pow(double base, double exponent) {
  double power = 0;
  if (special_power(base, exponent, power)) return power;
  double whole = 0;
  double fraction = std::modf(std::abs(exponent), &whole);
  if (fraction != 0 && base < 0) return std::numeric_limits<double>::quiet_NaN();
  if (whole >= 9.223372036854775808e18) {
    if (base == -1) return 1;
    return (std::abs(base) < 1) == (exponent > 0) ? 0 : std::numeric_limits<double>::infinity();
  }
  // mantissa × 2^scale, multiplied up by the bits of the whole part.
  double mantissa = 1;
  std::int64_t scale = 0;
  if (fraction != 0) {
    if (fraction > 0.5) {
      --fraction;
      ++whole;
    }
    mantissa = std::exp(fraction * go_log(base));
  }
  int exponent_of_base = 0;
  double factor = std::frexp(base, &exponent_of_base);
  std::int64_t factor_scale = exponent_of_base;
  for (auto bits = static_cast<std::int64_t>(whole); bits != 0; bits >>= 1) {
    if (factor_scale < -(1 << 12) || factor_scale > (1 << 12)) {
      scale += factor_scale;  // over- or underflows in any case
      break;
    }
    if (bits & 1) {
      mantissa *= factor;
      scale += factor_scale;
    }
    factor *= factor;
    factor_scale <<= 1;
    if (factor < 0.5) {
      factor += factor;
      --factor_scale;
    }
  }
  if (exponent < 0) {
    mantissa = 1 / mantissa;
    scale = -scale;
  }
  return std::ldexp(mantissa, static_cast<int>(scale));
}

}  // namespace tollgate::bloblang
