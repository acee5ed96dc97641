#include "base/arena.h"

#include <algorithm>

namespace tollgate {

namespace {
constexpr std::size_t kLargestChunk = std::size_t{1} << 20;
}

void* Arena::allocate_slow(std::size_t bytes, std::size_t alignment) {
  const std::size_t size = std::max(next_chunk_, bytes + alignment);
  chunks_.push_back({std::make_unique_for_overwrite<std::byte[]>(size), size});
  footprint_ += size;
  next_chunk_ = std::min(std::max(next_chunk_ * 2, size), kLargestChunk);
  cursor_ = reinterpret_cast<std::uintptr_t>(chunks_.back().memory.get());
  end_ = cursor_ + size;
  return allocate(bytes, alignment);
}

void Arena::keep_largest() {
  auto largest = std::ranges::max_element(chunks_, {}, &Chunk::size);
  std::swap(chunks_.front(), *largest);
  chunks_.resize(1);
  footprint_ = chunks_.front().size;
  end_ = reinterpret_cast<std::uintptr_t>(chunks_.front().memory.get()) + footprint_;
}

}  // namespace tollgate
