#pragma once

#include <cstdint>
#include <span>

#include "bloblang/program/function.h"

namespace tollgate::bloblang {

/// Fills `bytes` for one id. Drawn from the identity of the message that is being made and how many
/// ids it has drawn before, so that a resent or replayed message gets the same ids again; where a
/// message has no identity, or there is none, from a generator seeded by the kernel.
void draw(const Call& call, std::span<unsigned char> bytes);

/// 16 bytes of draw(), as they stand in memory.
struct DrawnId {
  std::uint64_t first, second;
};
DrawnId draw_id(const Call& call);

/// Cryptographically random bytes without a system call each time; one generator a thread.
void random_bytes(std::span<unsigned char> bytes);

}  // namespace tollgate::bloblang
