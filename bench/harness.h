/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Measuring. Every contender of a comparison runs in short turns, interleaved, in one process, for
 * at least BENCH_ROUNDS_MIN rounds: a round holds one turn of each, so what two contenders took in
 * the same round makes a pair, and a ratio is the median over the pairs. Time is the CPU time of
 * the calling thread unless a case asks for the wall clock: a busy neighbour favours nobody.
 *
 * A suite that has something else to measure (a latency, a size) prints its rows without cases.
 * One thread. Whatever fails ends the program with a message and exit code 1.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BENCH_ROUNDS_MIN 7
#define BENCH_FIELD_MAX  12

struct bench_options {
	bool is_json;
	double seconds;   /* for one suite, over all contenders; the least number of rounds holds */
	unsigned peers;   /* 0: the suite's own number */
	unsigned entries; /* 0: the suite's own number */
	unsigned queue;   /* frames that a port's receive queue holds; likewise */
	const char *group; /* rows of this group or certificate type alone; NULL: all */
	const char *cert;
};

/* Is a row of this group and certificate type (NULL: of none) asked for? */
bool bench_is_wanted(const struct bench_options *o, const char *group, const char *cert);
/* options->peers or what the suite takes by itself. */
unsigned bench_count(unsigned option, unsigned otherwise);

_Noreturn void bench_fail(const char *what);
#define bench_must(ok, what)              \
	do {                              \
		if (!(ok))                \
			bench_fail(what); \
	} while (0)

uint64_t bench_wall_ns(void);
uint64_t bench_cpu_ns(void);              /* of the calling thread */
uint64_t bench_process_cpu_ns(void);      /* of all threads */
uint64_t bench_waited_ns(int schedstat);  /* for a CPU that others had, of that file's thread */
double bench_median(double *v, size_t n); /* sorts v */
double bench_percentile(double *v, size_t n, double percent); /* sorts v */

/* Once, however often it is called: this thread reads and writes RCU tables. */
void bench_start_rcu(void);

/* ---- contenders ---- */

/* One contender: run() does the operation cnt times; false ends the program with its name. */
struct bench_case {
	const char *name;
	bool (*run)(void *arg, unsigned cnt);
	void *arg;
	bool is_wall;     /* the work is done by several threads */
	double ns;        /* out: median time of one operation */
	double *round_ns; /* out: what it took in each round, until bench_end */
	size_t round_cnt; /* out: the same for all cases of a run */
};

/* Calibrates each case, then runs them in turns. */
void bench_run(const struct bench_options *o, struct bench_case *cases, size_t cnt);
void bench_end(struct bench_case *cases, size_t cnt);
/* How many times as fast as the other: the median over the rounds. Both of one bench_run. */
double bench_ratio(const struct bench_case *c, const struct bench_case *other);

/* ---- rows ---- */

/* Any other member of a row. text NULL: a number. */
struct bench_field {
	const char *name;
	const char *text;
	double number;
};

/* NULL and 0 where something does not apply. */
struct bench_row {
	const char *bench;
	const char *operation;
	const char *group; /* RFC 8422 name */
	const char *cert;  /* ecdsa-p256, rsa-2048, ... */
	double value;
	const char *unit;
	/* A row with a baseline counts something of which more is better. */
	const char *baseline_name;
	double baseline_value;
	double ratio; /* 0: value / baseline_value */
	bool has_efficiency;
	double efficiency;
	struct bench_field field[BENCH_FIELD_MAX]; /* ends at the first without a name */
};
void bench_print(const struct bench_options *o, const struct bench_row *row);
unsigned bench_row_cnt(void); /* printed so far */

struct bench_suite {
	const char *name;
	const char *help;
	void (*run)(const struct bench_options *o);
};
