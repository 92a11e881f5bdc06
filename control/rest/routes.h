/* SPDX-License-Identifier: BSD-3-Clause */
/* The route table: everything the API offers. */
#pragma once

#include "control/rest/route.h"

extern const struct route routes[];
extern const size_t route_cnt;
