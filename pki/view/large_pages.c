/* SPDX-License-Identifier: BSD-3-Clause */
#include "pki/view/large_pages.h"

#include <stdint.h>
#include <sys/mman.h>

static uintptr_t align_up(uintptr_t at)
{
	return (at + RK_LARGE_PAGE - 1) / RK_LARGE_PAGE * RK_LARGE_PAGE;
}

void rk_bytes_are_many(void *data, size_t len)
{
	uintptr_t first = align_up((uintptr_t)data);
	uintptr_t end = ((uintptr_t)data + len) / RK_LARGE_PAGE * RK_LARGE_PAGE;

	if (first < end)
		(void)madvise((void *)first, end - first, MADV_HUGEPAGE); /* advice: may fail */
}

/*
 * Where there is room for one page more there is an aligned address. It is asked for, and not taken:
 * what another thread maps there meanwhile stays, and this is mapped elsewhere.
 */
static void *find_room(size_t len)
{
	void *room;

	if (len < RK_LARGE_PAGE || len > SIZE_MAX - RK_LARGE_PAGE)
		return NULL;
	room = mmap(NULL, len + RK_LARGE_PAGE, PROT_NONE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (room == MAP_FAILED)
		return NULL;
	munmap(room, len + RK_LARGE_PAGE);
	return (void *)align_up((uintptr_t)room);
}

void *rk_map_many(size_t len, int prot, int flags, int fd)
{
	return mmap(find_room(len), len, prot, flags, fd, 0);
}
