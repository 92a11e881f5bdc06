/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench/crl_live.h"

#include <poll.h>
#include <string.h>

#include "bench/crl_daemon.h"
#include "bench/crl_export.h"
#include "bench/crl_pause.h"
#include "bench/crl_plane.h"
#include "bench/memory_peak.h"
#include "control/publish_private.h"
#include "pki/view/revocation.h"

#define DELTA_ENTRIES 1000
#define SETTLE_MS     500 /* an old set is unmapped within */
#define PUBLICATIONS  3   /* and as many times without */

static void print_ms(struct crl_daemon *l, const char *name, double ms)
{
	bench_print(l->o,
		&(struct bench_row){.bench = "crl",
			.operation = name,
			.value = ms,
			.unit = "ms",
			.field = {{"case", .text = name}, {"entries", .number = l->entries}}});
}

/* What the worker went through in a stretch of time. */
struct rounds {
	double longest_ms;
	double kept_off_ms; /* in all rounds, by other programs on its CPU */
};

static void begin_rounds(struct crl_daemon *l, struct rounds *r)
{
	crl_daemon_wait_ms(l, SETTLE_MS);
	(void)crl_daemon_ask_stall(l);
	r->kept_off_ms = -crl_plane_kept_off_ms(l->plane);
}

static void end_rounds(struct crl_daemon *l, struct rounds *r)
{
	crl_daemon_wait_ms(l, SETTLE_MS); /* the old set is unmapped meanwhile */
	r->longest_ms = crl_daemon_ask_stall(l);
	r->kept_off_ms += crl_plane_kept_off_ms(l->plane);
}

/* Publications and, in turns with them, as long a time in which the same list is fetched, and stays. */
struct publications {
	struct rounds with[PUBLICATIONS];
	struct rounds without[PUBLICATIONS];
	struct memory_both memory; /* of the first */
};

static void publish_another(struct crl_daemon *l, struct publications *p, unsigned i)
{
	const uint64_t first = (3 + i) * (uint64_t)l->entries;
	double ms;

	crl_daemon_put_list(l, "full.crl",
		&(struct crl_order){
			.number = 5 + i, .first = first, .cnt = l->entries, .is_ordered = true});
	begin_rounds(l, &p->with[i]);
	if (i == 0)
		memory_both_begin(l->plane);
	ms = crl_daemon_refuse(l, first + 1);
	if (i == 0)
		memory_both_end(&p->memory);
	end_rounds(l, &p->with[i]);
	begin_rounds(l, &p->without[i]);
	ms += (double)bench_wall_ns() / 1e6;
	crl_daemon_refresh(l);
	while ((double)bench_wall_ns() / 1e6 < ms)
		crl_daemon_turn(l);
	end_rounds(l, &p->without[i]);
}

static double middle(const struct rounds *r, size_t field)
{
	double v[PUBLICATIONS];

	for (unsigned i = 0; i < PUBLICATIONS; i++)
		memcpy(&v[i], (const char *)&r[i] + field, sizeof(v[i]));
	return bench_median(v, PUBLICATIONS);
}

#define MIDDLE(which, field) middle(p.which, offsetof(struct rounds, field))

/*
 * The worker's longest round while one set takes another's place, beside the longest of as long a time
 * without; of both the middle of some. And what both processes together held at the most, above what
 * they held before, in sizes of the set. In all: the old ones too, without the data plane's own.
 */
static void measure_publication(struct crl_daemon *l)
{
	double set = (double)rk_revocation_line_cnt(l->entries) * sizeof(struct rk_revocation_line);
	struct publications p;
	size_t page;

	for (unsigned i = 0; i < PUBLICATIONS; i++)
		publish_another(l, &p, i);
	page = l->d.publisher->part[RK_PART_REVOCATION_BASE].page_size;
	bench_print(l->o,
		&(struct bench_row){.bench = "crl",
			.operation = "publication",
			.value = MIDDLE(with, longest_ms),
			.unit = "ms",
			.field = {{"case", .text = "publication"},
				{"pages", .text = page > 65536 ? "2M" : "4K"},
				{"entries", .number = l->entries},
				{"set_mib", .number = set / (1 << 20)},
				{"without_ms", .number = MIDDLE(without, longest_ms)},
				{"kept_off_ms", .number = MIDDLE(with, kept_off_ms)},
				{"without_kept_off_ms", .number = MIDDLE(without, kept_off_ms)},
				{"times_set",
					.number = (double)(p.memory.most - p.memory.before) / set},
				{"times_set_in_all",
					.number = (double)(p.memory.most - l->plane_own) / set}}});
}

/* Every revoked certificate to a client that reads as fast as it can, while the loop serves others. */
static void measure_export(struct crl_daemon *l, const char *format)
{
	size_t anonymous, shared;
	struct pollfd readable;
	uint64_t begin, octets;
	double sec;
	pid_t client;

	loop_pause_begin(l->pause);
	memory_peak_begin();
	begin = bench_wall_ns();
	client = crl_export_start(l->path[2], format, &readable.fd);
	readable.events = POLLIN;
	while (poll(&readable, 1, 0) == 0)
		crl_daemon_turn(l);
	sec = (double)(bench_wall_ns() - begin) / 1e9;
	octets = crl_export_end(client, readable.fd);
	memory_peak_end(&anonymous, &shared);
	bench_must(octets > (uint64_t)l->entries * CRL_SERIAL_LEN * 2, "all of the list");
	bench_print(l->o,
		&(struct bench_row){.bench = "crl",
			.operation = "export",
			.value = l->entries / sec,
			.unit = "entries/s",
			.field = {{"case", .text = "export"}, {"format", .text = format},
				{"entries", .number = l->entries}, {"sec", .number = sec},
				{"mib", .number = (double)(octets >> 20)},
				{"memory_mib", .number = (double)(anonymous >> 20)},
				{"pause_ms",
					.number = (double)loop_pause_most(l->pause)->wall_ns / 1e6},
				{"work_ms",
					.number = (double)loop_pause_most(l->pause)->cpu_ns / 1e6},
				{"blocked_ms",
					.number = (double)loop_pause_most(l->pause)->blocked_ns /
						  1e6}}});
}

static void measure(struct crl_daemon *l)
{
	const unsigned n = l->entries;
	double ms;

	crl_daemon_put_list(
		l, "full.crl", &(struct crl_order){.number = 1, .cnt = n, .is_ordered = true});
	crl_daemon_refuse(l, n / 2);
	crl_daemon_put_list(
		l, "full.crl", &(struct crl_order){.number = 2, .cnt = n + 1, .is_ordered = true});
	ms = crl_daemon_refuse(l, n);
	print_ms(l, "refresh-to-refusal", ms);
	crl_pause_print(l, "crl");
	crl_daemon_put_list(l, "delta.crl",
		&(struct crl_order){.number = 3,
			.delta_base = 2,
			.first = n + 1,
			.cnt = DELTA_ENTRIES,
			.is_ordered = true});
	/* The full list is asked for again by a refresh: only the delta is new. */
	print_ms(l, "delta-to-refusal", crl_daemon_refuse(l, n + 5));
	/* Another list altogether: a new base. */
	crl_daemon_put_list(l, "full.crl",
		&(struct crl_order){
			.number = 4, .first = 2 * (uint64_t)n, .cnt = n, .is_ordered = true});
	ms = crl_daemon_refuse(l, 2 * (uint64_t)n + 1);
	print_ms(l, "replacement-to-refusal", ms);
	crl_pause_print(l, "crl");
	measure_publication(l);
	measure_export(l, "json");
	measure_export(l, "text");
}

void crl_live_run(const struct bench_options *o, const struct crl_maker *maker, unsigned entries)
{
	struct crl_daemon l;

	crl_daemon_open(&l, o, maker, entries);
	measure(&l);
	crl_daemon_close(&l);
}
