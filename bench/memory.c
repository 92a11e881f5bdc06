/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a peer takes while it is idle, beyond its certificate's record: anonymous memory of the
 * process (peer, settings, tables, key slot) over that of an empty data plane. Beside it, what its
 * settings and its certificate's record take in the view, which control's memfd holds anyway.
 */
#include "bench/harness.h"
#include "bench/stage.h"

#define LIMIT_BYTES 1024.0

static void report(const struct bench_options *o, const char *what, unsigned peers, double bytes)
{
	bench_print(o, &(struct bench_row){.bench = "memory",
			       .operation = what,
			       .value = bytes / peers,
			       .unit = "bytes",
			       .field = {{"peers", NULL, peers}, {"limit", NULL, LIMIT_BYTES}}});
}

static void run(const struct bench_options *o)
{
	unsigned peers = bench_count(o->peers, 100000);
	struct stage *s = stage_open(&(struct stage_options){.peer_cnt = peers});
	double empty, mapped;

	stage_publish(s, 0, 0);
	stage_touch_pools(s); /* they are there for any number of peers */
	empty = stage_anonymous_bytes();
	mapped = stage_mapped_bytes();
	stage_publish(s, 0, peers);
	report(o, "configured", peers, stage_anonymous_bytes() - empty);
	report(o, "view", peers, stage_mapped_bytes() - mapped);
	stage_give_keys(s, NULL, NULL);
	report(o, "keyed", peers, stage_anonymous_bytes() - empty);
	stage_close(s);
}

const struct bench_suite bench_memory = {
	"memory", "bytes that an idle peer takes, without and with a key", run};
