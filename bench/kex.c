/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Key agreement through our own kex, by how many operations go into one call, beside libcrypto's
 * fastest calls for one.
 */
#include <stdlib.h>
#include <string.h>

#include "bench/limit.h"
#include "bench/suites.h"
#include "dataplane/core/kex.h"

static const unsigned sizes[] = {1, 2, 4, 8};
#define SIZE_CNT (sizeof(sizes) / sizeof(sizes[0]))

enum operation { KEYGEN, DERIVE, OPERATION_CNT };
static const char *const names[OPERATION_CNT] = {"keygen", "derive"};

struct batch {
	struct kex_ctx *kex;
	const struct kex_group *group;
	unsigned size;
	struct kex_op op[KEX_BATCH_MAX];
	struct kex_op *list[KEX_BATCH_MAX];
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

static bool run_limit_keygen(void *arg, unsigned cnt)
{
	const struct limit_call *keygen = ((struct limit_chain *)arg)->fastest[0][LIMIT_KEYGEN];

	return keygen->run(keygen->arg, cnt);
}

static bool run_limit_derive(void *arg, unsigned cnt)
{
	const struct limit_chain *c = arg;
	const struct limit_call *import = c->fastest[0][LIMIT_IMPORT];
	const struct limit_call *derive = c->fastest[0][LIMIT_DERIVE];

	while (cnt-- > 0)
		if (!import->run(import->arg, 1) || !derive->run(derive->arg, 1))
			return false;
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

/* A call of a batch does size operations. */
static void report(const struct bench_options *o, const struct bench_case *c,
	const struct bench_case *single, const struct limit_group *g, unsigned size)
{
	bench_print(o, &(struct bench_row){.bench = "kex",
			       .operation = c->name,
			       .group = g->name,
			       .value = size * 1e9 / c->ns,
			       .unit = "ops/s",
			       .baseline_name = single->name,
			       .baseline_value = 1e9 / single->ns,
			       .ratio = size * bench_ratio(c, single),
			       .field = {{"batch", NULL, size}, {"us_a_call", NULL, c->ns / 1e3}}});
}

static void measure(const struct bench_options *o, int group, enum operation operation)
{
	struct bench_case cases[SIZE_CNT + 1];
	struct batch *batch[SIZE_CNT];
	struct limit_chain limit;

	limit_chain_init(&limit, group, -1);
	for (size_t i = 0; i < SIZE_CNT; i++) {
		batch[i] = batch_new(&limit_groups[group], sizes[i]);
		cases[i] = (struct bench_case){.name = names[operation],
			.run = operation == KEYGEN ? run_keygen : run_derive,
			.arg = batch[i]};
	}
	cases[SIZE_CNT] = (struct bench_case){.name = "libcrypto",
		.run = operation == KEYGEN ? run_limit_keygen : run_limit_derive,
		.arg = &limit};
	bench_run(o, cases, SIZE_CNT + 1);
	for (size_t i = 0; i < SIZE_CNT; i++)
		report(o, &cases[i], &cases[SIZE_CNT], &limit_groups[group], batch[i]->size);
	bench_end(cases, SIZE_CNT + 1);
	for (size_t i = 0; i < SIZE_CNT; i++) {
		kex_ctx_free(batch[i]->kex);
		free(batch[i]);
	}
	limit_chain_fini(&limit);
}

static void run(const struct bench_options *o)
{
	struct bench_options own = *o;

	own.seconds = o->seconds / LIMIT_GROUP_CNT / OPERATION_CNT;
	for (int i = 0; i < LIMIT_GROUP_CNT; i++)
		for (int n = 0; n < OPERATION_CNT && bench_is_wanted(o, limit_groups[i].name, NULL);
			n++)
			measure(&own, i, (enum operation)n);
}

const struct bench_suite bench_kex = {
	"kex", "key agreement by the number of operations a call, beside libcrypto", run};
