#pragma once

#include <list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace tollgate {

/// Keys and values in the order of their last use. One thread at a time.
template <typename T>
class LruMap {
 public:
  std::size_t size() const { return order_.size(); }
  bool empty() const { return order_.empty(); }
  bool contains(std::string_view key) const { return places_.contains(key); }

  /// Null if absent. Does not count as use.
  T* peek(std::string_view key) {
    const auto found = places_.find(key);
    return found == places_.end() ? nullptr : &found->second->second;
  }

  /// Null if absent; else the most recently used from now on.
  T* touch(std::string_view key) {
    const auto found = places_.find(key);
    if (found == places_.end()) return nullptr;
    order_.splice(order_.begin(), order_, found->second);
    return &found->second->second;
  }

  /// Sets or adds it, as the most recently used.
  void put(std::string_view key, T value) {
    if (T* present = touch(key)) {
      *present = std::move(value);
      return;
    }
    order_.emplace_front(std::string(key), std::move(value));
    places_.emplace(order_.front().first, order_.begin());
  }

  bool remove(std::string_view key) {
    const auto found = places_.find(key);
    if (found == places_.end()) return false;
    const auto place = found->second;
    places_.erase(found);
    order_.erase(place);
    return true;
  }

  /// Takes out the least recently used. Requires: not empty.
  std::pair<std::string, T> pop_oldest() {
    places_.erase(order_.back().first);
    auto oldest = std::move(order_.back());
    order_.pop_back();
    return oldest;
  }

 private:
  using Order = std::list<std::pair<std::string, T>>;
  Order order_;  // the most recently used first
  std::unordered_map<std::string_view, typename Order::iterator> places_;  // keys are in order_
};

}  // namespace tollgate
