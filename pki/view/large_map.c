/* SPDX-License-Identifier: BSD-3-Clause */
#include "pki/view/large_map.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* Later than the headers that we may be built with. */
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ  22
#define MADV_POPULATE_WRITE 23
#endif

/* The end of the step that at is in: on a boundary of large pages, none of which is torn. */
static uintptr_t step_end(uintptr_t at, uintptr_t end)
{
	uintptr_t next = (at / RK_LARGE_STEP + 1) * RK_LARGE_STEP;

	return next < end ? next : end;
}

/* 0, or of the first step that was refused -1. */
static int advise(uintptr_t at, uintptr_t end, int advice)
{
	int ret = 0;

	for (uintptr_t next; ret == 0 && at < end; at = next) {
		next = step_end(at, end);
		ret = madvise((void *)at, next - at, advice);
	}
	return ret;
}

bool rk_large_populate(void *map, size_t len, bool is_written)
{
	return advise((uintptr_t)map, (uintptr_t)map + len,
		       is_written ? MADV_POPULATE_WRITE : MADV_POPULATE_READ) == 0;
}

void rk_large_unmap(void *map, size_t len)
{
	uintptr_t at = (uintptr_t)map, end = at + len;

	if (map == NULL)
		return;
	for (uintptr_t next; at < end; at = next) {
		next = step_end(at, end);
		munmap((void *)at, next - at);
	}
}

void rk_large_free(void *data, size_t len)
{
	const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t first = ((uintptr_t)data + page - 1) / page * page;
	uintptr_t end = ((uintptr_t)data + len) / page * page;

	/* Its pages go first, those that are ours alone; then malloc unmaps what is empty. */
	if (data != NULL && len > RK_LARGE_STEP)
		(void)advise(first, end, MADV_DONTNEED);
	free(data);
}
