#pragma once

#include <cstddef>
#include <cstdint>

/// What one evaluation may use, so that no mapping can exhaust the process. The incumbent has only
/// the first of these; the others turn its out-of-memory deaths into errors.
namespace tollgate::bloblang {

/// Map calls inside map calls.
inline constexpr std::uint32_t kMaxMapDepth = 5000;
/// Queries nested in queries, as written; what is deeper does not compile.
inline constexpr std::uint32_t kMaxQueryDepth = 1000;
/// Elements of one array that a function makes out of nothing (range() …).
inline constexpr std::uint64_t kMaxElements = 10'000'000;
/// Bytes of one text that a function makes (repeat, bytes, format …).
inline constexpr std::uint64_t kMaxBytes = 64ull << 20;
/// Bytes that one execution may take from its arena before the next call fails.
inline constexpr std::size_t kMaxExecutionBytes = std::size_t{512} << 20;
/// Calls, and evaluations of query arguments, of one execution before the next one fails: seconds.
inline constexpr std::uint64_t kMaxSteps = 50'000'000;

}  // namespace tollgate::bloblang
