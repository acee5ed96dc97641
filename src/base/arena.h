#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

namespace tollgate {

/// Bump allocator for everything that lives as long as one batch.
///
/// Nothing is freed one by one: allocation is a pointer increment, and the memory goes when the
/// arena does. Only trivially destructible objects may be made in it, since no destructor runs.
/// One thread at a time.
class Arena {
 public:
  /// `first_chunk` bytes are reserved at the first allocation; later chunks double up to 1 MiB.
  explicit Arena(std::size_t first_chunk = 4096) : next_chunk_(first_chunk) {}
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  /// Uninitialised memory, never null. `alignment` is a power of two of at most 16.
  void* allocate(std::size_t bytes, std::size_t alignment = 8) {
    auto start = (cursor_ + (alignment - 1)) & ~(std::uintptr_t(alignment) - 1);
    if (start + bytes > end_) [[unlikely]] return allocate_slow(bytes, alignment);
    cursor_ = start + bytes;
    return reinterpret_cast<void*>(start);
  }

  /// `count` uninitialised objects.
  template <typename T>
  T* allocate_array(std::size_t count) {
    static_assert(std::is_trivially_destructible_v<T>);
    return static_cast<T*>(allocate(count * sizeof(T), alignof(T)));
  }

  template <typename T, typename... Args>
  T* make(Args&&... args) {
    static_assert(std::is_trivially_destructible_v<T>);
    return ::new (allocate(sizeof(T), alignof(T))) T{std::forward<Args>(args)...};
  }

  std::string_view copy(std::string_view text) {
    if (text.empty()) return {};
    auto* memory = static_cast<char*>(allocate(text.size(), 1));
    std::memcpy(memory, text.data(), text.size());
    return {memory, text.size()};
  }

  /// Gives back the unused end of the newest allocation: `[from, from + used)` stays.
  /// Requires: `from` was returned by the last allocate().
  void shrink_last(const void* from, std::size_t used) {
    cursor_ = reinterpret_cast<std::uintptr_t>(from) + used;
  }

  /// Whether the newest allocation ends at `end`.
  bool ends_at(const void* end) const { return cursor_ == reinterpret_cast<std::uintptr_t>(end); }

  /// Forgets every allocation but keeps the largest chunk for the next use.
  void reset() {
    if (chunks_.size() > 1) [[unlikely]] keep_largest();
    if (!chunks_.empty()) cursor_ = reinterpret_cast<std::uintptr_t>(chunks_.front().memory.get());
  }

  /// Bytes held from the system.
  std::size_t footprint() const { return footprint_; }

 private:
  struct Chunk {
    std::unique_ptr<std::byte[]> memory;
    std::size_t size;
  };

  void keep_largest();
  void* allocate_slow(std::size_t bytes, std::size_t alignment);

  // Not 0, so that not even no bytes of a fresh arena are null.
  std::uintptr_t cursor_ = 1;
  std::uintptr_t end_ = 1;
  std::size_t next_chunk_;
  std::size_t footprint_ = 0;
  std::vector<Chunk> chunks_;
};

}  // namespace tollgate
