#include "component/inproc.h"

namespace tollgate {

bool InprocHub::add(std::string_view name, Intake& intake) {
  std::lock_guard lock(lock_);
  return receivers_.emplace(std::string(name), &intake).second;
}

void InprocHub::remove(std::string_view name) {
  std::lock_guard lock(lock_);
  if (const auto found = receivers_.find(name); found != receivers_.end()) receivers_.erase(found);
}

bool InprocHub::with(std::string_view name, const std::function<void(Intake&)>& use) {
  std::lock_guard lock(lock_);
  const auto found = receivers_.find(name);
  if (found == receivers_.end()) return false;
  use(*found->second);
  return true;
}

}  // namespace tollgate
