/* SPDX-License-Identifier: BSD-3-Clause */
/* The most memory that this process held at once, looked at every 2 ms by a thread of its own. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

void memory_peak_begin(void);
/* Bytes above what there was at the beginning: anonymous, and of shared memory (memfd). */
void memory_peak_end(size_t *anonymous, size_t *shared);
