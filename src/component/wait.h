#pragma once

#include <chrono>
#include <stop_token>

#include "base/result.h"

namespace tollgate {

/// Stops when the process is about to end and nobody waits for it any more: whoever still waits for
/// something then gives up and fails what it holds.
std::stop_token waits_abandoned();
/// Once and for ever.
void abandon_waits();

/// Waits on the calling thread. An error (cancelled) if waits were abandoned meanwhile.
Result<> wait_for(std::chrono::nanoseconds time);

}  // namespace tollgate
