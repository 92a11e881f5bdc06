/* SPDX-License-Identifier: BSD-3-Clause */
/* Waking the main thread: an eventfd, never blocking. Any thread. */
#pragma once

#include <stdint.h>
#include <unistd.h>

static inline void wake_up(int fd)
{
	const uint64_t one = 1;

	if (write(fd, &one, sizeof(one)) < 0)
		return; /* full: it is awake already */
}

static inline void wake_clear(int fd)
{
	uint64_t cnt;

	if (read(fd, &cnt, sizeof(cnt)) < 0)
		return; /* nothing was there */
}
