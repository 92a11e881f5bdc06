/* SPDX-License-Identifier: BSD-3-Clause */
/* Multiples of P-256's base point, computed by libcrypto at the first call: some 15 ms. */
#pragma once

#include "dataplane/core/p256_lanes.h"

/* Any thread; for as long as the process lives. NULL: out of memory. */
const struct p256_table *p256_table_get(void);
