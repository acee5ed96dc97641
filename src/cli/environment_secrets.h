#pragma once

#include "config/node.h"

namespace tollgate {

/// A configuration without the values of environment variables that, by their names, hold secrets
/// (`…_TOKEN`, `…_PASSWORD`, `…_KEY`): they may stand anywhere in it, in headers and addresses too,
/// where the schema knows of no secret. What is written in the file itself is left as it is.
Node hide_environment_secrets(const Node& config);

}  // namespace tollgate
