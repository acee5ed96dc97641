#pragma once

#include <memory>

#include "component/build_context.h"

namespace tollgate {

/// Counts messages whose processing failed in `output_failed_messages` before they go to `output` as
/// they are, and logs the first of each batch with the failing line: nothing that failed is billed,
/// or refused by the destination, unnoticed.
std::unique_ptr<Output> watch_failed_messages(std::unique_ptr<Output> output,
                                              BuildContext& context);

}  // namespace tollgate
