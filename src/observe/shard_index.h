#pragma once

#include <atomic>
#include <cstddef>

namespace tollgate {

/// This thread's number, for choosing its cell of sharded sums; threads take turns.
inline std::size_t thread_number() {
  static std::atomic<std::size_t> next{0};
  thread_local const std::size_t mine = next.fetch_add(1, std::memory_order_relaxed);
  return mine;
}

}  // namespace tollgate
