#pragma once

#include <algorithm>
#include <cstring>
#include <string_view>

#include "base/arena.h"
#include "value/encoding.h"
#include "value/value.h"

namespace tollgate::bloblang {

/// A text that grows in an arena. Moves only if something else was allocated there meanwhile or its
/// estimate was too small.
class TextBuilder {
 public:
  explicit TextBuilder(Arena& arena, std::size_t estimate = 64)
      : arena_(arena), capacity_(std::max<std::size_t>(estimate, 16)) {
    start_ = arena.allocate_array<char>(capacity_);
  }
  TextBuilder(const TextBuilder&) = delete;
  TextBuilder& operator=(const TextBuilder&) = delete;

  /// Room for `bytes` more; fill it and then call add_written().
  char* reserve(std::size_t bytes) {
    if (bytes > capacity_ - size_) grow(bytes);
    return start_ + size_;
  }
  void add_written(std::size_t bytes) { size_ += bytes; }

  void append(std::string_view text) {
    if (text.empty()) return;
    std::memcpy(reserve(text.size()), text.data(), text.size());
    size_ += text.size();
  }
  void append(char c) {
    *reserve(1) = c;
    ++size_;
  }
  void append_rune(char32_t code) {
    char* const to = reserve(4);
    size_ += static_cast<std::size_t>(write_rune(to, code) - to);
  }
  void fill(std::size_t count, char c) {
    std::memset(reserve(count), c, count);
    size_ += count;
  }

  std::size_t size() const { return size_; }
  std::string_view view() const { return {start_, size_}; }
  /// The whole, which grows no more: the arena gets back the room that is left.
  /// Requires: nothing else was allocated there since the construction.
  std::string_view finished() {
    arena_.shrink_last(start_, size_);
    capacity_ = size_;
    return view();
  }

 private:
  void grow(std::size_t bytes) {
    const std::size_t wider = std::max(capacity_ * 2, size_ + bytes);
    auto* memory = arena_.allocate_array<char>(wider);
    std::memcpy(memory, start_, size_);
    start_ = memory;
    capacity_ = wider;
  }

  Arena& arena_;
  char* start_;
  std::size_t size_ = 0;
  std::size_t capacity_;
};

/// `text` as what `target` is: bytes stay bytes, everything else becomes a string.
inline Value same_kind(Value target, std::string_view text) {
  return target.is(Kind::bytes) ? Value::bytes(text) : Value::string(text);
}

}  // namespace tollgate::bloblang
