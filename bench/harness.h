/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Measuring: every contender of a comparison runs in short turns, interleaved, in one process, for
 * several rounds; what is reported is the median over the rounds, so that neither a busy neighbour
 * nor a change of clock speed favours one of them. One thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BENCH_ROUNDS_MIN 7

struct bench_options {
	bool is_json;
	double seconds; /* for one suite, over all contenders */
	unsigned peers;
	unsigned entries;
};

/* One contender: run() does the operation cnt times; false ends the program with its name. */
struct bench_case {
	const char *name;
	bool (*run)(void *arg, unsigned cnt);
	void *arg;
	double ns; /* out: median time of one operation */
};

/* Calibrates each case, then runs them in turns. Exits with a message when one fails. */
void bench_run(const struct bench_options *o, struct bench_case *cases, size_t cnt);

/* A row of the report; NULL and 0 where something does not apply. */
struct bench_row {
	const char *bench;
	const char *operation;
	const char *group; /* RFC 8422 name */
	const char *cert;  /* ecdsa-p256, rsa-2048, ... */
	double value;
	const char *unit;
	const char *baseline_name;
	double baseline_value;
	double ratio; /* value / baseline, above 1 is better */
};
void bench_print(const struct bench_options *o, const struct bench_row *row);

struct bench_suite {
	const char *name;
	const char *help;
	void (*run)(const struct bench_options *o);
};
extern const struct bench_suite bench_primitives;
