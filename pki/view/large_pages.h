/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memory that is filled and read by the hundred megabytes: in large pages it costs a third as much to
 * come by, and its addresses are found sooner. Advice only: where there are none, ordinary pages do.
 */
#pragma once

#include <stddef.h>

#define RK_LARGE_PAGE ((size_t)2 << 20)

/* Memory that is about to be filled: large pages, where the system has them, spare most faults. */
void rk_bytes_are_many(void *data, size_t len);
/* mmap of fd from its beginning, at an address where large pages of it can be mapped as such. */
void *rk_map_many(size_t len, int prot, int flags, int fd);
