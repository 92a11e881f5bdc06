/* SPDX-License-Identifier: BSD-3-Clause */
/* The suite `loop-pause`, whose row stands in `crl`, too. */
#include "bench/crl_pause.h"

#define ROUNDS 3 /* of a list that changes, and of one that shares nothing with it */

/* What is neither the loop's own work nor a lock's is other programs and threads on its CPU. */
void crl_pause_print(struct crl_daemon *l, const char *suite)
{
	const struct loop_pause_most *most = loop_pause_most(l->pause);
	double machine_ms = machine_pause_ms(l->machine);

	bench_print(l->o,
		&(struct bench_row){.bench = suite,
			.operation = "loop-pause",
			.value = (double)most->wall_ns / 1e6,
			.unit = "ms",
			.field = {{"case", .text = "loop-pause"}, {"entries", .number = l->entries},
				{"work_ms", .number = (double)most->cpu_ns / 1e6},
				{"blocked_ms", .number = (double)most->blocked_ns / 1e6},
				{machine_ms >= 0 ? "machine_ms" : NULL, .number = machine_ms}}});
}

/* The n-th list on the server: of so many certificates from that one on. */
static void take_list(struct crl_daemon *l, unsigned n, uint64_t first, unsigned cnt)
{
	crl_daemon_put_list(l, "full.crl",
		&(struct crl_order){.number = n, .first = first, .cnt = cnt, .is_ordered = true});
	(void)crl_daemon_refuse(l, first + cnt - 1);
}

static void run(const struct bench_options *o)
{
	unsigned entries = bench_count(o->entries, 100000), n = 1;
	struct crl_maker maker;
	struct crl_daemon l;

	crl_maker_init(&maker);
	crl_daemon_open(&l, o, &maker, entries);
	take_list(&l, n, 0, entries);
	for (unsigned i = 0; i < ROUNDS; i++) {
		take_list(&l, ++n, 2 * (uint64_t)entries * i, entries + 1);
		crl_pause_print(&l, "loop-pause");
		take_list(&l, ++n, 2 * (uint64_t)entries * (i + 1), entries);
		crl_pause_print(&l, "loop-pause");
	}
	crl_daemon_close(&l);
	crl_maker_fini(&maker);
}

const struct bench_suite bench_loop_pause = {"loop-pause",
	"revocation lists: how long the control loop is kept from its work (--entries)", run};
