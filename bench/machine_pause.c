/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench/machine_pause.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "bench/harness.h"

#define TURN_NS 1000000L

struct machine_pause {
	pthread_t thread;
	atomic_bool is_ending;
	atomic_uint_fast64_t most_ns;
};

/* As the loop does, it asks to be woken in a millisecond. */
static void *turn(void *arg)
{
	const struct timespec often = {.tv_nsec = TURN_NS};
	struct machine_pause *p = arg;
	uint64_t last = bench_wall_ns();

	while (!atomic_load(&p->is_ending)) {
		uint64_t now, took;

		clock_nanosleep(CLOCK_MONOTONIC, 0, &often, NULL);
		now = bench_wall_ns();
		took = now - last;
		last = now;
		if (took > atomic_load(&p->most_ns))
			atomic_store(&p->most_ns, took);
	}
	return NULL;
}

struct machine_pause *machine_pause_new(void)
{
	const struct sched_param first = {.sched_priority = 1};
	struct machine_pause *p = calloc(1, sizeof(*p));
	pthread_attr_t attr;
	int ret;

	bench_must(p != NULL && pthread_attr_init(&attr) == 0, "memory");
	pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED);
	pthread_attr_setschedpolicy(&attr, SCHED_FIFO);
	pthread_attr_setschedparam(&attr, &first);
	ret = pthread_create(&p->thread, &attr, turn, p);
	pthread_attr_destroy(&attr);
	if (ret == 0)
		return p;
	free(p);
	return NULL;
}

void machine_pause_free(struct machine_pause *p)
{
	if (p == NULL)
		return;
	atomic_store(&p->is_ending, true);
	pthread_join(p->thread, NULL);
	free(p);
}

void machine_pause_begin(struct machine_pause *p)
{
	if (p != NULL)
		atomic_store(&p->most_ns, 0);
}

double machine_pause_ms(struct machine_pause *p)
{
	return p != NULL ? (double)atomic_load(&p->most_ns) / 1e6 : -1;
}
