#pragma once

#include "value/compression.h"
