/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench/harness.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TURN_NS 2000000.0 /* long enough that reading the clock does not count */

static double now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static double time_turn(const struct bench_case *c, unsigned cnt)
{
	double began = now_ns();

	if (!c->run(c->arg, cnt)) {
		fprintf(stderr, "rekey-bench: %s failed\n", c->name);
		exit(1);
	}
	return (now_ns() - began) / cnt;
}

/* How often the operation fits a turn. */
static unsigned calibrate(const struct bench_case *c)
{
	unsigned cnt = 1;

	while (cnt < 1u << 24 && time_turn(c, cnt) * cnt < TURN_NS)
		cnt *= 2;
	return cnt;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

void bench_run(const struct bench_options *o, struct bench_case *cases, size_t cnt)
{
	double turn_ns = 0;
	size_t rounds, i, r;
	unsigned *turns = calloc(cnt, sizeof(*turns));
	double *times;

	for (i = 0; i < cnt; i++) {
		turns[i] = calibrate(&cases[i]);
		turn_ns += time_turn(&cases[i], turns[i]) * turns[i];
	}
	rounds = (size_t)(o->seconds * 1e9 / turn_ns);
	if (rounds < BENCH_ROUNDS_MIN)
		rounds = BENCH_ROUNDS_MIN;
	times = calloc(rounds * cnt, sizeof(*times));
	for (r = 0; r < rounds; r++) {
		for (i = 0; i < cnt; i++)
			times[i * rounds + r] = time_turn(&cases[i], turns[i]);
	}
	for (i = 0; i < cnt; i++) {
		qsort(times + i * rounds, rounds, sizeof(*times), compare);
		cases[i].ns = times[i * rounds + rounds / 2];
	}
	free(times);
	free(turns);
}

/* The processor's name: figures of two machines are not to be compared. */
static const char *machine(void)
{
	static char name[128];
	char line[256];
	FILE *f;

	if (name[0] != '\0')
		return name;
	snprintf(name, sizeof(name), "unknown");
	f = fopen("/proc/cpuinfo", "re");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		if (strncmp(line, "model name", 10) == 0 && strchr(line, ':') != NULL) {
			snprintf(name, sizeof(name), "%s", strchr(line, ':') + 2);
			name[strcspn(name, "\n")] = '\0';
			break;
		}
	}
	if (f != NULL)
		fclose(f);
	return name;
}

static void set_text(json_t *o, const char *key, const char *value)
{
	if (value != NULL)
		json_object_set_new(o, key, json_string(value));
}

static void print_json(const struct bench_row *row)
{
	json_t *o = json_object();

	set_text(o, "bench", row->bench);
	set_text(o, "operation", row->operation);
	set_text(o, "group", row->group);
	set_text(o, "cert", row->cert);
	json_object_set_new(o, "value", json_real(row->value));
	set_text(o, "unit", row->unit);
	if (row->baseline_name != NULL) {
		json_object_set_new(o, "baseline",
			json_pack("{s:s, s:f}", "name", row->baseline_name, "value",
				row->baseline_value));
		json_object_set_new(o, "ratio", json_real(row->ratio));
	}
	set_text(o, "machine", machine());
	json_dumpf(o, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
	putchar('\n');
	json_decref(o);
}

void bench_print(const struct bench_options *o, const struct bench_row *row)
{
	if (o->is_json) {
		print_json(row);
		return;
	}
	printf("%-12s %-10s %-12s %-12s %12.1f %-8s", row->bench,
		row->operation != NULL ? row->operation : "", row->group != NULL ? row->group : "",
		row->cert != NULL ? row->cert : "", row->value, row->unit);
	if (row->baseline_name != NULL)
		printf(" %6.2f x %s (%.1f)", row->ratio, row->baseline_name, row->baseline_value);
	putchar('\n');
}
