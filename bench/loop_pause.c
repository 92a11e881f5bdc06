/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench/loop_pause.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench/harness.h"

#define TURN_NS     UINT64_C(1000000)
#define TAKEN_BYTES ((size_t)65536)

/* Of the loop's thread, in ns. */
struct moment {
	uint64_t wall; /* 0: no turn yet */
	uint64_t cpu;
	uint64_t waited; /* for a CPU that others had */
};

struct loop_pause {
	struct event *turn; /* every millisecond, as far as the loop lets it */
	int schedstat;
	struct moment last;
	struct loop_pause_most most;
};

/*
 * All of one instant. Each is asked for by a system call, after which others may have their turn on the
 * CPU: a wait between two of them would be in one turn's wall and in another's waited, and pass for a lock's.
 */
static struct moment now_of(const struct loop_pause *p)
{
	uint64_t again = bench_waited_ns(p->schedstat);
	struct moment m;

	do {
		m.waited = again;
		m.wall = bench_wall_ns();
		m.cpu = bench_cpu_ns();
		again = bench_waited_ns(p->schedstat);
	} while (again != m.waited);
	return m;
}

static void raise_to(uint64_t *most, uint64_t n)
{
	*most = n > *most ? n : *most;
}

/*
 * What a loop that serves somebody does, and an idle one would not: memory comes and goes, for which the
 * kernel has one lock a process, which whoever maps much may hold long.
 */
static void take_memory(void)
{
	void *map =
		mmap(NULL, TAKEN_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	bench_must(map != MAP_FAILED, "memory");
	memset(map, 1, 1);
	munmap(map, TAKEN_BYTES);
}

static void on_turn(evutil_socket_t fd, short what, void *arg)
{
	struct loop_pause *p = arg;
	struct moment now, last = p->last;
	uint64_t known;

	(void)fd;
	(void)what;
	take_memory();
	now = now_of(p);
	known = now.cpu - last.cpu + now.waited - last.waited + TURN_NS;
	p->last = now;
	if (last.wall == 0)
		return;
	raise_to(&p->most.wall_ns, now.wall - last.wall);
	raise_to(&p->most.cpu_ns, now.cpu - last.cpu);
	if (now.wall - last.wall > known)
		raise_to(&p->most.blocked_ns, now.wall - last.wall - known);
}

struct loop_pause *loop_pause_new(struct event_base *base)
{
	const struct timeval often = {.tv_usec = TURN_NS / 1000};
	struct loop_pause *p = calloc(1, sizeof(*p));

	bench_must(p != NULL, "memory");
	p->schedstat = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
	bench_must(p->schedstat >= 0, "a thread's schedstat");
	p->turn = event_new(base, -1, EV_PERSIST, on_turn, p);
	bench_must(p->turn != NULL && event_add(p->turn, &often) == 0, "a timer");
	return p;
}

void loop_pause_free(struct loop_pause *p)
{
	event_free(p->turn);
	close(p->schedstat);
	free(p);
}

void loop_pause_begin(struct loop_pause *p)
{
	p->most = (struct loop_pause_most){0};
	p->last.wall = 0;
}

const struct loop_pause_most *loop_pause_most(const struct loop_pause *p)
{
	return &p->most;
}
