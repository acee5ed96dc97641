#pragma once

#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "component/input.h"

namespace tollgate {

/// Meeting place of `inproc` inputs and outputs of one process, by name. Any thread.
class InprocHub {
 public:
  /// `intake` receives what is sent to `name` until remove(). False if the name is taken.
  bool add(std::string_view name, Intake& intake);
  void remove(std::string_view name);
  /// Runs `use` with the receiver of `name` while it cannot go away; false if there is none yet.
  bool with(std::string_view name, const std::function<void(Intake&)>& use);

 private:
  std::mutex lock_;
  std::map<std::string, Intake*, std::less<>> receivers_;  // guarded by lock_
};

}  // namespace tollgate
