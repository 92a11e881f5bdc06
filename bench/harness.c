/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench/harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "dataplane/rcu.h"

/* Long enough that reading the clock does not count, short enough that pairs are close in time. */
#define TURN_NS     2e6
#define TURN_MIN_NS 1e5

bool bench_is_wanted(const struct bench_options *o, const char *group, const char *cert)
{
	return (o->group == NULL || group == NULL || strcmp(o->group, group) == 0) &&
	       (o->cert == NULL || cert == NULL || strcmp(o->cert, cert) == 0);
}

unsigned bench_count(unsigned option, unsigned otherwise)
{
	return option != 0 ? option : otherwise;
}

void bench_fail(const char *what)
{
	fprintf(stderr, "rekey-bench: %s\n", what);
	exit(1);
}

static uint64_t read_clock(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * UINT64_C(1000000000) + (uint64_t)ts.tv_nsec;
}

uint64_t bench_wall_ns(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

uint64_t bench_cpu_ns(void)
{
	return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

uint64_t bench_process_cpu_ns(void)
{
	return read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

uint64_t bench_waited_ns(int schedstat)
{
	unsigned long long ran, waited;
	char text[64];
	ssize_t n = pread(schedstat, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	bench_must(sscanf(text, "%llu %llu", &ran, &waited) == 2, "a thread's schedstat");
	return waited;
}

void bench_start_rcu(void)
{
	static bool is_started;

	bench_must(is_started || rk_rcu_start() == 0, "no RCU");
	is_started = true;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double bench_percentile(double *v, size_t n, double percent)
{
	size_t at = (size_t)((double)n * percent / 100);

	qsort(v, n, sizeof(*v), compare);
	return v[at < n ? at : n - 1];
}

double bench_median(double *v, size_t n)
{
	return bench_percentile(v, n, 50);
}

/* ---- contenders ------------------------------------------------------------------------------ */

static double time_turn(const struct bench_case *c, unsigned cnt)
{
	clockid_t clock = c->is_wall ? CLOCK_MONOTONIC : CLOCK_THREAD_CPUTIME_ID;
	uint64_t began = read_clock(clock);

	if (!c->run(c->arg, cnt)) {
		fprintf(stderr, "rekey-bench: %s failed\n", c->name);
		exit(1);
	}
	return (double)(read_clock(clock) - began) / cnt;
}

/* How often the operation fits a turn; *took_ns: such a turn. */
static unsigned calibrate(const struct bench_case *c, double turn_ns, double *took_ns)
{
	unsigned cnt = 1;

	for (;;) {
		*took_ns = time_turn(c, cnt) * cnt;
		if (*took_ns >= turn_ns || cnt >= 1u << 24)
			return cnt;
		cnt *= 2;
	}
}

static double turn_length(const struct bench_options *o, size_t cnt)
{
	double fair = o->seconds * 1e9 / (BENCH_ROUNDS_MIN + 2) / (double)cnt;

	return fair > TURN_NS ? TURN_NS : fair < TURN_MIN_NS ? TURN_MIN_NS : fair;
}

void bench_run(const struct bench_options *o, struct bench_case *cases, size_t cnt)
{
	double round_ns = 0;
	size_t rounds, i, r;
	unsigned *turns = calloc(cnt, sizeof(*turns));

	bench_must(turns != NULL, "out of memory");
	for (i = 0; i < cnt; i++) {
		double took_ns;

		turns[i] = calibrate(&cases[i], turn_length(o, cnt), &took_ns);
		round_ns += took_ns;
	}
	rounds = (size_t)(o->seconds * 1e9 / round_ns);
	if (rounds < BENCH_ROUNDS_MIN)
		rounds = BENCH_ROUNDS_MIN;
	for (i = 0; i < cnt; i++) {
		cases[i].round_cnt = rounds;
		cases[i].round_ns = calloc(rounds, sizeof(double));
		bench_must(cases[i].round_ns != NULL, "out of memory");
	}
	for (r = 0; r < rounds; r++) {
		for (i = 0; i < cnt; i++)
			cases[i].round_ns[r] = time_turn(&cases[i], turns[i]);
	}
	for (i = 0; i < cnt; i++)
		cases[i].ns = 1 / bench_ratio(&cases[i], NULL);
	free(turns);
}

void bench_end(struct bench_case *cases, size_t cnt)
{
	for (size_t i = 0; i < cnt; i++) {
		free(cases[i].round_ns);
		cases[i].round_ns = NULL;
	}
}

double bench_ratio(const struct bench_case *c, const struct bench_case *other)
{
	double *ratio = calloc(c->round_cnt, sizeof(*ratio));
	double median;

	bench_must(ratio != NULL, "out of memory");
	for (size_t r = 0; r < c->round_cnt; r++)
		ratio[r] = (other != NULL ? other->round_ns[r] : 1) / c->round_ns[r];
	median = bench_median(ratio, c->round_cnt);
	free(ratio);
	return median;
}
