/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Mappings of hundreds of megabytes come and go in steps of RK_LARGE_STEP. The kernel has one lock for all of a
 * process's mappings and holds it for as long as a call takes: 60 ms of 150 MiB that two threads map.
 * Meanwhile no other thread gets memory or gives it back, be it a page for malloc: the control loop would
 * stand still. Between two steps it has its turn. Any thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define RK_LARGE_STEP ((size_t)2 << 20)

/*
 * Has every page there, to be written or to be read, before somebody needs it: by one fault each that
 * costs more. false: not all of it is; memory is short, or the kernel older than 5.14. To read is then as
 * well without; what is written may be a SIGBUS.
 */
bool rk_large_populate(void *map, size_t len, bool is_written);
/* munmap of all of it. map NULL is fine. */
void rk_large_unmap(void *map, size_t len);
/* free of malloc's memory, of which len bytes may have been written. NULL is fine. */
void rk_large_free(void *data, size_t len);
