/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Finding a peer: by session index, as packets are (an array), by identity, as a verified FINISH is
 * (a table read under RCU), and by binary search in the view, which the table is held against.
 */
#include <string.h>

#include "bench/harness.h"
#include "bench/stage.h"
#include "dataplane/core/engine_state.h"

#define STEP 7919 /* a prime: places in no order that memory likes */

struct lookup {
	struct stage *stage;
	unsigned at;
};

static unsigned next_peer(struct lookup *l)
{
	l->at = (l->at + STEP) % l->stage->peer_cnt;
	return l->at;
}

static void identity_of(const struct stage *s, unsigned peer, const char **name, size_t *len)
{
	*name = s->verdict[peer].cn;
	*len = s->verdict[peer].cn_len;
}

static bool by_identity(void *arg, unsigned cnt)
{
	struct lookup *l = arg;
	const char *name;
	size_t len;

	while (cnt-- > 0) {
		identity_of(l->stage, next_peer(l), &name, &len);
		if (peer_table_find(&l->stage->d->shared.peers, name, len) == NULL)
			return false;
	}
	return true;
}

static bool by_search(void *arg, unsigned cnt)
{
	struct lookup *l = arg;
	const char *name;
	size_t len;

	while (cnt-- > 0) {
		identity_of(l->stage, next_peer(l), &name, &len);
		if (rk_view_find_peer(&l->stage->d->published->view, name, len) == NULL)
			return false;
	}
	return true;
}

static bool by_index(void *arg, unsigned cnt)
{
	struct lookup *l = arg;

	while (cnt-- > 0) {
		const struct session *s = session_of_index(
			l->stage->worker->engine, next_peer(l) << INDEX_SERIAL_BITS);

		if (s == NULL || s->number >= l->stage->peer_cnt)
			return false;
	}
	return true;
}

static void run(const struct bench_options *o)
{
	unsigned peers = bench_count(o->peers, 100000), i;
	struct stage *s = stage_open(&(struct stage_options){.peer_cnt = peers});
	struct lookup l = {.stage = s};
	struct bench_case cases[] = {{.name = "identity", .run = by_identity, .arg = &l},
		{.name = "index", .run = by_index, .arg = &l},
		{.name = "binary search", .run = by_search, .arg = &l}};

	stage_publish(s, 0, peers);
	bench_run(o, cases, 3);
	for (i = 0; i < 2; i++)
		bench_print(
			o, &(struct bench_row){.bench = "table",
				   .operation = cases[i].name,
				   .value = 1e9 / cases[i].ns,
				   .unit = "ops/s",
				   .baseline_name = cases[2].name,
				   .baseline_value = 1e9 / cases[2].ns,
				   .ratio = bench_ratio(&cases[i], &cases[2]),
				   .field = {{"peers", NULL, peers}, {"ns", NULL, cases[i].ns}}});
	bench_end(cases, 3);
	stage_close(s);
}

const struct bench_suite bench_table = {
	"table", "finding a peer by index and by identity, beside binary search", run};
