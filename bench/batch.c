/* SPDX-License-Identifier: BSD-3-Clause */
/* Key agreement through our own kex, by how many operations go into one call. */
#include <stdlib.h>
#include <string.h>

#include "bench/limit.h"
#include "bench/suites.h"
#include "dataplane/core/kex.h"

static const unsigned sizes[] = {1, 8, 64};
#define SIZE_CNT  (sizeof(sizes) / sizeof(sizes[0]))
#define BATCH_MAX 64

struct batch {
	struct kex_ctx *kex;
	const struct kex_group *group;
	unsigned size;
	struct kex_op op[BATCH_MAX];
	struct kex_op *list[BATCH_MAX];
};

static bool are_done(const struct batch *b)
{
	for (unsigned i = 0; i < b->size; i++)
		if (!b->op[i].is_done)
			return false;
	return true;
}

/* cnt counts calls. */
static bool run_keygen(void *arg, unsigned cnt)
{
	struct batch *b = arg;

	while (cnt-- > 0) {
		kex_keygen(b->kex, b->group, b->list, b->size);
		if (!are_done(b))
			return false;
	}
	return true;
}

static bool run_derive(void *arg, unsigned cnt)
{
	struct batch *b = arg;

	while (cnt-- > 0) {
		kex_derive(b->kex, b->group, b->list, b->size);
		if (!are_done(b))
			return false;
	}
	return true;
}

static struct batch *batch_new(const struct limit_group *g, unsigned size)
{
	struct batch *b = calloc(1, sizeof(*b));

	bench_must(b != NULL && kex_ctx_new(&b->kex) == 0, "out of memory");
	b->group = kex_find(g->id);
	b->size = size;
	for (unsigned i = 0; i < size; i++)
		b->list[i] = &b->op[i];
	bench_must(run_keygen(b, 1), "no keys");
	for (unsigned i = 0; i < size; i++)
		memcpy(b->op[i].peer, b->op[size - 1 - i].share, sizeof(b->op[i].peer));
	return b;
}

static void report(const struct bench_options *o, const struct bench_case *c,
	const struct bench_case *single, const struct limit_group *g, unsigned size)
{
	/* a call of a batch does size operations */
	bench_print(o, &(struct bench_row){.bench = "batch",
			       .operation = c->name,
			       .group = g->name,
			       .value = size * 1e9 / c->ns,
			       .unit = "ops/s",
			       .baseline_name = "batch of 1",
			       .baseline_value = 1e9 / single->ns,
			       .ratio = size * bench_ratio(c, single),
			       .field = {{"batch", NULL, size}}});
}

static void measure(const struct bench_options *o, const struct limit_group *g)
{
	struct bench_case cases[2 * SIZE_CNT];
	struct batch *batch[2 * SIZE_CNT]; /* making keys overwrites what agreeing takes */
	size_t i;

	for (i = 0; i < 2 * SIZE_CNT; i++) {
		bool is_keygen = i < SIZE_CNT;

		batch[i] = batch_new(g, sizes[i % SIZE_CNT]);
		cases[i] = (struct bench_case){.name = is_keygen ? "keygen" : "derive",
			.run = is_keygen ? run_keygen : run_derive,
			.arg = batch[i]};
	}
	bench_run(o, cases, 2 * SIZE_CNT);
	for (i = 0; i < 2 * SIZE_CNT; i++)
		report(o, &cases[i], &cases[i - i % SIZE_CNT], g, batch[i]->size);
	bench_end(cases, 2 * SIZE_CNT);
	for (i = 0; i < 2 * SIZE_CNT; i++) {
		kex_ctx_free(batch[i]->kex);
		free(batch[i]);
	}
}

static void run(const struct bench_options *o)
{
	struct bench_options own = *o;

	own.seconds = o->seconds / LIMIT_GROUP_CNT;
	for (int i = 0; i < LIMIT_GROUP_CNT; i++)
		if (bench_is_wanted(o, limit_groups[i].name, NULL))
			measure(&own, &limit_groups[i]);
}

const struct bench_suite bench_batch = {
	"batch", "key agreement by the number of operations a call", run};
