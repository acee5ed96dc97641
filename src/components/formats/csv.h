#pragma once

#include "value/csv.h"
