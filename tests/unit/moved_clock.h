/* SPDX-License-Identifier: BSD-3-Clause */
/* The wall clock of a test: in place of libc's time(), for all that is linked with it. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <time.h>

static int64_t clock_shift; /* off the real one, in seconds */

time_t time(time_t *out)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	now.tv_sec += clock_shift;
	if (out != NULL)
		*out = now.tv_sec;
	return now.tv_sec;
}
