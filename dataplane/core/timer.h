/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A timer as the core sees it: embedded in whatever it wakes, armed and cancelled through
 * engine_ops, fired by the host through engine_timer(). The host (the worker's wheel; a sorted
 * list in tests) owns link and deadline_ns; the core owns kind and never looks at the rest.
 */
#pragma once

#include <stdint.h>

struct core_timer {
	struct core_timer *next;       /* host: rw */
	struct core_timer **prev_link; /* host: rw; NULL = not armed */
	uint64_t deadline_ns;          /* host: rw; monotonic */
	uint32_t kind;                 /* core: what it is embedded in */
	uint32_t slot;                 /* host: wheel position */
};
